"""The theory of the problem set, runnable: each lab states theorems and checks them with numbers.

A lab is a module of small functions whose docstrings state what is proved, and a `LAB` that runs
them (`cnnlite lab NAME`).  It is imported only when it is asked for.
"""

from importlib import import_module

from cnnlite.labs.lab import Findings, Lab, Settings, Statement, Table, Unavailable, Worst

__all__ = [
    "Findings",
    "LABS",
    "Lab",
    "Settings",
    "Statement",
    "Table",
    "Unavailable",
    "Worst",
    "load",
]

LABS = {  # name to the module that has its LAB
    "activations": "cnnlite.labs.activations",
    "convolution": "cnnlite.labs.convolution",
    "descent": "cnnlite.labs.descent",
    "sgd": "cnnlite.labs.sgd",
    "generalisation": "cnnlite.labs.generalisation",
    "imbalance": "cnnlite.labs.imbalance",
    "replicate": "cnnlite.labs.replicate",
}


def load(name: str) -> Lab:
    """Import a lab.

    Args:
        name: a key of `LABS`.

    Returns:
        The lab.

    Raises:
        ValueError: there is no such lab; the message lists those there are.
    """
    if name not in LABS:
        raise ValueError(f"no lab {name!r} (there are: {', '.join(LABS)})")
    return import_module(LABS[name]).LAB

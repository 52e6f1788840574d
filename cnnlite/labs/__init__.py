"""The theory of the problem set, runnable: each lab states theorems and checks them with numbers.

A lab is a module of small functions whose docstrings state what is proved, and a `LAB` that runs
them (`cnnlite lab NAME`).  It is imported only when it is loaded.
"""

from importlib import import_module

from cnnlite.labs.lab import Findings, Lab, Settings, Statement, Table, Unavailable, Worst
from cnnlite.labs.notebook import as_notebook

__all__ = [
    "Findings",
    "LABS",
    "Lab",
    "Settings",
    "Statement",
    "Table",
    "Unavailable",
    "Worst",
    "as_notebook",
    "load",
]

_NAMES = (
    "activations",
    "convolution",
    "descent",
    "sgd",
    "generalisation",
    "imbalance",
    "replicate",
)
LABS = {name: f"{__name__}.{name}" for name in _NAMES}
"""From each lab's name to the module that has its `LAB`."""


def load(name: str) -> Lab:
    """Import a lab.

    Args:
        name: a key of `LABS`.

    Returns:
        The lab.

    Raises:
        ValueError: there is no such lab; the message lists the labs.
    """
    if name not in LABS:
        raise ValueError(f"no lab {name!r} (there are: {', '.join(LABS)})")
    return import_module(LABS[name]).LAB

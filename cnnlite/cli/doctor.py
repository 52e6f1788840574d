"""`cnnlite doctor`: what is installed here, how it was built, and where the data is."""

import importlib.util
from pathlib import Path

import click

from cnnlite.cli._group import describe

EXTRAS = {"matplotlib": "viz", "PIL": "viz", "torch": "torch"}


@click.command()
def doctor() -> None:
    """Show the version, the build, the machine, and whether CIFAR-10 is found."""
    from rich.console import Console
    from rich.table import Table

    from cnnlite.cli.environment import environment, numpy_blas

    rows = {name: _plain(value) for name, value in environment().items()}
    rows["numpy's blas"] = numpy_blas()
    for module, extra in EXTRAS.items():
        found = importlib.util.find_spec(module) is not None
        rows[module.lower()] = "yes" if found else f'no (pip install "cnnlite[{extra}]")'
    rows["cifar-10"] = _cifar10()

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name.replace("_", " "), value)
    Console(markup=False, highlight=False, soft_wrap=True).print(table)


def _plain(value: object) -> str:
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )


def _cifar10() -> str:
    from cnnlite import data

    try:
        found = data.cifar10()
    except (OSError, ValueError) as error:
        return describe(error)
    return f"found: {len(found['X_train']):,} training images"

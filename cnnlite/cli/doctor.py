"""`cnnlite doctor`: what is installed here, how it was built, and where the data is."""

import click

from cnnlite.cli._group import describe, show_table
from cnnlite.installed import is_installed

EXTRAS = {  # by package: its module, and the first extra that brings it
    "matplotlib": ("matplotlib", "viz"),
    "pillow": ("PIL", "viz"),
    "plotly": ("plotly", "see"),
    "starlette": ("starlette", "see"),
    "uvicorn": ("uvicorn", "see"),
    "websockets": ("websockets", "see"),
    "joblib": ("joblib", "sweep"),
    "optuna": ("optuna", "sweep"),
    "pyarrow": ("pyarrow", "sweep"),
    "distributed": ("distributed", "dask"),
    "ray": ("ray", "ray"),
    "torch": ("torch", "torch"),
    "onnx": ("onnx", "onnx"),
}


@click.command()
def doctor() -> None:
    """Show the version, the build, the machine, and whether CIFAR-10 is found."""
    from cnnlite.cli.machine import machine, numpy_blas

    rows = {name: _plain(value) for name, value in machine().items()}
    rows["numpy's blas"] = numpy_blas()
    for name, (module, extra) in EXTRAS.items():
        found = is_installed(module)
        rows[name] = "yes" if found else f'no (pip install "cnnlite[{extra}]")'
    rows["cifar-10"] = _cifar10()

    show_table(("", " "), [(name.replace("_", " "), value) for name, value in rows.items()])


def _plain(value: object) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _cifar10() -> str:
    from cnnlite import data

    try:
        return f"found in {data.find().folder}"
    except (OSError, ValueError) as error:
        return describe(error)

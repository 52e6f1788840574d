"""`cnnlite lab`: run a lab, print what it shows, save its picture."""

from pathlib import Path
from typing import Any

import click

from cnnlite.cli._group import did_you_mean, explained, fail, progress_note, show_table
from cnnlite.cli.new_file import write_new
from cnnlite.cli.places import check_place


@click.command()
@click.argument("name", required=False)
@click.option("--full", is_flag=True, help="The real thing; may take many minutes.")
@click.option(
    "--data", type=click.Choice(["embedded", "cifar10"]), default="embedded", show_default=True,
    help="What networks are trained on, where a lab trains any.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(), show_default=True,
    help="Folder of the picture, NAME.png, or of the notebook.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="Threads of the kernels.")
@click.option(
    "--notebook", is_flag=True, help="Write the lab as a Jupyter notebook, NAME.ipynb, instead."
)
def lab(
    name: str | None, full: bool, data: str, out: Path, seed: int, threads: int | None,
    notebook: bool,
) -> int:  # fmt: skip
    """Run the lab NAME: theorems checked over random cases. Without NAME, list the labs.

    The status is 1 if a statement does not hold.
    """
    from cnnlite import labs, set_num_threads
    from cnnlite.data import DataError
    from cnnlite.solver import TrainingDiverged

    if name is None:
        if notebook:
            fail("--notebook needs the name of a lab: cnnlite lab NAME --notebook")
        rows = [(lab.name, lab.title) for lab in map(labs.load, labs.LABS)]
        _print(("lab", "what it shows"), rows)
        return 0
    if name not in labs.LABS:
        fail(f"no lab {name}{did_you_mean(name, labs.LABS)}")
    if notebook:
        if threads is not None:
            fail("--threads is for a run, not for --notebook; a notebook calls set_num_threads")
        path = out / f"{name}.ipynb"
        write_new(path, labs.as_notebook(labs.load(name), labs.Settings(data, full, seed)))
        click.echo(f"{path} is yours; open it in Jupyter, and run it from top to bottom")
        return 0
    if threads is not None:
        set_num_threads(threads)
    check_place(out, "--out names another place", folder=True)
    with explained(OSError):
        out.mkdir(parents=True, exist_ok=True)
    chosen = labs.load(name)
    click.echo(chosen.title)
    try:
        missing = OSError, DataError, labs.Unavailable
        with progress_note("") as say, explained(*missing):
            findings = chosen.run(labs.Settings(data, full, seed, say))
    except TrainingDiverged as error:
        click.echo(f"cnnlite lab: {error}", err=True)
        return 1
    with explained(OSError):
        return _report(findings, out / f"{name}.png")


def _report(findings: Any, path: Path) -> int:
    """Print the findings, save the picture, and return the exit status."""
    from cnnlite.labs.lab import HEADINGS, save_picture

    if findings.setting:
        click.echo(findings.setting)
    click.echo("\nstatements, and the worst deviation of all cases\n")
    _print(HEADINGS, findings.rows(), ("cases", "allowed"))
    for table in findings.tables:
        click.echo(f"\n{table.title}\n")
        _print(table.headings, table.rows)
    if save_picture(findings, path):
        click.echo(f"\nthe picture is in {path}")
    else:
        click.echo('\nno picture: it needs matplotlib, pip install "cnnlite[viz]"')
    failed = findings.failed
    if failed:
        click.echo(f"cnnlite lab: does not hold: {'; '.join(s.text for s in failed)}", err=True)
    return 1 if failed else 0


def _print(headings: Any, rows: Any, drop: Any = ()) -> None:
    """Print a table, numbers to the right."""
    columns = zip(headings, *rows, strict=True)
    numbers = [
        heading for heading, *cells in columns
        if cells and all(cell[:1] in "-+0123456789" for cell in cells)
    ]  # fmt: skip
    show_table(headings, rows, numbers, drop)

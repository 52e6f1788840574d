"""`cnnlite lab`: run a lab, print what it shows, save its picture."""

from pathlib import Path
from typing import Any

import click

from cnnlite.cli._group import did_you_mean, explained, fail, progress_note, show_table


@click.command()
@click.argument("name", required=False)
@click.option("--full", is_flag=True, help="The real thing; may take many minutes.")
@click.option(
    "--data", type=click.Choice(["embedded", "cifar10"]), default="embedded", show_default=True,
    help="What networks are trained on, where a lab trains any.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(), show_default=True,
    help="Folder of the picture, NAME.png.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="Threads of the kernels.")
def lab(name: str | None, full: bool, data: str, out: Path, seed: int, threads: int | None) -> int:
    """Run the lab NAME: theorems checked over random cases. Without NAME, list the labs.

    The status is 1 if a statement does not hold.
    """
    from cnnlite import labs, set_num_threads
    from cnnlite.data import DataError
    from cnnlite.solver import TrainingDiverged

    if name is None:
        rows = [(lab.name, lab.title) for lab in map(labs.load, labs.LABS)]
        _print(("lab", "what it shows"), rows)
        return 0
    if name not in labs.LABS:
        fail(f"no lab {name}{did_you_mean(name, labs.LABS)}")
    if threads is not None:
        set_num_threads(threads)
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
    from cnnlite.labs.lab import save_picture

    if findings.setting:
        click.echo(findings.setting)
    rows = [
        (s.text, f"{s.worst:.1e}", f"{s.cases}", f"{s.allowed:.0e}", "yes" if s.holds else "NO")
        for s in findings.statements
    ]
    click.echo("\nstatements, and the worst deviation of all cases\n")
    _print(("statement", "worst", "cases", "allowed", "holds"), rows, ("cases", "allowed"))
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

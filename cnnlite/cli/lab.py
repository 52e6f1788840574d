"""`cnnlite lab`: run a lab, print what it shows, save its picture."""

from pathlib import Path
from typing import Any

import click

from cnnlite.cli._group import did_you_mean, explained, fail


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
    from rich.console import Console

    from cnnlite import labs, set_num_threads
    from cnnlite.data import DataError
    from cnnlite.solver import TrainingDiverged

    console = Console(markup=False, highlight=False, soft_wrap=True)
    if name is None:
        rows = [(lab.name, lab.title) for lab in map(labs.load, labs.LABS)]
        _print(console, ("lab", "what it shows"), rows)
        return 0
    if name not in labs.LABS:
        fail(f"no lab {name}{did_you_mean(name, labs.LABS)}")
    if threads is not None:
        set_num_threads(threads)
    with explained(OSError):
        out.mkdir(parents=True, exist_ok=True)
    chosen = labs.load(name)
    console.print(chosen.title)
    try:
        missing = FileNotFoundError, DataError, labs.Unavailable
        with console.status("") as status, explained(*missing):
            findings = chosen.run(labs.Settings(data, full, seed, status.update))
    except TrainingDiverged as error:
        click.echo(f"cnnlite lab: {error}", err=True)
        return 1
    with explained(OSError):
        return _report(console, findings, out / f"{name}.png")


def _report(console: Any, findings: Any, path: Path) -> int:
    """Print the findings, save the picture, and return the exit status."""
    from cnnlite.labs._lab import save_picture

    if findings.setting:
        console.print(findings.setting)
    rows = [
        (s.text, f"{s.worst:.1e}", f"{s.cases}", f"{s.allowed:.0e}", "yes" if s.holds else "NO")
        for s in findings.statements
    ]
    console.print("\nstatements, and the worst deviation of all cases\n")
    _print(console, ("statement", "worst", "cases", "allowed", "holds"), rows)
    for table in findings.tables:
        console.print(f"\n{table.title}\n")
        _print(console, table.headings, table.rows)
    if save_picture(findings, path):
        console.print(f"\nthe picture is in {path}")
    else:
        console.print('\nno picture: it needs matplotlib, pip install "cnnlite[viz]"')
    failed = findings.failed
    if failed:
        click.echo(f"cnnlite lab: does not hold: {'; '.join(s.text for s in failed)}", err=True)
    return 1 if failed else 0


def _print(console: Any, headings: Any, rows: Any) -> None:
    """Print a table, numbers to the right; where it is too wide, its widest column breaks lines."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    columns = list(zip(headings, *rows, strict=True))
    widest = max(columns, key=lambda cells: max(map(len, cells)))
    for heading, *cells in columns:
        number = cells and all(cell[:1] in "-+0123456789" for cell in cells)
        table.add_column(
            heading, justify="right" if number else "left", no_wrap=(heading, *cells) != widest
        )
    for row in rows:
        table.add_row(*row)
    console.print(table)

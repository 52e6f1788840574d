"""`cnnlite report`: what there is to see of runs, in one HTML file."""

from pathlib import Path

import click

from cnnlite.cli._group import explained, fail, needs, progress_note
from cnnlite.cli.evaluate import PARTS
from cnnlite.cli.places import check_place
from cnnlite.environment import MOST_THREADS
from cnnlite.terminal import printable


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), metavar="[RUN]...")
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="The HTML file.  [default: report.html, in RUN if there is one]",
)  # fmt: skip
@click.option(
    "--part", "--split", type=click.Choice(list(PARTS)),
    help="Images to ask the network of.  [default: test, or val without]",
)  # fmt: skip
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the official files.")
@click.option("--model", help="FILE.py:FUNCTION of a run with a network of your own.")
@click.option("--threads", type=click.IntRange(1, MOST_THREADS), help="Threads.")
def report(
    runs: tuple[Path, ...],
    out: Path | None,
    part: str | None,
    data_dir: Path | None,
    model: str | None,
    threads: int | None,
) -> None:
    """Write a page about RUN (the newest if left out), one that compares several, or about a sweep.

    The page is one file that any browser opens; nothing is fetched. A run may be finished,
    interrupted, diverged, or still be trained.
    """
    import cnnlite
    from cnnlite.cli import run_folders
    from cnnlite.cli.curves import names
    from cnnlite.files import replace_file
    from cnnlite.report.run_files import PAGE
    from cnnlite.report.sweep import is_sweep

    sweeps = [path for path in runs if is_sweep(path)]
    if sweeps and len(runs) > 1:
        fail(f"{printable(str(sweeps[0]))} is a sweep, which has a page of its own: name it alone")
    needs("plotly", "PIL", extra="see", what="the page")
    from cnnlite.cli.seen_run import see_run
    from cnnlite.report import document, sections

    if threads is not None:
        cnnlite.set_num_threads(threads)
    paths = runs or (run_folders.newest_run("name a run folder"),)
    file = out or (paths[0] / PAGE if len(paths) == 1 else Path(PAGE))
    if out is None and file.is_symlink():  # of a folder that may come from somebody else
        fail(f"{printable(str(file))} is a link to another file: --out names the page's own")
    if file.suffix.lower() not in (".html", ".htm"):
        fail(f"--out {printable(str(file))}: the page is HTML, its name must end in .html")
    if out is not None and not file.parent.is_dir():
        fail(f"--out {printable(str(file))}: there is no folder {printable(str(file.parent))}")
    check_place(file, "--out names another place")
    if sweeps:
        for name, given in (("part", part), ("data-dir", data_dir), ("model", model)):
            if given is not None:
                fail(f"--{name} is for runs, and {printable(str(sweeps[0]))} is a sweep")
        _write_sweep(sweeps[0], file)
        return
    seen = []
    for path, name in zip(paths, names([*paths]), strict=True):
        with progress_note(f"reading {name}") as note, explained(OSError, ValueError):
            seen.append(
                see_run(
                    path, part=part, data_dir=data_dir, model=model, name=name,
                    progress=lambda done: note(f"{done:,} images"),
                )
            )  # fmt: skip
    if len(seen) == 1:
        page = document.render(sections.sections(seen[0]), seen[0].name)
    else:
        page = document.render(sections.comparison(seen), f"{len(seen)} runs compared")
    with explained(OSError):
        replace_file(file, page.encode())
    for one in seen:
        for text in one.notes:
            click.echo(printable(f"{one.name}: {text}" if len(seen) > 1 else text), err=True)
    click.echo(f"page: {printable(str(file))} ({len(page) / 1e6:.1f} MB)")


def _write_sweep(path: Path, file: Path) -> None:
    """Write the page of a sweep."""
    from cnnlite.cli.curves import names
    from cnnlite.files import replace_file
    from cnnlite.report import document, sections
    from cnnlite.report.sweep import read_sweep

    with explained(OSError, ValueError):
        found = read_sweep(path)
        page = document.render(sections.sweep_sections(found), f"sweep {names([path])[0]}")
        replace_file(file, page.encode())
    click.echo(f"page: {printable(str(file))} ({len(page) / 1e6:.1f} MB)")

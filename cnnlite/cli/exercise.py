"""`cnnlite exercise`: starting files with parts to fill in, and the check that tests them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnlite.cli._group import describe, did_you_mean, explained, fail, show_table

if TYPE_CHECKING:
    from cnnlite.exercises import Exercise, Verdict

LONGEST = 24 * 60 * 60


@click.command()
@click.argument("name", required=False, metavar="[NAME | all | check]")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="Where the starting file is written; with all, a folder.  [default: here]",
)  # fmt: skip
@click.option("--part", help="With check: test this part only.")
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), default=10, show_default=True,
    help="With check: time limit of loading a file, and of each part.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True,
    help="With check: other numbers in the tests.",
)  # fmt: skip
def exercise(
    name: str | None,
    files: tuple[Path, ...],
    out: Path | None,
    part: str | None,
    seconds: float,
    seed: int,
) -> int:
    """Write layers yourself: cnnlite exercise NAME, fill it in, cnnlite exercise check FILE.

    Without arguments, lists the exercises. NAME writes a starting file, all writes every one of
    them. check tests files part by part; exit status 0 only if all parts are right, 2 if a file
    could not be checked.
    """
    from cnnlite.exercises import EXERCISES

    if name != "check" and (files or part):
        fail(f"{'FILE' if files else '--part'} goes with check: cnnlite exercise check FILE")
    if not seconds <= LONGEST:  # NaN is no number of seconds either
        fail(f"--seconds is {seconds:g}, expected at most {LONGEST}, a day")
    if name == "check":
        if out is not None:
            fail("--out goes with the name of an exercise, not with check")
        return _check(files, part, seconds, seed)
    if name is None:
        _list()
    elif name == "all":
        for each in EXERCISES:
            _write(each, (out or Path()) / EXERCISES[each].file)
    elif (known := name.replace("_", "-")) in EXERCISES:
        _write(known, out or Path(EXERCISES[known].file))
    else:
        fail(f"no exercise {name}{did_you_mean(name, EXERCISES)}")
    return 0


def _list() -> None:
    from cnnlite.exercises import EXERCISES

    rows = [
        (each.name, each.title, str(len(each.parts)), str(each.points))
        for each in EXERCISES.values()
    ]
    show_table(("exercise", "what it is", "parts", "points"), rows, ("parts", "points"))
    click.echo(
        "\ncnnlite exercise NAME writes a starting file, cnnlite exercise check FILE tests it"
    )


def _write(name: str, path: Path) -> None:
    from cnnlite.exercises import starting_file

    with explained(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(starting_file(name))
        except FileExistsError:
            fail(f"{path} is there already, and is not written over; --out names another file")
        except OSError as error:  # a full disk names no file, and leaves an empty one
            if error.filename is None:
                path.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(path)) from error
    click.echo(f"{path} is yours to fill in; cnnlite exercise check {path} tests it")


def _check(files: tuple[Path, ...], part: str | None, seconds: float, seed: int) -> int:
    from cnnlite.exercises import check

    if not files:
        fail("check needs a file: cnnlite exercise check FILE")
    rows: list[tuple[str, str, str]] = []
    status = reported = 0
    for file in files:
        try:
            subject = _subject(file, part)
            verdicts = check(subject, file, part, seed, seconds)
        except (OSError, ValueError) as error:
            if len(files) == 1:
                fail(describe(error))
            line = f"cnnlite exercise: {' '.join(describe(error).split())}"
            click.echo(_one_line(line), err=True)
            rows.append((_one_line(file), "not checked", ""))
            status = 2
            continue
        if reported:
            click.echo()
        reported += 1
        points, most = _report(file, subject, verdicts)
        rows.append((_one_line(file), subject.name, f"{points}/{most}"))
        if any(verdict.message for verdict in verdicts):
            status = max(status, 1)
    if len(files) > 1:
        click.echo("\n" if reported else "", nl=False)
        show_table(("file", "exercise", "points"), rows, ["points"])
    return status


def _subject(file: Path, part: str | None) -> Exercise:
    """The exercise that a file belongs to, which has that part."""
    from cnnlite.exercises import EXERCISES, exercise_of

    subject = exercise_of(file, EXERCISES)
    names = [each.name for each in subject.parts]
    if part is not None and part not in names:
        raise ValueError(f"{file}: no part {part}{did_you_mean(part, names)}")
    return subject


def _report(file: Path, subject: Exercise, verdicts: list[Verdict]) -> tuple[int, int]:
    """Print how a file stands; return its points, and how many there are."""
    rows = [(v.part.name, v.word, f"{v.points}/{v.part.points}") for v in verdicts]
    points, most = sum(v.points for v in verdicts), sum(v.part.points for v in verdicts)
    click.echo(f"{_one_line(file)}: {subject.title}\n")
    lines = [*rows, ("total", "", f"{points}/{most}")]
    show_table(("part", "", "points"), lines, ["points"])
    told: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.message:
            told.setdefault(verdict.message, []).append(verdict.part.name)
    for message, parts in told.items():
        whole = len(parts) == len(verdicts) > 1
        text = message.replace("\n", "\n  ")
        click.echo(f"\n{'all parts' if whole else ', '.join(parts)}: {text}")
    return points, most


def _one_line(text: str | Path) -> str:
    """A file's name, or a line with one in it, without what could steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(text))

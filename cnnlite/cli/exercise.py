"""`cnnlite exercise`: starting files and notebooks to fill in, and the check that tests them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnlite.cli._class import Reports, show_class
from cnnlite.cli._group import did_you_mean, explained, fail, progress_note, show_table
from cnnlite.cli.new_file import write_new

if TYPE_CHECKING:
    from cnnlite.exercises import Exercise, Grade, Submitted

LANGUAGES = (".py", ".ipynb")
LONGEST = 24 * 60 * 60


@click.command()
@click.argument("name", required=False, metavar="[NAME | all | list | check | make]")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE | DIR]...")
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="Where the starting file is written; with all, a folder.  [default: here]",
)  # fmt: skip
@click.option(
    "--notebook", is_flag=True,
    help="Write a Jupyter notebook in place of a Python file.",
)  # fmt: skip
@click.option(
    "--exercise", "which", metavar="NAME | FILE",
    help="With check: what the files belong to, whether they say so or not; FILE is your own.",
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
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1),
    help="With check: how many files are tested at a time.  [default: one a CPU]",
)  # fmt: skip
@click.option("--json", "as_json", type=click.Path(path_type=Path), help="With check: a report.")
@click.option(
    "--csv", "as_csv", type=click.Path(path_type=Path), help="With check: a table of points."
)
@click.option(
    "--gradescope", type=click.Path(path_type=Path),
    help="With check: results.json of one submission; of several, a folder of such files.",
)  # fmt: skip
def exercise(
    name: str | None,
    files: tuple[Path, ...],
    out: Path | None,
    notebook: bool,
    which: str | None,
    part: str | None,
    seconds: float,
    seed: int,
    jobs: int | None,
    as_json: Path | None,
    as_csv: Path | None,
    gradescope: Path | None,
) -> int:
    """Write layers yourself: cnnlite exercise NAME, fill it in, cnnlite exercise check FILE.

    Without arguments, lists the exercises. NAME writes a starting file, all writes every one of
    them; with --notebook they are notebooks. check tests files and notebooks part by part, and of
    a folder every submission in it; exit status 0 only if all parts are right, 2 if a file could
    not be checked. For instructors, make NAME writes the beginnings of an exercise of your own, and
    FILE.py instead of NAME its starting file.
    """
    reports = Reports(as_json, as_csv, gradescope)
    if name not in ("check", "list", "make") and files:
        fail("FILE goes with check: cnnlite exercise check FILE")
    given = {"part": part, "exercise": which, "jobs": jobs, "json": as_json, "csv": as_csv,
             "gradescope": gradescope}  # fmt: skip
    for option, value in given.items():
        if name != "check" and value is not None:
            fail(f"--{option} goes with check: cnnlite exercise check FILE")
    if not seconds <= LONGEST:  # NaN is no number of seconds either
        fail(f"--seconds is {seconds:g}, expected at most {LONGEST}, a day")
    if notebook and name in (None, "check", "list"):
        fail("--notebook goes with the name of an exercise, all or make")
    if name == "check":
        if out is not None:
            fail("--out goes with the name of an exercise, not with check")
        return _check(files, which, part, seconds, seed, jobs, reports)
    if name in (None, "list"):
        _list(files)
    elif name == "make":
        _make(files, out, notebook)
    else:
        _start(str(name), out, notebook)
    return 0


def _list(files: Sequence[Path]) -> None:
    from cnnlite.exercises import EXERCISES

    own = [_own(file) for file in files]
    rows = [
        (each.name, each.title, str(len(each.parts)), str(each.points))
        for each in (*EXERCISES.values(), *own)
    ]
    show_table(("exercise", "what it is", "parts", "points"), rows, ("parts", "points"))
    click.echo(
        "\ncnnlite exercise NAME writes a starting file, cnnlite exercise check FILE tests it"
    )


def _own(file: Path) -> Exercise:
    from cnnlite.exercises import load_exercise

    with explained(OSError, ValueError):
        return load_exercise(file)


def _start(name: str, out: Path | None, notebook: bool) -> None:
    """Write the starting file of an exercise, or of all."""
    from cnnlite.exercises import EXERCISES, starting_file

    known = name.replace("_", "-")
    if name == "all":
        for each in EXERCISES.values():
            _write(each, starting_file(each.name), out or Path(), notebook, folder=True)
    elif known in EXERCISES:
        _write(EXERCISES[known], starting_file(known), out, notebook)
    elif name.endswith(LANGUAGES):
        own = _own(Path(name))
        _write(own, own.start, out, notebook, f" --exercise {name}")
    else:
        fail(f"no exercise {name}{did_you_mean(name, EXERCISES)}")


def _write(
    exercise: Exercise, text: str, out: Path | None, notebook: bool, option: str = "",
    folder: bool = False,
) -> None:  # fmt: skip
    """Write a starting file, and say how it is checked.

    Args:
        exercise: whose it is.
        text: of it.
        out: where to; None for here.
        notebook: whether it is to be one.
        option: that its check needs.
        folder: whether `out` is the folder to write to.
    """
    from cnnlite.exercises import as_notebook, notebook_name

    name = notebook_name(exercise) if notebook else exercise.file
    path = out / name if folder and out else out or Path(name)
    _check_ending(path, notebook)
    if notebook:
        text = as_notebook(exercise, text, path.name, option)
    write_new(path, text)
    click.echo(f"{path} is yours to fill in; cnnlite exercise check {path}{option} tests it")


def _make(names: Sequence[Path], out: Path | None, notebook: bool) -> None:
    """Write the template of an exercise of one's own."""
    from cnnlite.exercises import EXERCISES, template, template_notebook

    if len(names) != 1:
        fail("make needs one name: cnnlite exercise make NAME")
    notebook |= names[0].suffix == ".ipynb"
    ending = ".ipynb" if notebook else ".py"
    stem = names[0].name.removesuffix(ending).replace("-", "_")
    if not stem.isidentifier():
        fail(f"make: {names[0]} is no name: expected letters, digits and hyphens")
    name = stem.replace("_", "-")
    if name in EXERCISES:
        fail(f"make: there is an exercise {name} already; expected another name")
    path = out or names[0].with_name(f"{stem}{ending}")
    _check_ending(path, notebook)
    write_new(path, (template_notebook if notebook else template)(name, path.name))
    click.echo(f"{path} is yours to change; cnnlite exercise {path} writes its starting file")


def _check_ending(path: Path, notebook: bool) -> None:
    if notebook != (path.suffix.lower() == ".ipynb"):
        fail(f"--out {path}: a name that ends in .ipynb goes with --notebook, and only that one")


def _check(
    files: tuple[Path, ...], which: str | None, part: str | None, seconds: float, seed: int,
    jobs: int | None, reports: Reports,
) -> int:  # fmt: skip
    from cnnlite.cpus import default_num_threads
    from cnnlite.exercises import EXERCISES, Grading

    if not files:
        fail("check needs a file: cnnlite exercise check FILE")
    reports.check()
    fixed = _chosen(which)
    submitted = _submitted(files, fixed)
    with explained(ValueError):
        jobs = jobs or default_num_threads()
    grading = Grading(EXERCISES, fixed, part, seed, seconds, min(jobs, len(submitted)))
    if len(submitted) == 1:
        grades = grading.grade_all(submitted)
    else:
        with progress_note(f"checking {len(submitted)} submissions") as say:
            grades = grading.grade_all(
                submitted, lambda count: say(f"{count} of {len(submitted)} submissions checked")
            )
    if reports or any(grade.submitted.file not in (None, *files) for grade in grades):
        show_class(grades)
        reports.write(grades, seed)
    else:
        _show_each(grades)
    if any(grade.problem for grade in grades):
        return 2
    return 0 if all(grade.right for grade in grades) else 1


def _chosen(which: str | None) -> Exercise | None:
    """The exercise that --exercise names."""
    from cnnlite.exercises import EXERCISES

    if which is None:
        return None
    if which.endswith(LANGUAGES):
        return _own(Path(which))
    if which.replace("_", "-") not in EXERCISES:
        fail(f"--exercise: no exercise {which}{did_you_mean(which, EXERCISES)}")
    return EXERCISES[which.replace("_", "-")]


def _submitted(files: Sequence[Path], fixed: Exercise | None) -> list[Submitted]:
    """What there is to check: the files, and what is in the folders."""
    from cnnlite.exercises import Submitted, find_submissions

    found: list[Submitted] = []
    for file in files:
        if not file.is_dir():
            found.append(Submitted(str(file), file))
            continue
        with explained(OSError):
            inside = find_submissions(file, fixed)
        if not inside:
            problem = f"{file} has no submissions: expected Python files, or a folder a student"
            inside = [Submitted("", None, problem=problem)]
        if len(files) > 1:
            inside = [each._replace(name=str(file / each.name)) for each in inside]
        found += inside
    return found


def _show_each(grades: Sequence[Grade]) -> None:
    """Print how each file stands, part by part, and of several a table at the end."""
    from cnnlite.exercises import one_line

    rows: list[tuple[str, str, str]] = []
    reported = 0
    for grade in grades:
        name = one_line(grade.submitted.name)
        if grade.problem:
            if len(grades) == 1:
                fail(grade.problem)
            click.echo(f"cnnlite exercise: {one_line(' '.join(grade.problem.split()))}", err=True)
            rows.append((name, "not checked", ""))
            continue
        if reported:
            click.echo()
        reported += 1
        _report(name, grade)
        assert grade.exercise is not None
        rows.append((name, grade.exercise.name, f"{grade.points}/{grade.most}"))
    if len(grades) > 1:
        click.echo("\n" if reported else "", nl=False)
        show_table(("file", "exercise", "points"), rows, ["points"])


def _report(name: str, grade: Grade) -> None:
    """Print how a file stands, and what is wrong with its parts."""
    assert grade.exercise is not None
    rows = [(v.part.name, v.word, f"{v.points}/{v.part.points}") for v in grade.verdicts]
    click.echo(f"{name}: {grade.exercise.title}\n")
    lines = [*rows, ("total", "", f"{grade.points}/{grade.most}")]
    show_table(("part", "", "points"), lines, ["points"])
    told: dict[str, list[str]] = {}
    for verdict in grade.verdicts:
        if verdict.message:
            told.setdefault(verdict.message, []).append(verdict.part.name)
    for message, parts in told.items():
        whole = len(parts) == len(grade.verdicts) > 1
        text = message.replace("\n", "\n  ")
        click.echo(f"\n{'all parts' if whole else ', '.join(parts)}: {text}")

"""`cnnlite predict`: what a trained network sees in pictures."""

import csv
import io
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import numpy as np

from cnnlite.cli._data import view_options
from cnnlite.cli._group import describe, explained, fail, progress_note, show_table
from cnnlite.cli.places import check_place
from cnnlite.terminal import printable

if TYPE_CHECKING:
    from cnnlite.cli.runs import Run
    from cnnlite.layers import Layer

BATCH = 128  # pictures that are in memory at once
MOST_DRAWN = 120  # pictures of a sheet


class Answer(NamedTuple):
    """What the network says of a picture: the probability of each class, and their order."""

    file: str
    chances: np.ndarray
    order: np.ndarray


@click.command()
@click.argument("picture", nargs=-1, required=True)
@click.option(
    "--run", type=click.Path(path_type=Path), help="Run folder.  [default: the newest under runs/]"
)
@click.option(
    "--top", type=click.IntRange(min=1), default=3, show_default=True, help="Classes to list."
)
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Table to write.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path),
    help="File to write, with the probability of every class.",
)  # fmt: skip
@click.option(
    "--sheet", type=click.Path(path_type=Path),
    help="Picture to write, of the pictures with their classes.",
)  # fmt: skip
@view_options
@click.option("--model", help="FILE.py:FUNCTION of a run with a network of your own.")
def predict(
    picture: tuple[str, ...],
    run: Path | None,
    top: int,
    csv_file: Path | None,
    json_file: Path | None,
    sheet: Path | None,
    tta: str,
    model: str | None,
) -> int:
    """Print the most likely classes of each PICTURE: files, folders, or patterns such as "*.jpg".

    Any size and any common format will do. A picture that cannot be read is named, and the others
    go on; the exit status is then 1.
    """
    from cnnlite.cli import run_folders, runs
    from cnnlite.cli.picture_files import files_of
    from cnnlite.freezing import freeze

    places = {"csv": csv_file, "json": json_file, "sheet": sheet}
    outputs = {option: place for option, place in places.items() if place is not None}
    _check_places(outputs)
    path = run or run_folders.newest_run("name one with --run")
    with explained(OSError, ValueError):
        opened = runs.open_run(path)
        network = freeze(opened.model(model))
    if opened.normalization is None:
        fail(f"{path} was trained on numbers that are no pictures, and cannot take any")
    files, faults = files_of(picture)
    _keep(outputs, files, path)
    answers: list[Answer] = []
    with progress_note("reading pictures") as note:
        for found in _answers(opened, network, files, tta, faults):
            answers += found
            note(f"{len(answers):,} of {len(files):,} pictures")
    for fault in faults:
        click.echo(f"cnnlite predict: {fault}", err=True)
    if not answers:
        return 2
    # What the classes after the first are called.
    more = ["second", "third", *(f"{place}th" for place in range(4, top + 1))][: top - 1]
    del more[len(opened.class_names) - 1 :]
    _show(answers, opened.class_names, more)
    with explained(OSError, ValueError, ImportError):
        if csv_file is not None:
            _write_csv(csv_file, answers, opened.class_names, more)
        if json_file is not None:
            _write_json(json_file, answers, opened.class_names)
        if sheet is not None:
            _draw(sheet, answers, opened)
    return 1 if faults else 0


def _check_places(outputs: Mapping[str, Path]) -> None:
    """Complain before any work of what cannot be written at its end."""
    options: dict[str, str] = {}
    for option, place in outputs.items():
        if not place.absolute().parent.is_dir():
            fail(f"the folder of {place} does not exist")
        if place.is_dir():
            fail(f"--{option} {place} is a folder, expected a file to write")
        check_place(place, f"--{option} may name another place")
        other = options.setdefault(os.path.realpath(place), option)
        if other != option:
            fail(f"--{other} and --{option} name the same file, {place}")
    if "sheet" in outputs:
        from cnnlite.report.sheet import check_ending

        with explained(ValueError, ImportError):
            check_ending(outputs["sheet"])


def _keep(outputs: Mapping[str, Path], files: Sequence[str], run: Path) -> None:
    """Complain of an output that would take the place of a picture, or of a file of the run."""
    from cnnlite.cli.runs import FILES
    from cnnlite.report.run_files import KEPT

    pictures = {os.path.realpath(file) for file in files}
    own = {os.path.realpath(file) for file in (run / KEPT).glob("*")}
    own |= {os.path.realpath(run / name) for name in FILES}
    for option, place in outputs.items():
        if os.path.realpath(place) in pictures:
            fail(f"--{option} {place} is one of the pictures, and is not written over")
        if os.path.realpath(place) in own:
            fail(f"--{option} {place} is a file of the run, and is not written over")


def _answers(
    run: "Run", model: "Layer", files: list[str], tta: str, faults: list[str]
) -> Iterator[list[Answer]]:
    """Yield the answers for a batch of pictures after the other; add to faults what has none."""
    from cnnlite import get_num_threads
    from cnnlite.report.answers import probabilities

    def read(file: str) -> np.ndarray | str:
        from cnnlite.data import prepare

        try:
            return prepare(file, run.settings)
        except (OSError, ValueError) as error:
            return printable(describe(error))

    with warnings.catch_warnings(), ThreadPoolExecutor(get_num_threads()) as pool:
        warnings.simplefilter("ignore")  # what Pillow finds odd, and reads all the same
        for start in range(0, len(files), BATCH):
            batch = files[start : start + BATCH]
            with explained(ImportError):
                read_files = list(zip(batch, pool.map(read, batch), strict=True))
            faults += [found for _, found in read_files if isinstance(found, str)]
            images = {file: found for file, found in read_files if not isinstance(found, str)}
            if not images:
                continue
            with explained(ValueError):
                stack = np.stack(list(images.values()))
                ((_, chances),) = probabilities(model, stack, run.normalization, tta=tta)
            for file, row in zip(images, chances, strict=True):
                if np.isnan(row).any():
                    fail(
                        f"the network of {run.path} gives scores that are not finite for "
                        f"{printable(file)}"
                    )
            order = np.argsort(-chances, axis=1, kind="stable")
            yield [Answer(*answer) for answer in zip(images, chances, order, strict=True)]


def _show(answers: Sequence[Answer], names: Sequence[str], more: Sequence[str]) -> None:
    rows = []
    for file, chances, order in answers:
        others = [f"{names[label]} {chances[label]:.1%}" for label in order[1 : len(more) + 1]]
        first = order[0]
        rows.append((printable(file), names[first], f"{chances[first]:.1%}", *others))
    show_table(("file", "class", "probability", *more), rows, ["probability"], more[::-1])


def _write_csv(
    path: Path, answers: Sequence[Answer], names: Sequence[str], more: Sequence[str]
) -> None:
    from cnnlite.files import replace_file

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    heads = ["class", "probability"]
    heads += [head for place in more for head in (place, f"{place} probability")]
    writer.writerow(["file", *heads])
    for file, chances, order in answers:
        row = [cell for i in order[: len(more) + 1] for cell in (names[i], f"{chances[i]:.6f}")]
        writer.writerow([_in_unicode(file), *row])
    replace_file(path, text.getvalue().encode())


def _in_unicode(file: str) -> str:
    """Return a file's name as it is, or escaped where its bytes are no UTF-8."""
    try:
        file.encode()
    except UnicodeEncodeError:
        return printable(file)
    return file


def _write_json(path: Path, answers: Sequence[Answer], names: Sequence[str]) -> None:
    from cnnlite.files import replace_file

    content = [
        {
            "file": _in_unicode(file),
            "class": names[order[0]],
            "probability": float(chances[order[0]]),
            "probabilities": {names[label]: float(chances[label]) for label in order},
        }
        for file, chances, order in answers
    ]
    replace_file(path, (json.dumps(content, indent=2) + "\n").encode())


def _draw(path: Path, answers: Sequence[Answer], run: "Run") -> None:
    """Draw the sheet of the first pictures, larger than the network has seen them."""
    from cnnlite.data import prepare
    from cnnlite.report.sheet import CELL, save_captioned

    height, width = run.settings["size"]
    scale = CELL / max(height, width)
    size = [max(1, round(scale * height)), max(1, round(scale * width))]
    drawn = answers[:MOST_DRAWN]
    images = [prepare(answer.file, {**run.settings, "size": size}) for answer in drawn]
    captions = [
        (
            f"{chances[order[0]]:.0%} {run.class_names[order[0]]}",
            printable(os.path.basename(file)),
        )
        for file, chances, order in drawn
    ]
    save_captioned(images, captions, path)
    if len(drawn) < len(answers):
        click.echo(f"{path} has the first {len(drawn)} of {len(answers):,} pictures")

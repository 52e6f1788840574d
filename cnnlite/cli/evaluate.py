"""`cnnlite evaluate`: how good a run's best weights are, and where they err."""

import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import numpy as np

from cnnlite.cli._data import keep_data, view_options
from cnnlite.cli._group import describe, explained, fail, progress_note, show_table, without
from cnnlite.environment import MOST_THREADS
from cnnlite.terminal import printable, width_of

if TYPE_CHECKING:
    from cnnlite.report.answers import Answers
    from cnnlite.report.confusion import Confusion

PARTS = {"train": "training", "val": "validation", "test": "test"}
MOST_CLASSES = 20  # in a table; of more, the worst are shown
PAIRS = 10  # most frequent mistakes, where there is no room for the matrix
SHOWN, DRAWN = 5, 24  # most confident mistakes, in the terminal and in the picture
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--part", "--split", type=click.Choice(list(PARTS)), default="test", show_default=True,
    help="Images to measure.",
)  # fmt: skip
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the official files.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the files.  [default: RUN]"
)
@view_options
@click.option("--model", help="FILE.py:FUNCTION of a run with a network of your own.")
@click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    help="Threads; the default is all cores.",
)
def evaluate(
    run: Path | None,
    part: str,
    data_dir: Path | None,
    out: Path | None,
    tta: str,
    model: str | None,
    threads: int | None,
) -> None:
    """Measure RUN (a run folder; the newest if left out) and show its mistakes.

    Prints accuracy, recall and precision of each class, which classes are taken for which, and the
    most confident mistakes. Writes confusion.csv, confusion.png, mistakes.png and predictions.csv.
    """
    import cnnlite
    from cnnlite.cli import run_folders, runs
    from cnnlite.report.answers import ask
    from cnnlite.report.confusion import Confusion

    if threads is not None:
        cnnlite.set_num_threads(threads)
    path = run or run_folders.newest_run("name a run folder")
    with explained(OSError, ValueError):
        opened = runs.open_run(path)
        network = opened.model(model)
        data = opened.data(data_dir)
    keep_data(data, (out or path) / "mistakes.png")
    if f"X_{part}" not in data:
        others = [name for name in PARTS if f"X_{name}" in data]
        fail(f"{data.name} has no {PARTS[part]} images: measure others with --part {others[-1]}")

    images, labels = data[f"X_{part}"], data[f"y_{part}"]
    with progress_note("measuring") as note:
        found = ask(
            network, images, labels, part, opened.normalization, tta=tta,
            names=None if data.files is None else data.files[part],
            progress=lambda done: note(f"{done:,} of {len(labels):,} images"),
        )  # fmt: skip
    answers = _Named(found, opened.class_names)
    confusion = Confusion(labels, found.predicted, opened.class_names)
    _show_classes(confusion)
    _show_pairs(confusion)
    _show_mistakes(answers)
    if confusion.unanswered.any():
        click.echo(f"{confusion.unanswered.sum():,} images have scores that are not finite")
    accuracy = f"{PARTS[part]} accuracy {confusion.accuracy:.2%}"
    click.echo(f"{accuracy} over {len(labels):,} images of {data.name} ({path})")
    _write(out or path, part, confusion, answers, images, f"{data.name}: {accuracy}")


class _Named(NamedTuple):
    """What was said of each image, in the words that are printed."""

    found: "Answers"
    class_names: tuple[str, ...]

    def name(self, image: int) -> str:
        """The file of an image, or its number."""
        return printable(self.found.name(image))

    def true(self, image: int) -> str:
        """The name of an image's class."""
        return self.class_names[self.found.labels[image]]

    def said(self, image: int) -> str:
        """The name of the class that an image was taken for; "" if for none."""
        label = self.found.predicted[image]
        return self.class_names[label] if label >= 0 else ""


def _show_classes(confusion: "Confusion") -> None:
    """Print recall and precision of each class; of many classes, of those with the worst recall."""
    labels = [label for label, images in enumerate(confusion.images) if images]
    if len(labels) > MOST_CLASSES:
        labels.sort(key=lambda label: confusion.recall[label])
        click.echo(f"the {MOST_CLASSES} classes with the lowest recall, of {len(labels)}:")
        del labels[MOST_CLASSES:]
    rows = []
    for label in labels:
        shares = confusion.recall[label], confusion.precision[label]
        cells = ("-" if np.isnan(share) else f"{share:.2%}" for share in shares)
        rows.append((confusion.class_names[label], f"{confusion.images[label]:,}", *cells))
    headings = ("class", "images", "recall", "precision")
    show_table(headings, rows, headings[1:], ["images"])
    click.echo()


def _show_pairs(confusion: "Confusion") -> None:
    """Print the matrix where there is room for it, else the most frequent mistakes."""
    names, matrix = confusion.class_names, confusion.matrix
    n, number = len(names), len(str(len(names) - 1))
    cell = max(len(f"{matrix.max():,}"), number)
    longest = (width_of(sys.stdout) or 80) - n * (cell + 2) - number - 3
    if n <= MOST_CLASSES and longest >= min(8, max(map(len, names))):
        headings = ["", _cut("true \\ taken for", longest), *map(str, range(n))]
        rows = [
            [str(row), _cut(names[row], longest), *(f"{c:,}" if c else "." for c in matrix[row])]
            for row in range(n)
        ]
        show_table(headings, rows, ["", *headings[2:]])
        click.echo()
    elif pairs := confusion.worst_pairs(PAIRS):
        rows = [[names[pair.true], names[pair.taken_for], f"{pair.images:,}"] for pair in pairs]
        click.echo("the most frequent mistakes:")
        show_table(("true class", "taken for", "images"), rows, ["images"])
        click.echo()


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 1]}{ELLIPSIS}"


def _show_mistakes(answers: _Named) -> None:
    chances = answers.found.confidence
    rows = [
        (answers.name(i), answers.true(i), answers.said(i), f"{chances[i]:.1%}")
        for i in answers.found.mistakes[:SHOWN]
    ]
    if rows:
        click.echo("the most confident mistakes:")
        show_table(("image", "true class", "taken for", "probability"), rows, ["probability"])
        click.echo()


def _write(
    folder: Path,
    part: str,
    confusion: "Confusion",
    answers: _Named,
    images: np.ndarray,
    title: str,
) -> None:
    """Write the four files; those of other parts than test are named after them."""
    from cnnlite.files import replace_file
    from cnnlite.report import sheet

    ending = "" if part == "test" else f"-{part}"
    matrix, mistakes, table, predictions = (
        folder / name
        for name in (
            f"confusion{ending}.png", f"mistakes{ending}.png", f"confusion{ending}.csv",
            f"predictions{ending}.csv",
        )
    )  # fmt: skip
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("image", "class", "predicted", "probability"))
    chances = answers.found.confidence
    for i, (label, chance) in enumerate(zip(answers.found.predicted, chances, strict=True)):
        probability = f"{chance:.6f}" if label >= 0 else ""
        writer.writerow((answers.name(i), answers.true(i), answers.said(i), probability))
    drawn = answers.found.mistakes[:DRAWN]
    captions = [(f"{chances[i]:.0%} {answers.said(i)}", f"is {answers.true(i)}") for i in drawn]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        confusion.save_csv(table)
        replace_file(predictions, text.getvalue().encode())
        written = [table, predictions]
        with without(matrix.name, "matplotlib"):
            confusion.save_picture(matrix, title)
            written.append(matrix)
        if len(drawn) and images.dtype == np.uint8 and images.ndim == 4:
            with without(mistakes.name, "Pillow"):
                heading = f"The most confident mistakes ({title})"
                sheet.save_captioned([images[i] for i in drawn], captions, mistakes, heading)
                written.append(mistakes)
    except OSError as error:
        fail(f"{describe(error)}: the files cannot be written; --out names another folder")
    click.echo(f"written to {folder}: {', '.join(sorted(path.name for path in written))}")

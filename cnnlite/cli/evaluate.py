"""`cnnlite evaluate`: how good a run's best weights are, and where they err."""

import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from cnnlite.cli._group import explained, fail, show_table, without
from cnnlite.environment import MOST_THREADS
from cnnlite.terminal import width_of

if TYPE_CHECKING:
    from cnnlite.report.confusion import Confusion

PARTS = {"train": "training", "val": "validation", "test": "test"}
MOST_CLASSES = 20  # in a table; of more, the worst are shown
SHOWN, DRAWN = 5, 24  # most confident mistakes, in the terminal and in the picture


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--part", "--split", type=click.Choice(list(PARTS)), default="test", show_default=True,
    help="Images to measure.",
)  # fmt: skip
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder that holds CIFAR-10.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the files.  [default: RUN]"
)
@click.option("--mirror", is_flag=True, help="Take the mean over each image and its mirror image.")
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
    mirror: bool,
    model: str | None,
    threads: int | None,
) -> None:
    """Measure RUN (a run folder; the newest if left out) and show its mistakes.

    Prints accuracy, recall and precision of each class, which classes are taken for which, and the
    most confident mistakes. Writes confusion.csv, confusion.png, mistakes.png and predictions.csv.
    """
    import cnnlite
    from cnnlite.cli import run_folders, runs
    from cnnlite.cli.answers import probabilities
    from cnnlite.report.confusion import Confusion

    if threads is not None:
        cnnlite.set_num_threads(threads)
    path = run or run_folders.newest_run("name a run folder")
    with explained(OSError, ValueError):
        opened = runs.open_run(path)
        network = opened.model(model)
        data = opened.data(data_dir)
    if f"X_{part}" not in data:
        others = [name for name in PARTS if f"X_{name}" in data]
        fail(f"{data.name} has no {PARTS[part]} images: measure others with --part {others[-1]}")

    images, labels = data[f"X_{part}"], data[f"y_{part}"]
    predicted, chances = np.empty(len(labels), np.int64), np.empty(len(labels))
    for where, found in probabilities(network, images, opened.normalization, mirror):
        chances[where] = found.max(axis=1)
        predicted[where] = np.where(np.isnan(chances[where]), -1, found.argmax(axis=1))
    wrong = np.flatnonzero((predicted != labels) & (predicted >= 0))
    wrong = wrong[np.argsort(-chances[wrong], kind="stable")]
    answers = _Answers(labels, predicted, chances, wrong, opened.class_names)
    confusion = Confusion(labels, predicted, opened.class_names)
    _show_classes(confusion)
    _show_pairs(confusion)
    answers.show_mistakes()
    if confusion.unanswered.any():
        click.echo(f"{confusion.unanswered.sum():,} images have scores that are not finite")
    accuracy = f"{PARTS[part]} accuracy {confusion.accuracy:.2%}"
    click.echo(f"{accuracy} over {len(labels):,} images of {data.name} ({path})")
    _write(out or path, part, confusion, answers, images, f"{data.name}: {accuracy}")


class _Answers:
    """What was said of each image, and the mistakes, the most confident first."""

    def __init__(
        self,
        labels: np.ndarray,
        predicted: np.ndarray,
        chances: np.ndarray,
        wrong: np.ndarray,
        class_names: tuple[str, ...],
    ) -> None:
        self.labels, self.predicted, self.chances, self.wrong = labels, predicted, chances, wrong
        self.class_names = class_names

    def row(self, image: int) -> tuple[str, str, str, str]:
        """An image's number, its class, what was said, and how probable that was called."""
        said = self.predicted[image]
        answer = self.class_names[said] if said >= 0 else ""
        chance = f"{self.chances[image]:.6f}" if said >= 0 else ""
        return str(image), self.class_names[self.labels[image]], answer, chance

    def show_mistakes(self) -> None:
        if not len(self.wrong):
            return
        rows = []
        for image in self.wrong[:SHOWN]:
            number, true, said, _ = self.row(image)
            rows.append((number, true, said, f"{self.chances[image]:.1%}"))
        click.echo()
        headings = ("image", "is", "confidently taken for", "probability")
        show_table(headings, rows, ("image", "probability"), ["image"])
        click.echo()


def _show_classes(confusion: "Confusion") -> None:
    """Print recall and precision of each class; of many classes, of those with the worst recall."""
    labels = [label for label, images in enumerate(confusion.images) if images]
    if len(labels) > MOST_CLASSES:
        labels.sort(key=lambda label: confusion.recall[label])
        click.echo(f"the {MOST_CLASSES} classes with the lowest recall, of {len(labels)}:")
        del labels[MOST_CLASSES:]
    rows = [
        (
            confusion.class_names[label],
            f"{confusion.images[label]:,}",
            f"{confusion.recall[label]:.2%}",
            _percent(confusion.precision[label]),
        )
        for label in labels
    ]
    show_table(
        ("class", "images", "recall", "precision"), rows, ("images", "recall", "precision"),
        ["images"],
    )  # fmt: skip
    click.echo()


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{share:.2%}"


def _show_pairs(confusion: "Confusion") -> None:
    """Print the matrix where there is room for it, else the most frequent mistakes."""
    names, matrix = confusion.class_names, confusion.matrix
    n, room = len(names), width_of(sys.stdout) or 80
    cell = max(len(f"{matrix.max():,}"), len(str(n - 1)))
    longest = room - n * (cell + 2) - len(str(n - 1)) - 3
    if n <= MOST_CLASSES and longest >= min(8, max(map(len, names))):
        headings = ["", "true \\ taken for", *map(str, range(n))]
        headings[1] = headings[1][: max(longest, 4)] if longest < len(headings[1]) else headings[1]
        rows = [
            [str(row), _cut(names[row], longest), *(f"{c:,}" if c else "." for c in matrix[row])]
            for row in range(n)
        ]
        show_table(headings, rows, ["", *headings[2:]])
        return
    pairs = confusion.worst_pairs(10)
    rows = [[names[pair.true], names[pair.taken_for], f"{pair.images:,}"] for pair in pairs]
    if rows:
        show_table(("true class", "taken for", "images"), rows, ["images"])


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 1]}\N{HORIZONTAL ELLIPSIS}"


def _write(
    folder: Path,
    part: str,
    confusion: "Confusion",
    answers: _Answers,
    images: np.ndarray,
    title: str,
) -> None:
    """Write the four files; those of other parts than test are named after them."""
    from cnnlite.files import replace_file
    from cnnlite.report import sheet

    def place(name: str) -> Path:
        stem, _, ending = name.partition(".")
        return folder / (name if part == "test" else f"{stem}-{part}.{ending}")

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("image", "class", "predicted", "probability"))
    writer.writerows(answers.row(image) for image in range(len(answers.labels)))
    wrong = answers.wrong[:DRAWN]
    captions = []
    for image in wrong:
        _, true, said, _ = answers.row(image)
        captions.append((f"{answers.chances[image]:.0%} {said}", f"is {true}"))
    with explained(OSError, ValueError):
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(place("predictions.csv"), text.getvalue().encode())
        confusion.save_csv(place("confusion.csv"))
        written = ["confusion.csv", "predictions.csv"]
        with without("confusion.png", "matplotlib"):
            confusion.save_picture(place("confusion.png"), title)
            written.append("confusion.png")
        if len(wrong) and images.dtype == np.uint8 and images.ndim == 4:
            with without("mistakes.png", "Pillow"):
                heading = f"The most confident mistakes ({title})"
                sheet.save_captioned(
                    [images[i] for i in wrong], captions, place("mistakes.png"), heading
                )
                written.append("mistakes.png")
    click.echo(f"written to {folder}: {', '.join(sorted(place(name).name for name in written))}")

"""Which classes a network takes for which others: as numbers, as a table, and as a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnlite.files import replace_file

__all__ = ["Confusion", "Pair"]

INK, RIGHT, WRONG = "#333333", (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
PAPER = 245  # the grey of an empty cell, which shows the grid
MOST_NUMBERS = 30  # classes; with more, the numbers in the cells would be too small to read
MOST_NAMES = 60


class Pair(NamedTuple):
    """A mistake that is made: images of one class that are taken for another."""

    true: int
    taken_for: int
    images: int


class Confusion:
    """The confusion matrix of a classifier.

    Args:
        labels: the true classes, integers (N,).
        predicted: what was said, integers (N,); -1 is no answer, and wrong.
        class_names: the name of each label.

    Attributes:
        matrix: int64 (classes, classes): images of the class of the row that were taken for the
            class of the column.
        unanswered: int64 (classes,): images of a class without an answer.
    """

    def __init__(
        self,
        labels: NDArray[np.integer],
        predicted: NDArray[np.integer],
        class_names: Sequence[str],
    ) -> None:
        self.class_names = tuple(class_names)
        n = len(self.class_names)
        answered = predicted >= 0
        pairs = labels[answered].astype(np.int64) * n + predicted[answered]
        self.matrix = np.bincount(pairs, minlength=n * n).reshape(n, n)
        self.unanswered = np.bincount(labels[~answered].astype(np.int64), minlength=n)

    @property
    def images(self) -> NDArray[np.int64]:
        """Images of each class."""
        return self.matrix.sum(axis=1) + self.unanswered

    @property
    def accuracy(self) -> float:
        """The share of all images that are right."""
        return float(np.trace(self.matrix) / self.images.sum())

    @property
    def recall(self) -> NDArray[np.float64]:
        """Of the images of a class, the share that was called so; NaN for a class without any."""
        return _share(np.diag(self.matrix), self.images)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Of what was called so, the share that is; NaN for a class that was never the answer."""
        return _share(np.diag(self.matrix), self.matrix.sum(axis=0))

    def worst_pairs(self, most: int) -> list[Pair]:
        """Return the most frequent mistakes, at most so many; of equal ones the first classes."""
        wrong = self.matrix.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
        rows, columns = np.unravel_index(order, wrong.shape)
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return [
            Pair(row, column, int(wrong[row, column]))
            for row, column in pairs
            if wrong[row, column]
        ]

    def save_csv(self, path: Path) -> None:
        """Write the matrix, a row for each true class, with recall; precision is the last row.

        Raises:
            OSError: the file cannot be written.
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        missing = bool(self.unanswered.any())
        writer.writerow(["true class", *self.class_names, *["no answer"] * missing, "recall"])
        for row, name in enumerate(self.class_names):
            extra = [int(self.unanswered[row])] * missing
            writer.writerow([name, *self.matrix[row].tolist(), *extra, _decimal(self.recall[row])])
        writer.writerow(["precision", *map(_decimal, self.precision)])
        replace_file(path, text.getvalue().encode())

    def save_picture(self, path: Path, title: str) -> None:
        """Draw the matrix: right answers blue, mistakes orange by their share of the class.

        Args:
            path: the PNG; one that is there is replaced, wholly or not at all.
            title: a line above it.

        Raises:
            ImportError: matplotlib is not installed.
            OSError: the file cannot be written.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        n = len(self.class_names)
        side = min(14.0, 3.0 + 0.5 * n)
        figure = Figure(figsize=(side + 0.6, side), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)  # without pyplot: no window, no state that others see
        axes = figure.subplots()
        axes.imshow(self._colors())
        names = [_short(name) for name in self.class_names] if n <= MOST_NAMES else []
        ticks = range(len(names))
        axes.set_xticks(ticks, names, rotation=45, ha="right", rotation_mode="anchor", color=INK)
        axes.set_yticks(ticks, names, color=INK)
        axes.set_xlabel("taken for", color=INK)
        axes.set_ylabel("true class", color=INK)
        axes.set_title(title, loc="left", fontsize=11, color=INK)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1)
        axes.tick_params(which="minor", length=0)
        if n <= MOST_NUMBERS:
            shares = _share(self.matrix, self.images[:, None])
            for row, column in np.argwhere(self.matrix):
                dark = row == column and shares[row, column] > 0.5
                axes.text(
                    column, row, f"{self.matrix[row, column]:,}", ha="center", va="center",
                    color="white" if dark else INK, fontsize=8,
                )  # fmt: skip
        picture = io.BytesIO()
        figure.savefig(picture, format="png", metadata={"Software": None})
        replace_file(path, picture.getvalue())

    def _colors(self) -> NDArray[np.uint8]:
        """An RGB image of the matrix; the most frequent mistake has the full colour."""
        shares = np.nan_to_num(_share(self.matrix, self.images[:, None]))
        right = np.eye(len(shares), dtype=bool)
        most = max(float(shares[~right].max(initial=0.0)), 0.05)
        strength = np.where(right, shares, shares / most * 0.8)[..., None]
        ink = np.where(right[..., None], RIGHT, WRONG)
        return np.rint(PAPER - strength * (PAPER - ink)).astype(np.uint8)


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide; NaN where the whole is nothing."""
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _decimal(share: float) -> str:
    return "" if np.isnan(share) else f"{share:.6f}"


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}\N{HORIZONTAL ELLIPSIS}"

"""What a lab is: its settings, its findings, and how it is drawn."""

import contextlib
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite import data as datasets
from cnnlite import html
from cnnlite.data import Dataset
from cnnlite.files import replace_file

# Okabe and Ito's colours, which colour-blind people tell apart, in the order pictures use them.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, GRID = "#333333", "#dddddd"
HEADINGS = ("statement", "worst", "cases", "allowed", "holds")
"""Of a table of statements."""


class Unavailable(Exception):
    """A lab cannot run here; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Settings:
    """How a lab is to run.

    Args:
        data: "embedded" or "cifar10".
        full: run the full experiment, which may take many minutes, not the default of seconds.
        seed: the seed of everything random.
        say: called with a few words about what is being done, for a progress line.
    """

    data: str = "embedded"
    full: bool = False
    seed: int = 0
    say: Callable[[str], None] = lambda _: None

    def rng(self) -> np.random.Generator:
        """Return a generator of random cases: the same ones for the same seed."""
        return np.random.default_rng(self.seed)

    def images(self, num_train: int | None = None, num_validation: int | None = None) -> Dataset:
        """Load the data set, or the first so many images of its training and validation splits.

        Raises:
            FileNotFoundError, DataError: CIFAR-10 is not there, or is damaged.
        """
        whole = datasets.load(self.data)
        first = {"train": num_train, "val": num_validation, "test": None}
        arrays = {key: array[: first[key.partition("_")[2]]] for key, array in whole.items()}
        return Dataset(arrays, whole.class_names, whole.normalization, whole.name)


def pixels(images: Dataset, dtype: type = np.float32) -> np.ndarray:
    """Return all training images, normalised."""
    assert images.normalization is not None
    return images.normalization.apply(images["X_train"], dtype)


@dataclass(frozen=True)
class Statement:
    """A statement, and how far from it the worst of many cases was.

    Args:
        text: what is stated, in a line.
        worst: the largest deviation; for an inequality, the largest excess.
        cases: how many there were.
        allowed: the deviation that rounding, or chance, explains.
    """

    text: str
    worst: float
    cases: int
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether there were cases, and all were within what is allowed (NaN never is)."""
        return self.cases > 0 and self.worst <= self.allowed


class Worst:
    """Collects the cases of one statement, and keeps the worst.

    An example:

        shift = Worst("C S = S C", allowed=1e-12)
        for ...:
            shift.add(np.abs(C @ S - S @ C))
        shift.statement
    """

    def __init__(self, text: str, allowed: float) -> None:
        self.text, self.allowed = text, allowed
        self.worst, self.cases = -math.inf, 0

    def add(self, deviation: float | np.ndarray) -> None:
        """Add one case: the largest entry of an array is its deviation, NaN if there is one."""
        self.worst = float(np.max([np.max(deviation), self.worst]))
        self.cases += 1

    @property
    def statement(self) -> Statement:
        return Statement(self.text, self.worst, self.cases, self.allowed)


@dataclass(frozen=True)
class Table:
    """What was measured: numbers as text, with a title over them."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Findings:
    """What a lab has found.

    Args:
        setting: data, subset and network of the measurements, in a line; "" if there are none.
        statements: each with its worst case.
        tables: what else was measured.
        draw: draws the picture into the matplotlib Figure it is given.
        size: width and height of the picture in inches.
    """

    setting: str
    statements: Sequence[Statement]
    tables: Sequence[Table]
    draw: Callable[[Any], None]
    size: tuple[float, float] = (9, 3.6)

    @property
    def failed(self) -> list[Statement]:
        return [statement for statement in self.statements if not statement.holds]

    def rows(self) -> list[tuple[str, ...]]:
        """Return a row of text for each statement, under HEADINGS."""
        return [
            (s.text, f"{s.worst:.1e}", f"{s.cases}", f"{s.allowed:.0e}", "yes" if s.holds else "NO")
            for s in self.statements
        ]

    def _repr_html_(self) -> str:
        """Return statements, tables and the picture, for a notebook."""
        rows = self.rows()
        failed = [number for number, row in enumerate(rows) if row[-1] == "NO"]
        caption = "statements, and the worst deviation of all cases"
        parts = [f"<p>{html.escape(self.setting)}</p>"] if self.setting else []
        parts.append(html.table(HEADINGS, rows, HEADINGS[1:4], caption, failed))
        parts += (html.table(t.headings, t.rows, t.headings[1:], t.title) for t in self.tables)
        with contextlib.suppress(ImportError):
            parts.append(html.picture(_drawn(self, 100), "the picture of the lab"))
        return "".join(parts)


@dataclass(frozen=True)
class Lab:
    """A lab: its name, what it shows in a line, and the function that runs it."""

    name: str
    title: str
    run: Callable[[Settings], Findings] = field(repr=False)


def save_picture(findings: Findings, path: Path) -> bool:
    """Draw the picture as a PNG; a file that is there is replaced, wholly or not at all.

    Returns:
        False without matplotlib, and then nothing is done.

    Raises:
        OSError: the file cannot be written.
    """
    try:
        content = _drawn(findings, 150)
    except ImportError:
        return False
    replace_file(path, content)
    return True


def _drawn(findings: Findings, dpi: int) -> bytes:
    """The picture as a PNG; ImportError without matplotlib."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=findings.size, dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)  # without pyplot: no window, no state that others see
    findings.draw(figure)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def style(axes: Any, title: str, xlabel: str = "") -> None:
    """Give axes the look that all pictures of the labs share."""
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_xlabel(xlabel, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(colors=INK, which="both", length=0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def legend_below(axes: Any, columns: int, drop: float = 0.16) -> None:
    """Put the legend below the axes, where it covers nothing.

    Args:
        axes: whose labelled curves it explains.
        columns: of the legend.
        drop: how far below, in heights of the axes; enough to clear the axis label.
    """
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -drop), ncols=columns, columnspacing=1.2,
        frameon=False, labelcolor=INK, fontsize=8.5,
    )  # fmt: skip


def color_bar(picture: Any, axes: Any, label: str) -> None:
    """Draw the scale of a matrix's colours beside the axes (one, or a list that shares it)."""
    figure = picture.get_figure()
    bar = figure.colorbar(picture, ax=axes, shrink=0.9, pad=0.02, aspect=25)
    bar.set_label(label, color=INK, fontsize=8)
    bar.ax.tick_params(colors=INK, length=0, labelsize=8)
    bar.outline.set_edgecolor(GRID)

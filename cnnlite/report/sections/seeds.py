"""Accuracies of trainings that differ in nothing but their seed, a line for each such group."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from cnnlite.report.document import Section, figure
from cnnlite.report.figures.comparison import spread
from cnnlite.report.html import paragraphs, table
from cnnlite.report.sections.card import percent

__all__ = ["over_seeds"]

STATISTICS = ("seeds", "mean", "deviation", "lowest", "highest")


def over_seeds(
    one: str,
    headings: Sequence[str],
    groups: Mapping[tuple[str, ...], Sequence[float]],
    measured: str = "best validation accuracy",
    order: str = "",
) -> Section:
    """Return the section on the spread over seeds.

    Args:
        one: what a training is called, such as "run".
        headings: of the columns that say what a group is.
        groups: by what stands in these columns, the first of which names the group in the figure,
            the accuracies of its trainings, one at least.
        measured: the accuracy.
        order: a sentence on the order of the groups; it may be missing.
    """
    rows = [(*group, *_statistics(values)) for group, values in groups.items()]
    lead = (
        f"{one.capitalize()}s in a line differ in nothing but their seed. A difference between "
        "lines that is smaller than the spread within them may be luck."
    )
    caption = f"Each dot is a {one}, each bar the mean of its line. {order}".rstrip()
    html = paragraphs([lead], "lead")
    html += figure(
        "spread", caption, f"{measured.capitalize()} of {len(groups)} groups of {one}s",
        table(f"{measured.capitalize()} over seeds", (*headings, *STATISTICS), rows, STATISTICS),
    )  # fmt: skip
    drawn = spread({group[0]: values for group, values in groups.items()}, measured)
    return Section("seeds", "Accuracy over seeds", html, {"spread": drawn})


def _statistics(values: Sequence[float]) -> tuple[str, ...]:
    deviation = statistics.stdev(values) if len(values) > 1 else math.nan
    told = (statistics.fmean(values), deviation, min(values), max(values))
    return (str(len(values)), *map(percent, told))

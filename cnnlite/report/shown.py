"""The figures of a report one by one, for notebooks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlite.report.run import Run
from cnnlite.report.seen import Seen
from cnnlite.terminal import did_you_mean
from cnnlite.training.state import TrainingState

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from cnnlite.report.document import Section

__all__ = ["FIGURES", "show"]

FIGURES = {
    "curves": ("curves", "curves"),
    "costs": ("network", "costs"),
    "mean": ("layers", "mean"),
    "std": ("layers", "std"),
    "dead": ("layers", "dead"),
    "grad_norm": ("layers", "grad_norm"),
    "update_ratio": ("layers", "update_ratio"),
    "confusion": ("confusion", "matrix"),
    "recall": ("confusion", "recall"),
    "confidence": ("confusion", "confidence"),
}
"""By name, the section of the page that has the figure, and what it is called there."""
COMPARED = {
    "curves": ("curves", "curves"),
    "spread": ("seeds", "spread"),
    "recall": ("classes", "recalls"),
}
"""The same of several runs."""


def show(what: str, *of: Any, classes: Sequence[str] = (), **options: Any) -> go.Figure:
    """Return a figure of the report, which a notebook shows.

    Args:
        what: of one training "curves", "costs" (time and memory of each layer), "mean", "std",
            "dead", "grad_norm", "update_ratio" (of each layer over the epochs that were kept),
            "confusion", "recall", "confidence"; "filters", "maps", "pixel" (how a number was
            computed), "grad_cam", "occlusion", "mistakes", "hardest", "easiest".  Of several
            "curves", "spread" (accuracy over seeds), "recall".
        of: each a run folder, a `Run`, a Solver, or a `Seen`.
        classes: the names of a Solver's classes, which does not know them.
        options: of maps, pixel, grad_cam and occlusion: `image` (its place among the images that
            the network was asked of), `layer` (its path in the network), `place` (channel, row and
            column of a pixel), `label` (a class, by number or name); see `cnnlite.report.looks`.

    Raises:
        ImportError: plotly is not installed.
        ValueError: there is no such figure, layer, image or class, or nothing to show.
        TypeError: something else than a training, or an option that the figure does not have.
        OSError: there is no such folder.
    """
    if not of:
        raise TypeError("show: expected a training, as in show('curves', solver)")
    from cnnlite.report.looks import LOOKS, Missing

    names: Mapping[str, Any] = FIGURES | LOOKS if len(of) == 1 else COMPARED
    if what not in names:
        where = "" if len(of) == 1 else f" of {len(of)} trainings"
        raise ValueError(f"show: no figure {what!r}{where}{did_you_mean(str(what), names)}")
    look = LOOKS.get(what) if len(of) == 1 else None
    allowed = [] if look is None else list(inspect.signature(look).parameters)[1:]
    for name in options:
        if name not in allowed:
            raise TypeError(f"show: {what!r} takes no {name}{did_you_mean(name, allowed)}")
    trainings = [_seen(one, classes) for one in of]
    if look is not None:
        try:
            return look(trainings[0], **options)
        except Missing as error:
            raise ValueError(f"show: nothing to show in {what!r}: {error}") from None
    section, figure = names[what]
    found = _sections(section, trainings)
    if found is None or figure not in found.figures:
        told = " ".join(note for seen in trainings for note in seen.notes)
        raise ValueError(f"show: nothing to show in {what!r}. {told}".rstrip())
    return found.figures[figure]


def _sections(name: str, trainings: Sequence[Seen]) -> Section | None:
    from cnnlite.report import sections

    if len(trainings) > 1:
        found = (each for each in sections.comparison(trainings) if each.id == name)
        return next(found, None)
    make: Callable[[Seen], Section | None] = getattr(sections, name)
    return make(trainings[0])


def _seen(training: Any, classes: Sequence[str]) -> Seen:
    if isinstance(training, Seen):
        return training
    if isinstance(training, str | Path):
        training = Run(training)
    if isinstance(training, Run):
        return training.seen
    if isinstance(training, TrainingState):
        return Seen.from_solver(training, classes=classes)
    raise TypeError(
        f"show: expected a run folder, a Run, a Solver or a Seen, got {type(training).__name__}"
    )

"""What a page shows of one training: plain values and arrays, whether from a folder or live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from cnnlite.report.kept import Kept

__all__ = ["Answers", "LayerRow", "Seen"]


class LayerRow(NamedTuple):
    """One layer of a network, as it was measured.

    Attributes:
        name: its path in the network, as in the keys of its parameters ("0", "body.1").
        kind: its class.
        text: the layer as it is printed.
        depth: how many layers are around it.
        shape: of what it gives for one image.
        params: numbers that are trained.
        multiply_adds: multiplications with an addition each, forwards, for one image.
        ms: milliseconds forwards for one image; None for a container, or if not measured.
        backward_ms: the same backwards.
        bytes: what its cache keeps of one image until backward.
    """

    name: str
    kind: str
    text: str
    depth: int
    shape: tuple[int, ...]
    params: int
    multiply_adds: int
    ms: float | None
    backward_ms: float | None
    bytes: int


@dataclass(frozen=True)
class Answers:
    """What a network says of images whose classes are known.

    Attributes:
        part: which images: "val" or "test".
        labels: their classes, integers (N,).
        predicted: what they are taken for, integers (N,); -1 where scores are not finite.
        probabilities: float32 (N, classes); NaN where scores are not finite.
        images: uint8 (N, C, H, W); None if the data set is no pictures.
        names: the files of the images, or None.
    """

    part: str
    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    images: np.ndarray | None
    names: Sequence[str] | None = None

    @property
    def confidence(self) -> np.ndarray:
        """The probability of what was said, float32 (N,); NaN where nothing was."""
        return self.probabilities.max(axis=1)

    @property
    def accuracy(self) -> float:
        """The share of the images that are right."""
        return float(np.mean(self.predicted == self.labels))

    @property
    def mistakes(self) -> np.ndarray:
        """The images that are taken for another class, the most confident mistakes first."""
        wrong = np.flatnonzero((self.predicted != self.labels) & (self.predicted >= 0))
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")]


@dataclass(frozen=True)
class Seen:
    """Everything a page shows of one training.

    Attributes:
        name: the run folder's name, or that of a training that is still running.
        history: a row an epoch, as `Solver.history`.
        losses: the loss of each step.
        config: as recorded, each None where it is not known: command (str), model, data, seed,
            options (dict), images (of each part, dict), versions (dict), threads,
            instruction_set, sgemm (GFLOP/s).
        classes: their names.
        layers: the network; empty if it is not known.
        kept: what was kept of epochs, the oldest first; may be empty.
        answers: of the best weights; None if they could not be asked.
        notes: sentences that say what is missing, and why.
    """

    name: str
    history: Sequence[Mapping[str, Any]] = ()
    losses: Sequence[float] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    classes: Sequence[str] = ()
    layers: Sequence[LayerRow] = ()
    kept: Sequence[Kept] = ()
    answers: Answers | None = None
    notes: Sequence[str] = ()

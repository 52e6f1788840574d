"""The learning-rate range test: what its losses say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SMOOTHING = 0.9
"""The share of its past that the rise of the loss keeps, by which the test ends."""
EXPLODED = 3
"""That rise, in losses at the start, at which it ends."""
NEIGHBOURS = 4
"""Rates on either side that a smoothed loss is a mean of."""
LEAST = 0.01
"""What the smoothed loss must fall by, in losses at the start, for its slope to say anything."""
FEWEST = 8
"""Losses without which there is nothing to see."""


class LRFind(NamedTuple):
    """What a range test has found.

    The loss of a step is the loss of a fresh batch, and batches differ by more than a step changes.
    So each batch's loss with the weights at the start is subtracted, and the mean of these is
    added: what is left is what the steps did.  A mean over nine neighbours smooths it.

    The suggestion is the rate at which the smoothed loss falls fastest per decade of rates, before
    its minimum; None if it never falls by a hundredth: a dip of less is how batches differ, and
    lies anywhere.  The minimum itself would be too high: the loss is about
    to rise there, and is low because of the rates before it.
    """

    suggestion: float | None
    lrs: list[float]
    losses: list[float]  # of each rate's step, as they came
    smoothed: list[float]


def exploded(losses: Sequence[float], start: Sequence[float], scale: float) -> bool:
    """Return whether the last losses are far above those of the same batches at the start.

    Args:
        losses: of the steps so far.
        start: of all batches, with the weights at the start.
        scale: what counts as a loss at the start.
    """
    rise = weight = 0.0
    for loss, first in zip(losses, start, strict=False):
        rise, weight = SMOOTHING * rise + loss - first, SMOOTHING * weight + 1
    return len(losses) >= FEWEST and rise / weight > EXPLODED * scale


def judged(lrs: list[float], losses: list[float], start: Sequence[float], scale: float) -> LRFind:
    """Return the losses with their suggestion; the arguments are as for `exploded`.

    Raises:
        ValueError: there are too few.
    """
    if len(losses) < FEWEST:
        raise ValueError(
            f"Solver.lr_find: there are {len(losses)} losses, expected {FEWEST} or more: lower "
            "start_lr, or raise num_steps"
        )
    first = np.asarray(start[: len(losses)])
    # What explodes at the end must not be smeared over the rates before it.
    rise = _smooth(np.minimum(losses - first, scale))
    fall = -np.gradient(rise, np.log(lrs))[: int(rise.argmin()) + 1]
    steepest = int(fall.argmax())
    suggestion = lrs[steepest] if -rise.min() > LEAST * scale else None
    return LRFind(suggestion, lrs, losses, (rise + first.mean()).tolist())


def _smooth(values: np.ndarray) -> np.ndarray:
    """Return means over neighbours, the weights of a Hann window: nothing is delayed."""
    window = np.hanning(2 * NEIGHBOURS + 3)[1:-1]
    inside = slice(NEIGHBOURS, NEIGHBOURS + len(values))
    total = np.convolve(values, window)[inside]
    return np.asarray(total / np.convolve(np.ones(len(values)), window)[inside])

"""The learning-rate range test: what its losses say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

SMOOTHING = 0.9
"""The share that the smoothed loss keeps of its neighbour."""
EXPLODED = 4
"""How many times its minimum the smoothed loss may be before the test ends."""
FEWEST = 8
"""Losses without which there is nothing to see."""


class LRFind(NamedTuple):
    """What a range test has found.

    The suggestion is the rate at which the smoothed loss falls fastest per decade of rates, before
    its minimum.  It is None where the loss never falls.  The minimum itself is too high: the loss
    is about to rise there, and has been kept low by the lower rates before it.
    """

    suggestion: float | None
    lrs: list[float]
    losses: list[float]  # of each rate's step, as they came
    smoothed: list[float]  # weighted means with both neighbours, so that nothing is delayed


def exploded(losses: Sequence[float]) -> bool:
    """Return whether the last losses are far above the best so far."""
    if len(losses) < FEWEST:
        return False
    smoothed = _one_way(losses)
    best = smoothed[FEWEST - 1 :].min()
    return bool(smoothed[-1] - best > (EXPLODED - 1) * abs(best))


def judged(lrs: list[float], losses: list[float]) -> LRFind:
    """Return the losses with their suggestion.

    Raises:
        ValueError: there are too few.
    """
    if len(losses) < FEWEST:
        raise ValueError(
            f"Solver.lr_find: {len(losses)} losses are too few, expected {FEWEST} or more: lower "
            "start_lr, or raise num_steps"
        )
    smoothed = _smooth(losses)
    fall = -np.gradient(smoothed, np.log(lrs))[: int(smoothed.argmin()) + 1]
    steepest = int(fall.argmax())
    suggestion = lrs[steepest] if fall[steepest] > 0 else None
    return LRFind(suggestion, lrs, losses, smoothed.tolist())


def _smooth(losses: Sequence[float]) -> np.ndarray:
    """Return means weighted by SMOOTHING^distance, over both sides."""
    there, back = _sums(losses), _sums(losses[::-1])[:, ::-1]
    total, weight = there + back - np.array([losses, np.ones(len(losses))])
    return np.asarray(total / weight)


def _one_way(losses: Sequence[float]) -> np.ndarray:
    total, weight = _sums(losses)
    return np.asarray(total / weight)


def _sums(values: Iterable[float]) -> np.ndarray:
    """Return weighted sums of the values up to each place, and of the weights, (2, N)."""
    sums, total, weight = [], 0.0, 0.0
    for value in values:
        total, weight = SMOOTHING * total + value, SMOOTHING * weight + 1
        sums.append((total, weight))
    return np.array(sums).T

"""What an output of a layer sees of its input, and with which factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cnnlite.checks.numbers import integer
from cnnlite.layers.trace import Ran
from cnnlite.report.inside.rules import Affine, Maximum, Mix, Weighted
from cnnlite.report.inside.windows import NO_TAP

__all__ = ["Patch", "Place", "branches", "kernel_of", "place_in", "scale_and_shift"]

Place = tuple[int, int, int]
"""Channel, row and column."""
AFFINE = ("mean", "variance", "eps", "weight", "bias")
"""The numbers in the formula of a normalisation."""


class Patch(NamedTuple):
    """What an output sees of an image (C, H, W), and where that lies."""

    patch: np.ndarray  # 0 where there is padding, or no tap
    channels: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def of(cls, rule: Weighted | Mix | Maximum, x: np.ndarray, at: Place) -> Patch:
        channel, row, column = at
        rows, columns = rule.windows.rows[row], rule.windows.columns[column]
        channels = np.array([channel])
        if isinstance(rule, Weighted):
            channels = np.array(rule.channels(channel))
        elif isinstance(rule, Mix):
            channels = rule.channels[[channel]]
        seen = cls(x[np.ix_(channels, rows, columns)], channels, rows, columns)
        return seen._replace(patch=np.where(seen.inside, seen.patch, 0))

    @property
    def inside(self) -> np.ndarray:
        """Where there is a pixel, (C, KH, KW)."""
        pixels = (self.rows >= 0)[:, None] & (self.columns >= 0)
        return (self.channels >= 0)[:, None, None] & pixels

    @property
    def taps(self) -> np.ndarray:
        """Where there is a pixel or padding."""
        return (self.rows != NO_TAP)[:, None] & (self.columns != NO_TAP)


def kernel_of(rule: Weighted | Mix | Maximum, seen: Patch, at: Place) -> np.ndarray:
    """Return what each number of a patch counts, float64."""
    channel, row, column = at
    if isinstance(rule, Weighted):
        return rule.weight[channel].astype(np.float64)
    if isinstance(rule, Mix):
        kernel = (rule.rows[row][:, None] * rule.columns[column])[None]
        return kernel * (rule.channels[channel] >= 0)
    values = np.where(seen.inside, seen.patch, -np.inf)  # of equal ones argmax takes the first
    kernel = np.zeros(values.shape)
    kernel.flat[values.argmax()] = seen.inside.any()
    return kernel


def scale_and_shift(
    rule: Affine, image: int, at: Place, shape: tuple[int, ...]
) -> tuple[float, float, dict[str, float]]:
    """Return scale and shift of a normalisation at a place, and what they are made of."""

    def of(values: np.ndarray | None, otherwise: float = 0.0) -> float:
        if values is None:
            return otherwise
        if values.ndim == 4:  # of each image, or of the batch
            values = values[image if len(values) > 1 else 0]
        return float(np.broadcast_to(values, shape)[at])

    mean, variance = of(rule.mean), of(rule.variance)
    weight, bias = of(rule.weight, 1.0), of(rule.bias)
    scale = float(weight / np.sqrt(variance + rule.eps))
    parts = (mean, variance, rule.eps, weight, bias)
    return scale, bias - mean * scale, dict(zip(AFFINE, parts, strict=True))


def place_in(name: str, place: Sequence[int], array: np.ndarray, image: int) -> Place:
    """Return a place as (channel, row, column), once it is in the array (N, ...)."""
    shape = array.shape
    inside = len(place) == len(shape) - 1 and all(
        0 <= integer(name, "place", at) < size for at, size in zip(place, shape[1:], strict=True)
    )
    if not inside or not 0 <= integer(name, "image", image) < shape[0]:
        raise ValueError(f"{name}: place is {tuple(place)} of image {image}, the array {shape}")
    at = [int(i) for i in place]
    channel, *rest = at
    row, column = {0: (0, 0), 1: (0, *rest), 2: tuple(rest)}[len(rest)]
    return channel, row, column


def branches(ran: Ran, runs: Sequence[Ran]) -> tuple[np.ndarray, np.ndarray]:
    """Return what the two branches of a Residual gave: body, and shortcut.

    Raises:
        ValueError: they are not among the runs.
    """
    found = {}
    for other in runs:
        if other is ran:
            break
        found[other.path] = other.y
    prefix = f"{ran.path}." if ran.path else ""
    body = found.get(f"{prefix}body")
    if body is None:
        raise ValueError(f"computed: runs has no {prefix}body, a branch of {ran.path or 'it'}")
    return body, ran.x if ran.layer.shortcut is None else found[f"{prefix}shortcut"]

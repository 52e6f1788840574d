"""Dropout: zeroes elements at random while training."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from cnnlite.backend import empty
from cnnlite.checks.arrays import Array, check_floats, check_gradient, check_images, contiguous
from cnnlite.checks.numbers import flag, real, shown
from cnnlite.quiet import quiet

__all__ = [
    "DropoutCache", "dropout_forward", "dropout_backward", "dropout2d_forward",
    "dropout2d_backward",
]  # fmt: skip

# Random numbers are drawn in pieces of this many: no array of floats as large as x is needed.
_PIECE = 2**16


class HasGenerator(Protocol):
    """Something like `cnnlite.random.Rng`: it makes a generator for the place it names."""

    def generator(self) -> np.random.Generator:
        """Return a generator that starts anew at every call."""


class DropoutCache(NamedTuple):
    """What the backward pass of dropout needs."""

    keep: npt.NDArray[np.bool_] | None  # a byte for each number drawn: kept or not; None: all were
    scale: float  # what the kept elements were multiplied with
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def dropout_forward(
    x: Array, p: float, train: bool, rng: np.random.Generator | HasGenerator | None = None
) -> tuple[Array, DropoutCache]:
    """Zero each element with probability p and scale the others by 1/(1 - p).

    Args:
        x: any shape, float32 or float64.
        p: probability to drop, 0 to 1.
        train: False, as p = 0, returns x itself.
        rng: where the random numbers come from (needed when something is dropped).  The mask
            depends on it and on the elements' positions in C order, not on the dtype.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError: x is not float32 or float64, p is no number, train no flag, or rng is missing.
        ValueError: p is not from 0 to 1.

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from
    overfitting", 2014; scaled while training ("inverted"), as everywhere today.
    """
    check_floats("Dropout", x=x)
    return _forward("Dropout", x, x.shape, p, train, rng)


def dropout_backward(dy: Array, cache: DropoutCache) -> Array:
    """Pass the gradient to the elements that were kept, scaled as they were.

    Args:
        dy: like y.
        cache: what `dropout_forward` returned; unchanged.

    Returns:
        dx like x.
    """
    return _backward("Dropout", dy, cache)


def dropout2d_forward(
    x: Array, p: float, train: bool, rng: np.random.Generator | HasGenerator | None = None
) -> tuple[Array, DropoutCache]:
    """Zero each channel of each image with probability p, and scale the others by 1/(1 - p).

    Args:
        x: (N, C, H, W), float32 or float64.
        p, train, rng: as for `dropout_forward`; the mask depends on rng and a channel's position.

    Returns:
        y like x, and the cache.

    Raises:
        TypeError, ValueError: as `dropout_forward`, and where x is not (N, C, H, W).

    Source: Tompson et al., "Efficient object localization using convolutional networks", CVPR
    2015, section 3.2.
    """
    check_images("Dropout2d", x)
    return _forward("Dropout2d", x, (*x.shape[:2], 1, 1), p, train, rng)


def dropout2d_backward(dy: Array, cache: DropoutCache) -> Array:
    """Pass the gradient to the channels that were kept, scaled as they were.

    Args:
        dy: like y.
        cache: what `dropout2d_forward` returned; unchanged.

    Returns:
        dx like x.
    """
    return _backward("Dropout2d", dy, cache)


def _forward(
    name: str,
    x: Array,
    shape: tuple[int, ...],
    p: float,
    train: bool,
    rng: np.random.Generator | HasGenerator | None,
) -> tuple[Array, DropoutCache]:
    """Drop by a mask of that shape, which is x's or broadcast over it."""
    p = real(name, "p", p, 0, 1)
    if not flag(name, "train", train) or p == 0:
        return x, DropoutCache(None, 1.0, x.shape, x.dtype)
    generator: Any = rng
    if callable(getattr(rng, "generator", None)):
        generator = generator.generator()
    if not isinstance(generator, np.random.Generator):
        raise TypeError(
            f"{name}: rng must be a numpy.random.Generator while training, got {shown(rng)}"
        )
    keep = np.empty(shape, np.bool_)
    flat = keep.reshape(-1)
    piece = np.empty(min(_PIECE, flat.size), np.float32)
    for start in range(0, flat.size, _PIECE):
        drawn = piece[: flat.size - start]
        generator.random(dtype=np.float32, out=drawn)
        np.greater_equal(drawn, p, out=flat[start : start + drawn.size])
    scale = 1 / (1 - p) if p < 1 else 0.0
    return _masked(contiguous(x), keep, scale), DropoutCache(keep, scale, x.shape, x.dtype)


def _backward(name: str, dy: Array, cache: DropoutCache) -> Array:
    dy = check_gradient(name, dy, cache.shape, cache.dtype)
    return dy if cache.keep is None else _masked(dy, cache.keep, cache.scale)


@quiet
def _masked(array: Array, keep: npt.NDArray[np.bool_], scale: float) -> Array:
    out = empty(array.shape, array.dtype)
    np.multiply(array, keep, out=out)
    out *= scale
    return out

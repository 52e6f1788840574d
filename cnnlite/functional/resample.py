"""Resampling: images of another size, by the nearest pixel or between the four around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.backend import empty
from cnnlite.checks.arrays import Array, check_allocation, check_gradient, check_images, contiguous
from cnnlite.checks.numbers import LARGEST, IntPair, choice, flag, pair, real
from cnnlite.functional.statistics import sum_in_double
from cnnlite.quiet import quiet

__all__ = ["InterpolateCache", "interpolate_backward", "interpolate_forward"]

MODES = ("nearest", "bilinear")
Indices = npt.NDArray[np.int64]
Scale = float | Sequence[float]


class Taps(NamedTuple):
    """Where the pixels along an axis of the output come from."""

    first: Indices  # number of a pixel
    second: Indices | None  # and of the next; None where the first alone counts
    weight: Array  # of the second, float64


class Settings(NamedTuple):
    """What the arguments say, checked."""

    size: tuple[int, int] | None
    scales: tuple[float, float] | None
    mode: str
    align_corners: bool


class InterpolateCache(NamedTuple):
    """What the backward pass of resampling needs: where pixels come from, for it is linear."""

    rows: Taps
    columns: Taps
    x_shape: tuple[int, ...]
    y_shape: tuple[int, ...]
    dtype: np.dtype[Any]


@quiet
def interpolate_forward(
    x: Array,
    size: IntPair | None = None,
    scale_factor: Scale | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> tuple[Array, InterpolateCache]:
    """Resample images; `torch.nn.functional.interpolate`.

    Args:
        x: (N, C, H, W), float32 or float64.
        size: (OH, OW), or an int for both.
        scale_factor: a positive number, or one for the height and one for the width; OH is then
            the whole part of H * scale_factor.  Either size or scale_factor is given.
        mode: "nearest", or "bilinear".
        align_corners: for "bilinear", whether the centres of the corners stay corners (True), or
            the corners' outer edges (False, as None).

    Returns:
        y (N, C, OH, OW) and the cache.

    Raises:
        TypeError: x is not float32 or float64, or an argument has another type.
        ValueError: x is not (N, C, H, W), an argument is out of range, or nothing would be left.
    """
    settings = check_settings(size, scale_factor, mode, align_corners)
    check_images("Upsample", x)
    image = (x.shape[2], x.shape[3])
    output = settings.size
    if settings.scales is not None:
        rows, columns = (n * scale for n, scale in zip(image, settings.scales, strict=True))
        if not max(rows, columns) <= LARGEST:
            raise ValueError(
                f"Upsample: scale_factor {scale_factor} makes more than {LARGEST} pixels along an "
                f"axis of x {x.shape}"
            )
        output = (int(rows), int(columns))
    assert output is not None
    if 0 in output:
        raise ValueError(f"Upsample: scale_factor {scale_factor} leaves {output} of x {x.shape}")
    shape = (*x.shape[:2], *output)
    check_allocation("Upsample", "the output", shape, x.dtype)
    taps = [
        _taps(n, out, settings.scales[axis] if settings.scales else None, settings)
        for axis, (n, out) in enumerate(zip(image, output, strict=True))
    ]
    y = empty(shape, x.dtype)
    y[...] = _along(_along(contiguous(x), 2, taps[0]), 3, taps[1])
    return y, InterpolateCache(taps[0], taps[1], x.shape, shape, x.dtype)


@quiet
def interpolate_backward(dy: Array, cache: InterpolateCache) -> Array:
    """Give each dy to the pixels that it came from, with their weights.

    Args:
        dy: (N, C, OH, OW).
        cache: what `interpolate_forward` returned; unchanged.

    Returns:
        dx (N, C, H, W).
    """
    dy = check_gradient("Upsample", dy, cache.y_shape, cache.dtype)
    dx = empty(cache.x_shape, cache.dtype)
    (height, width), (rows, columns) = cache.x_shape[2:], cache.y_shape[2:]

    def give_back(dy: Array, dx: Array) -> None:
        between = np.zeros((*dx.shape[:3], columns), dx.dtype)
        dx[...] = 0
        _back(np.moveaxis(dy, 2, 0), np.moveaxis(between, 2, 0), cache.rows)
        _back(np.moveaxis(between, 3, 0), np.moveaxis(dx, 3, 0), cache.columns)

    sum_in_double(2 * max(-(-rows // height), -(-columns // width)) + 2, give_back, dy, dx)
    return dx


def check_settings(
    size: IntPair | None, scale_factor: Scale | None, mode: str, align_corners: bool | None
) -> Settings:
    """Return what the arguments of `interpolate_forward` say, which also says what is raised."""
    if (size is None) == (scale_factor is None):
        raise ValueError(
            f"Upsample: size is {size!r} and scale_factor is {scale_factor!r}, expected one of them"
        )
    choice("Upsample", "mode", mode, MODES)
    if align_corners is not None:
        align_corners = flag("Upsample", "align_corners", align_corners)
        if mode == "nearest":
            raise ValueError("Upsample: align_corners is for mode 'bilinear', got mode 'nearest'")
    scales = None
    if scale_factor is not None:
        both = scale_factor if isinstance(scale_factor, tuple | list) else [scale_factor]
        if len(both) not in (1, 2):
            raise ValueError(
                f"Upsample: scale_factor is {scale_factor!r}, expected one or two numbers"
            )
        numbers = [real("Upsample", "scale_factor", s, 0, open_low=True) for s in both]
        scales = (numbers[0], numbers[-1])
    sizes = None if size is None else pair("Upsample", "size", size)
    return Settings(sizes, scales, mode, bool(align_corners))


def _taps(size: int, out: int, scale: float | None, settings: Settings) -> Taps:
    """Return where each of `out` pixels comes from among `size`, as in PyTorch."""
    index: Indices = np.arange(out, dtype=np.int64)
    if out == size:  # a copy, whatever the scale
        return Taps(index, None, np.zeros(out))
    if settings.mode == "nearest":
        step = np.float32(1 / scale) if scale else np.float32(size) / np.float32(out)
        near = np.floor(index.astype(np.float32) * step)  # float32, whatever x is
        return Taps(np.minimum(near.astype(np.int64), size - 1), None, np.zeros(out))
    place: Array
    if settings.align_corners:
        place = index * ((size - 1) / (out - 1) if out > 1 else 0.0)
    else:
        place = np.maximum((index + 0.5) * (1 / scale if scale else size / out) - 0.5, 0)
    first = np.minimum(place.astype(np.int64), size - 1)
    second = np.minimum(first + 1, size - 1)
    return Taps(first, second, np.clip(place - first, 0, 1))


def _along(x: Array, axis: int, taps: Taps) -> Array:
    """Return x with another size along an axis."""
    y: Array = x.take(taps.first, axis)
    if taps.second is not None:
        weight = taps.weight.astype(x.dtype).reshape(-1, *[1] * (3 - axis))
        y *= 1 - weight
        y += x.take(taps.second, axis) * weight
    return y


def _back(dy: Array, dx: Array, taps: Taps) -> None:
    """Add to dx what the adjoint of `_along` the first axis makes of dy."""
    for i, (row, first) in enumerate(zip(dy, taps.first, strict=True)):
        if taps.second is None:
            dx[first] += row
        else:
            weight = dx.dtype.type(taps.weight[i])
            dx[first] += row * (1 - weight)
            dx[taps.second[i]] += row * weight

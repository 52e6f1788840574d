"""The exercise im2col: convolution as one product of matrices."""

from __future__ import annotations

import numpy as np

from cnnlite.exercises.convolution import HINTS, OF, backward_cases, forward_cases
from cnnlite.exercises.parts import Case, Exercise, Part, Suspect, numbers
from cnnlite.functional import col2im, im2col

__all__ = ["IM2COL"]

Setting = tuple[tuple[int, ...], tuple[int, int], int, int]  # of x; kernel, stride, padding
SETTINGS: tuple[Setting, ...] = (
    ((1, 1, 3, 4), (2, 2), 1, 0),
    ((2, 3, 4, 5), (2, 3), 1, 0),
    ((2, 2, 4, 3), (3, 3), 1, 1),
    ((2, 2, 6, 7), (3, 2), 2, 1),
)


def im2col_cases(rng: np.random.Generator) -> list[Case]:
    return [_im2col(numbers(rng, *shape), *rest) for shape, *rest in SETTINGS]  # type: ignore[arg-type]


def _im2col(x: np.ndarray, kernel: tuple[int, int], stride: int, padding: int) -> Case:
    right = im2col(x, kernel, stride, padding)
    n, c = x.shape[:2]
    taps = kernel[0] * kernel[1]

    def channels_last() -> np.ndarray:
        return right.reshape(n, c, taps, -1).transpose(0, 2, 1, 3).reshape(right.shape)

    def columns_first() -> np.ndarray:
        return right.reshape(n, c, *kernel, -1).swapaxes(2, 3).reshape(right.shape)

    suspects = [
        Suspect("a patch is a row here; it is to be a column", lambda: right.swapaxes(1, 2)),
        Suspect("the columns of the kernel change slower than its rows", columns_first),
    ]
    if c > 1:
        suspects.append(Suspect("the channel changes fastest in a column; it changes slowest",
                                channels_last))  # fmt: skip
    if n > 1:
        suspects.append(
            Suspect("the images are not kept apart: one axis for the batch, one for the patches",
                    lambda: right.transpose(1, 0, 2).reshape(right.shape[1], -1))
        )  # fmt: skip
    if padding:
        suspects.append(Suspect("the padding is missing", lambda: im2col(x, kernel, stride, 0)))
    if stride > 1:
        suspects.append(Suspect("the stride is ignored", lambda: im2col(x, kernel, 1, padding)))
    inputs = {"x": x, "kernel": kernel, "stride": stride, "padding": padding}
    return Case("im2col(x, kernel, stride, padding)", inputs, right, tuple(suspects))


OVERLAP = "where patches overlap they are added, not written over one another"


def col2im_cases(rng: np.random.Generator) -> list[Case]:
    return [_col2im(rng, *setting) for setting in SETTINGS]


def _col2im(
    rng: np.random.Generator, shape: tuple[int, ...], kernel: tuple[int, int], stride: int,
    padding: int,
) -> Case:  # fmt: skip
    x = numbers(rng, *shape)
    cols = numbers(rng, *im2col(x, kernel, stride, padding).shape)
    right = col2im(cols, shape[2:], kernel, stride, padding)

    def overwritten(axis: int) -> np.ndarray:
        """What stays if one patch after the other, or one place in it, replaces what was there."""
        places = im2col(np.arange(1.0, 1 + x.size).reshape(shape), kernel, stride, padding)
        found = np.zeros(1 + x.size)
        for k in range(cols.shape[axis]):
            found[places.take(k, axis).astype(int)] = cols.take(k, axis)
        return found[1:].reshape(shape)

    def mean() -> np.ndarray:
        count = col2im(np.ones_like(cols), shape[2:], kernel, stride, padding)
        return right / np.maximum(count, 1)

    suspects: list[Suspect] = [
        Suspect(OVERLAP, lambda: overwritten(1)),
        Suspect(OVERLAP, lambda: overwritten(2)),
        Suspect("where patches overlap they are added, not averaged", mean),
    ]  # fmt: skip
    if padding:
        whole = shape[2] + 2 * padding, shape[3] + 2 * padding
        suspects.append(Suspect("the padding is still there: cut it off",
                                lambda: col2im(cols, whole, kernel, stride, 0)))  # fmt: skip
    inputs = {"cols": cols, "shape": shape, "kernel": kernel, "stride": stride, "padding": padding}
    return Case("col2im(cols, shape, kernel, stride, padding)", inputs, right, tuple(suspects))


SHAPES = {
    **HINTS,
    "ValueError": "shapes that do not fit: count the patches, and the numbers in one of them",
}

IM2COL = Exercise(
    "im2col",
    "convolution by im2col, as a product of matrices",
    (
        Part("im2col", 3, "im2col", im2col_cases, hints=SHAPES),
        Part("col2im", 3, "col2im", col2im_cases, hints=SHAPES),
        Part("forward", 2, "conv_forward", forward_cases, hints=SHAPES),
        *(
            Part(name, points, "conv_backward", backward_cases(place), place, OF, hints=SHAPES)
            for place, (name, points) in enumerate(zip(OF, (2, 2, 1), strict=True))
        ),
    ),
)

"""The exercise max-pool."""

from collections.abc import Iterator

import numpy as np

from cnnlite.exercises.parts import Case, Exercise, Part, Suspect, numbers
from cnnlite.functional import (
    avg_pool2d_backward,
    avg_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)

__all__ = ["MAX_POOL"]

Operands = tuple[np.ndarray, int, int, str]  # x, size, stride, note


def operands(rng: np.random.Generator) -> list[Operands]:
    return [
        (numbers(rng, 2, 3, 4, 6), 2, 2, ""),
        (numbers(rng, 2, 2, 5, 7), 2, 2, "a row and a column are left over"),
        (numbers(rng, 1, 2, 7, 5), 3, 2, "windows overlap"),
        (numbers(rng, 2, 1, 5, 4), 2, 1, "windows overlap"),
        (-1 - np.abs(numbers(rng, 1, 2, 4, 4)), 2, 2, "all of x is negative"),
    ]


def forward_cases(rng: np.random.Generator) -> list[Case]:
    many = operands(rng)
    x, size, stride, note = many[2]
    return [_forward(*each) for each in (*many, (x.astype(np.float32), size, stride, note))]


def _forward(x: np.ndarray, size: int, stride: int, note: str) -> Case:
    y = max_pool2d_forward(x, size, stride)[0]
    suspects = [
        Suspect("the mean is taken, not the maximum",
                lambda: avg_pool2d_forward(x, size, stride)[0]),
        Suspect("the minimum is taken, not the maximum",
                lambda: -max_pool2d_forward(-x, size, stride)[0]),
        Suspect("negative maxima become 0: with what does the search for a maximum begin?",
                lambda: np.maximum(y, 0)),
        Suspect("the maximum is taken over images or channels too",
                lambda: np.broadcast_to(y.max(axis=(0, 1), keepdims=True), y.shape)),
        Suspect("what is left over at the end has got a window of its own",
                lambda: max_pool2d_forward(x, size, stride, ceil_mode=True)[0]),
    ]  # fmt: skip
    if stride != size:
        suspects.append(Suspect("windows move by their size; stride says by how much",
                                lambda: max_pool2d_forward(x, size, size)[0]))  # fmt: skip
    if stride != 1:
        suspects.append(Suspect("the stride is ignored",
                                lambda: max_pool2d_forward(x, size, 1)[0]))  # fmt: skip
    inputs = {"x": x, "size": size, "stride": stride}
    return Case("max_pool_forward(x, size, stride)", inputs, y, tuple(suspects), note=note)


def backward_cases(rng: np.random.Generator) -> list[Case]:
    ties = np.array([[[[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]]])
    many = [*operands(rng), (ties, 2, 2, "x has equal values")]
    return [_backward(rng, *each) for each in many]


def _backward(rng: np.random.Generator, x: np.ndarray, size: int, stride: int, note: str) -> Case:
    y, cache = max_pool2d_forward(x, size, stride)
    dy = np.abs(numbers(rng, *y.shape)) + 0.5
    right = max_pool2d_backward(dy, cache)

    def overwritten() -> np.ndarray:
        """Return what is left if each window's share replaces the pixel's."""
        result = np.zeros_like(x)
        for one in _one_by_one(dy):
            share = max_pool2d_backward(one, cache)
            result = np.where(share != 0, share, result)
        return result

    def all_equal() -> np.ndarray:
        """Return dx if every pixel that equals a window's maximum gets all of its gradient."""
        result = np.zeros_like(x)
        for one in _one_by_one(dy):
            mean = _spread(one, x, size, stride) * size * size
            top = _spread(one * y / dy, x, size, stride) * size * size
            result += np.where((mean != 0) & np.isclose(x, top), mean, 0)
        return result

    suspects = (
        Suspect("spread over the whole window; only the maximum has acted on y",
                lambda: _spread(dy, x, size, stride)),
        Suspect("every pixel of a window gets all of its dy; only the maximum has acted on y",
                lambda: _spread(dy, x, size, stride) * size * size),
        Suspect("a pixel may be the maximum of several windows: add, not overwrite", overwritten),
        Suspect("1 at the maxima; multiply with dy",
                lambda: max_pool2d_backward(np.ones_like(dy), cache)),
        Suspect("of equal values only the first gets the gradient", all_equal),
        Suspect("of equal values the last gets the gradient; it should be the first",
                lambda: _last(dy, x, size, stride)),
    )  # fmt: skip
    inputs = {"dy": dy, "x": x, "size": size, "stride": stride}
    return Case("max_pool_backward(dy, x, size, stride)", inputs, right, suspects, note=note)


def _one_by_one(dy: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the gradient of one window at a time, zero elsewhere."""
    for i, j in np.ndindex(dy.shape[2:]):
        one = np.zeros_like(dy)
        one[:, :, i, j] = dy[:, :, i, j]
        yield one


def _spread(dy: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return avg_pool2d_backward(dy, avg_pool2d_forward(x, size, stride)[1])


def _last(dy: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Return dx if the last maximum counts, which is the first after half a turn."""
    h, w = x.shape[2:]
    rows = (h - size) // stride * stride + size  # that windows reach
    columns = (w - size) // stride * stride + size
    turned = np.ascontiguousarray(x[:, :, :rows, :columns][:, :, ::-1, ::-1])
    cache = max_pool2d_forward(turned, size, stride)[1]
    back = max_pool2d_backward(np.ascontiguousarray(dy[:, :, ::-1, ::-1]), cache)
    result = np.zeros_like(x)
    result[:, :, :rows, :columns] = back[:, :, ::-1, ::-1]
    return result


HINTS = {
    "ValueError": "a window without pixels, or of another shape: which windows lie within x?",
    "IndexError": "a window that reaches beyond the image: how many fit?",
}

MAX_POOL = Exercise(
    "max-pool",
    "max-pooling, forward and backward",
    (
        Part("forward", 3, "max_pool_forward", forward_cases, hints=HINTS),
        Part("backward", 4, "max_pool_backward", backward_cases, hints=HINTS),
    ),
)

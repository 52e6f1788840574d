"""The exercise convolution."""

from typing import Any

import numpy as np

from cnnlite.exercises.parts import Case, Cases, Exercise, Part, Suspect, numbers
from cnnlite.functional import conv2d_backward, conv2d_forward

__all__ = ["CONVOLUTION"]

OF = ("dx", "dw", "db")
Operands = tuple[np.ndarray, np.ndarray, np.ndarray, int, int]  # x, w, b, stride, padding


def operands(rng: np.random.Generator) -> list[Operands]:
    """Return cases from the plainest to stride and padding together; no image is square."""
    settings = (
        ((1, 1, 4, 5), (1, 1, 2, 2), 1, 0),
        ((2, 3, 5, 4), (4, 3, 2, 3), 1, 0),
        ((3, 2, 4, 5), (2, 2, 3, 3), 1, 1),
        ((2, 2, 7, 6), (3, 2, 3, 2), 2, 0),
        ((2, 3, 6, 7), (2, 3, 3, 3), 2, 1),
    )
    return [
        (numbers(rng, *x), numbers(rng, *w), numbers(rng, w[0]), stride, padding)
        for x, w, stride, padding in settings
    ]


def forward_cases(rng: np.random.Generator) -> list[Case]:
    many = operands(rng)
    x, w, b = (array.astype(np.float32) for array in many[1][:3])
    return [_forward(given) for given in (*many, (x, w, b, *many[1][3:]))]


def _forward(given: Operands) -> Case:
    x, w, b, stride, padding = given
    flipped = np.ascontiguousarray(w[:, :, ::-1, ::-1])

    def y(x: Any = x, w: Any = w, stride: int = stride, padding: int = padding) -> Any:
        return conv2d_forward(x, w, b, stride, padding)[0]

    suspects = [
        Suspect("the bias is missing", lambda: y() - b[:, None, None]),
        Suspect("the filter is flipped (true convolution); it is to lie on the image as it is",
                lambda: y(w=flipped)),
    ]  # fmt: skip
    if padding:
        suspects.append(Suspect("the padding is missing", lambda: y(padding=0)))
    if stride > 1:
        suspects.append(Suspect("the stride is ignored", lambda: y(stride=1)))
    if x.shape[1] > 1:
        suspects += [
            Suspect("only the first channel counts; all channels are summed",
                    lambda: y(x[:, :1].copy(), w[:, :1].copy())),
            Suspect("only the last channel counts; add to y, not overwrite it",
                    lambda: y(x[:, -1:].copy(), w[:, -1:].copy())),
            Suspect("the bias is added once for each channel",
                    lambda: y() + (x.shape[1] - 1) * b[:, None, None]),
        ]  # fmt: skip
    if w.shape[2] == w.shape[3] and padding == 0:
        suspects.append(Suspect("rows and columns of the filter are swapped",
                                lambda: y(w=w.swapaxes(2, 3).copy())))  # fmt: skip
    inputs = dict(zip(("x", "w", "b", "stride", "padding"), given, strict=True))
    return Case("conv_forward(x, w, b, stride, padding)", inputs, y(), tuple(suspects))


def backward_cases(which: int) -> Cases:
    return lambda rng: [_backward(rng, which, *given) for given in operands(rng)]


def _backward(
    rng: np.random.Generator,
    which: int,
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    stride: int,
    padding: int,
) -> Case:
    y, cache = conv2d_forward(x, w, b, stride, padding)
    dy = numbers(rng, *y.shape)
    inputs = {"dy": dy, "x": x, "w": w, "stride": stride, "padding": padding}
    expected = conv2d_backward(dy, cache)[which]
    suspects = (_dx, _dw, _db)[which](inputs, expected)
    return Case("conv_backward(dy, x, w, stride, padding)", inputs, expected, suspects)


def _dx(inputs: dict[str, Any], right: Any) -> tuple[Suspect, ...]:
    dy, x, w, stride, padding = inputs.values()
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))

    def gradient(w: np.ndarray, x: np.ndarray = x, padding: int = padding) -> Any:
        return conv2d_backward(dy, conv2d_forward(x, w, None, stride, padding)[1])[0]

    def overwritten() -> np.ndarray:
        """Return what is left if each window's share replaces what was there."""
        result = np.zeros_like(padded)
        cache = conv2d_forward(padded, w, None, stride)[1]
        one_filter = conv2d_forward(padded, np.ones_like(w[:1]), None, stride)[1]
        for f, i, j in np.ndindex(dy.shape[1:]):
            one, place = np.zeros_like(dy), np.zeros_like(dy[:, :1])
            one[:, f, i, j], place[:, 0, i, j] = dy[:, f, i, j], 1
            share: Any = conv2d_backward(one, cache)[0]
            under: Any = conv2d_backward(place, one_filter)[0]
            result = np.where(under > 0.5, share, result)
        h, w_ = x.shape[2:]
        return result[:, :, padding : padding + h, padding : padding + w_]

    suspects = [
        Suspect("the filter is flipped: in the loops of forward it lies as it is",
                lambda: gradient(np.ascontiguousarray(w[:, :, ::-1, ::-1]))),
        Suspect("windows overlap: a window's share is added, not written over the others'",
                overwritten),
    ]  # fmt: skip
    if padding:
        suspects.append(Suspect("the gradient of the padding is still there: cut it off",
                                lambda: gradient(w, padded, 0)))  # fmt: skip
    if w.shape[0] > 1:
        suspects.append(Suspect("only the last filter counts; all filters act on x",
                                lambda: _last_filter(dy, x, w, stride, padding)))  # fmt: skip
    return tuple(suspects)


def _last_filter(dy: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int, padding: int) -> Any:
    cache = conv2d_forward(x, w[-1:].copy(), None, stride, padding)[1]
    return conv2d_backward(dy[:, -1:].copy(), cache)[0]


def _dw(inputs: dict[str, Any], right: Any) -> tuple[Suspect, ...]:
    dy, x, w, stride, padding = inputs.values()

    def gradient(dy: np.ndarray, x: np.ndarray) -> Any:
        return conv2d_backward(dy, conv2d_forward(x, w, None, stride, padding)[1])[1]

    def last_position() -> Any:
        one = np.zeros_like(dy)
        one[-1, :, -1, -1] = dy[-1, :, -1, -1]
        return gradient(one, x)

    suspects = [
        Suspect("only the last window of the last image counts; add to dw, not overwrite it",
                last_position),
        Suspect("dw is flipped: in the loops of forward the filter lies as it is",
                lambda: right[:, :, ::-1, ::-1]),
    ]  # fmt: skip
    if len(x) > 1:
        suspects += [
            Suspect("the sum over the batch is missing: only the last image counts",
                    lambda: gradient(dy[-1:].copy(), x[-1:].copy())),
            Suspect("the sum over the batch is missing: only the first image counts",
                    lambda: gradient(dy[:1].copy(), x[:1].copy())),
            Suspect("divided by N, but the 1/N of the mean is already in dy",
                    lambda: right / len(x)),
        ]  # fmt: skip
    return tuple(suspects)


def _db(inputs: dict[str, Any], right: Any) -> tuple[Suspect, ...]:
    dy = inputs["dy"]
    n, _, rows, columns = dy.shape
    suspects = [
        Suspect("the sum over rows and columns is missing", lambda: dy.sum(axis=0)),
        Suspect("the mean over rows and columns; every pixel adds to it",
                lambda: right / (rows * columns)),
        Suspect("the mean over images, rows and columns; each adds to it",
                lambda: right / (n * rows * columns)),
        Suspect("summed over everything: each filter has its own bias", lambda: dy.sum()),
        Suspect("only the last pixel of the last image counts", lambda: dy[-1, :, -1, -1]),
        Suspect("the sum over the batch is missing", lambda: dy.sum(axis=(2, 3))),
    ]  # fmt: skip
    if n > 1:
        suspects += [
            Suspect("divided by N, but the 1/N of the mean is already in dy", lambda: right / n),
            Suspect("the sum over the batch is missing: only the last image counts",
                    lambda: dy[-1].sum(axis=(1, 2))),
        ]  # fmt: skip
    return tuple(suspects)


HINTS = {
    "ValueError": "shapes that do not fit: count the windows that lie within the padded image",
    "IndexError": "a window that reaches beyond the image: is the padding there, the stride?",
}

CONVOLUTION = Exercise(
    "convolution",
    "convolution with loops, forward and backward",
    (
        Part("forward", 4, "conv_forward", forward_cases, hints=HINTS),
        *(
            Part(name, points, "conv_backward", backward_cases(place), place, OF, hints=HINTS)
            for place, (name, points) in enumerate(zip(OF, (4, 3, 1), strict=True))
        ),
    ),
)

"""The exercise relu."""

import numpy as np

from cnnlite.exercises.parts import Case, Exercise, Part, Suspect, numbers
from cnnlite.functional import relu_backward, relu_forward

__all__ = ["RELU"]


def forward_cases(rng: np.random.Generator) -> list[Case]:
    shapes = ((3, 4), np.float64), ((2, 3, 4, 5), np.float64), ((7,), np.float32)
    return [_forward(numbers(rng, *shape, dtype=dtype)) for shape, dtype in shapes]


def _forward(x: np.ndarray) -> Case:
    suspects = (
        Suspect("this is the absolute value", lambda: np.abs(x)),
        Suspect("what is negative is kept, and what is positive lost", lambda: np.minimum(x, 0)),
        Suspect("this is 1 or 0 for the sign of x; x itself is asked for", lambda: 1.0 * (x > 0)),
        Suspect("nothing is cut off", lambda: x),
    )
    return Case("relu_forward(x)", {"x": x}, relu_forward(x)[0], suspects)


def backward_cases(rng: np.random.Generator) -> list[Case]:
    shapes = (3, 4), (2, 3, 4, 5)
    cases = [_backward(numbers(rng, *shape), numbers(rng, *shape)) for shape in shapes]
    x = np.array([[0.0, 1.5, -2.0], [0.0, -0.5, 0.25]])
    cases.append(_backward(numbers(rng, 2, 3), x, "x has zeros"))
    x32, dy32 = (numbers(rng, 5, dtype=np.float32) for _ in range(2))
    return [*cases, _backward(dy32, x32)]


def _backward(dy: np.ndarray, x: np.ndarray, note: str = "") -> Case:
    suspects = (
        Suspect("the gradient also flows where x is exactly 0", lambda: dy * (x >= 0)),
        Suspect("dy passes everywhere, whatever x is", lambda: dy),
        Suspect("this is the local derivative alone; what is it multiplied with?",
                lambda: 1.0 * (x > 0)),
        Suspect("what counts is the sign of x, not that of dy", lambda: np.maximum(dy, 0)),
        Suspect("dy is multiplied with y, not with the derivative of y",
                lambda: dy * np.maximum(x, 0)),
        Suspect("it flows where x is negative, and stops where x is positive",
                lambda: dy * (x <= 0)),
    )  # fmt: skip
    expected = relu_backward(dy, relu_forward(x)[1])
    return Case("relu_backward(dy, x)", {"dy": dy, "x": x}, expected, suspects, note=note)


RELU = Exercise(
    "relu",
    "ReLU, forward and backward",
    (
        Part("forward", 2, "relu_forward", forward_cases),
        Part("backward", 3, "relu_backward", backward_cases),
    ),
)

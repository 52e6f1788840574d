"""Where gradients are checked: at the layer's own values, and at others that show more.

At a layer's first values, weight 1 and bias 0, a forgotten factor changes nothing; in evaluation
another formula runs; a batch of another size shows code written for one size only; and numbers near
0 show an epsilon that forward has and backward lacks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnlite.gradcheck.numeric import Array
from cnnlite.gradcheck.subject import State, Subject

_SMALL = 1e-3


@dataclass(frozen=True)
class Point:
    """An input, and the state and mode of the layer that meets it."""

    x: Array
    state: State
    train: bool
    where: str = ""  # what the report says of a gradient that is wrong only here
    step: float = 1.0  # times the usual step of the differences
    entries: float = 1.0  # the part of the usual number of entries
    tolerance: float = 1.0  # times the usual tolerance
    rules: bool = True  # whether the rules are checked here too


def points(
    subject: Subject, x: Array, modes: tuple[bool, ...], rng: np.random.Generator
) -> Iterator[Point]:
    """Yield where to check, the layer's own values first.

    Args:
        subject: the layer.
        x: its input.
        modes: what `train` may be; the second one only counts where it makes a difference.
        rng: of the values.
    """
    own, train = subject.state, modes[0]
    yield Point(x, own, train)
    state = _moved(subject, x, train, own, rng)
    if state is not own:
        where = (
            "right at the layer's own parameters and buffers, wrong at others (a factor is "
            "missing, or y stands for what equals it only there)"
        )
        yield Point(x, state, train, where, entries=0.5)
    subject.train = train
    subject.place(state)
    y = subject.forward(x.copy())[0]
    for mode in modes[1:]:
        if not _gives(subject, Point(x, state, mode), y):
            yield Point(x, state, mode, f"with train={mode}")
    for size in _sizes(x, y):
        other = x[np.arange(size) % len(x)]
        other = other + 0.1 * rng.standard_normal(other.shape) * (size > len(x))
        where = f"with a batch of {size}"
        yield Point(other, state, train, where, entries=0.25, rules=False)
    small = "for x 1000 times smaller (is there an epsilon in forward or in backward only?)"
    # Adding numbers of the usual size, such as a bias, to these loses digits without a mistake.
    yield Point(
        x * _SMALL, state, train, small, step=1e-2, entries=0.25, tolerance=1e3, rules=False
    )


def _gives(subject: Subject, point: Point, y: Array) -> bool:
    """Return whether forward gives y at the point."""
    subject.train = point.train
    subject.place(point.state)
    try:
        return np.array_equal(y, subject.forward(point.x.copy())[0], equal_nan=True)
    except Exception:  # to be told where the point is checked
        return False


def _moved(subject: Subject, x: Array, train: bool, own: State, rng: np.random.Generator) -> State:
    """Return other values, as far from the layer's own as forward allows."""
    numbers = np.random.default_rng(int(rng.integers(2**32)))
    subject.train = train
    if not any(_floats(value) for values in own.values() for value in values.values()):
        return own
    for size in (1.0, 0.1, 0.01):
        state = {
            kind: {key: _shaken(kind, value, size, numbers) for key, value in values.items()}
            for kind, values in own.items()
        }
        try:
            subject.place(own)
            finite = np.isfinite(subject.forward(x.copy())[0])
            subject.place(state)
            if np.array_equal(np.isfinite(subject.forward(x.copy())[0]), finite):
                return state
        except Exception:  # the layer may refuse such values
            continue
    return own


def _shaken(kind: str, value: Any, size: float, rng: np.random.Generator) -> Any:
    """Return a value near the old one and of the same sign, so that a variance stays positive."""
    if not _floats(value):
        return value
    signs = rng.choice([-1.0, 1.0], value.shape) if kind == "params" else 1.0
    zero = signs * rng.uniform(0.1, 0.5, value.shape)
    return value * np.exp(size * rng.uniform(-0.5, 0.5, value.shape)) + size * zero * (value == 0)


def _floats(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.float64


def _sizes(x: Array, y: Array) -> tuple[int, ...]:
    """Return other batch sizes; none where the first axis is not a batch."""
    if x.ndim < 2 or (y.ndim and len(y) != len(x)):
        return ()
    return (2,) if len(x) == 1 else (1, len(x) + 1)

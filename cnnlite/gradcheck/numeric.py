"""Central differences that notice where a function has no derivative."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import check_array
from cnnlite.checks.numbers import real

Array = npt.NDArray[np.floating[Any]]
Index = tuple[int, ...]

# Slopes to the right and left that differ by more than this part need a closer look.
_SUSPICIOUS = 1e-3
# Each closer look takes a step this many times smaller: curvature shrinks with it, a kink stays.
_CLOSER = 8.0
_LOOKS = 3
_JUMP = "the output jumps here"


def numeric_gradient(
    f: Callable[[Array], npt.ArrayLike], x: Array, df: npt.ArrayLike = 1.0, h: float = 1e-5
) -> Array:
    """Differentiate sum(f(x) * df) with respect to x by central differences.

    Args:
        f: function of x; returns a number or an array.
        x: float64, any shape; its entries are moved and put back, whatever f raises.
        df: gradient with respect to f(x), broadcast against it.
        h: step.

    Returns:
        The gradient, like x.

    Raises:
        TypeError: x is not float64 (float32 has too few digits for differences).
    """
    name = "numeric_gradient"
    if check_array(name, "x", x).dtype != np.float64:
        raise TypeError(f"{name}: x must be float64, got {x.dtype}")
    h = real(name, "h", h, 0, open_low=True)
    df = np.asarray(df, np.float64)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        upper, lower, above, below = _moved(lambda: np.array(f(x), np.float64), x, index, h)
        gradient[index] = np.sum((upper - lower) * df) / (above - below)
    return gradient


@dataclass(frozen=True)
class Skipped:
    """An entry that has no derivative, and why."""

    index: Index
    reason: str


@dataclass
class Probes:
    """Numeric derivatives of sum(y * dy) with respect to some entries of one array."""

    indices: list[Index] = field(default_factory=list)
    numeric: list[float] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)  # rounding errors to expect in `numeric`
    with_ones: list[float] = field(default_factory=list)  # the same derivatives for dy = 1
    by_example: list[Array] = field(default_factory=list)  # (N,): what each example adds
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True)
class _Difference:
    """What moving one entry by a step up and down does to y."""

    change: Array  # dy/dx of every output, by the central difference
    left: Array
    right: Array
    step: float

    @property
    def bend(self) -> float:
        """The largest difference between the slopes on both sides."""
        return float(np.max(np.abs(self.right - self.left), initial=0.0))

    @property
    def slope(self) -> float:
        """The steepest of the slopes."""
        return float(np.max(np.maximum(np.abs(self.right), np.abs(self.left)), initial=0.0))


def choose_entries(shape: tuple[int, ...], most: int, rng: np.random.Generator) -> list[Index]:
    """Return all indices of an array, or `most` random ones if there are more."""
    size = int(np.prod(shape))
    flat = np.arange(size) if size <= most else np.sort(rng.choice(size, most, replace=False))
    return [tuple(int(i) for i in np.unravel_index(entry, shape)) for entry in flat]


def probe(
    evaluate: Callable[[], Array],
    x: Array,
    dy: Array,
    entries: list[Index],
    h: float,
    agrees: Callable[[Index, float, float], bool] = lambda index, numeric, noise: True,
    epsilon: float = 2.0**-52,
) -> Probes:
    """Differentiate sum(y * dy) numerically.

    Args:
        evaluate: returns y for what x holds at the moment.
        x: float64; its entries are moved and put back.
        dy: like y.
        entries: indices into x.
        h: step.
        agrees: whether a numeric derivative (with its noise) is what was expected at an index;
            where it is not, a smaller step is tried, because a kink nearby may spoil the first.
        epsilon: relative rounding error of y.

    Returns:
        The derivatives of the entries; those with a kink or a jump are in `skipped`.
    """
    probes = Probes()
    y = evaluate()
    magnitude = float(np.max(np.abs(y), initial=0.0))
    for index in entries:
        difference = _difference(evaluate, x, index, y, h)
        reason = None
        for _ in range(_LOOKS):
            noise = 64 * epsilon * magnitude / difference.step
            if difference.bend <= max(_SUSPICIOUS * difference.slope, noise):
                break
            closer = _difference(evaluate, x, index, y, difference.step / _CLOSER)
            if closer.bend > 0.5 * difference.bend:
                reason = _describe(closer, difference, dy)
                break
            difference = closer
        if reason is not None:
            probes.skipped.append(Skipped(index, reason))
            continue
        # An entry of y is no more exact than x: intermediate results may be as large as x.
        exact = epsilon * np.maximum(np.abs(y), abs(x[index]))
        numeric, noise = _total(difference, dy, exact)
        if not agrees(index, numeric, noise):
            closer = _difference(evaluate, x, index, y, difference.step / _CLOSER**2)
            other, other_noise = _total(closer, dy, exact)
            if agrees(index, other, other_noise):
                difference, numeric, noise = closer, other, other_noise
            elif closer.slope > _CLOSER * difference.slope:
                probes.skipped.append(Skipped(index, _JUMP))
                continue
        probes.indices.append(index)
        probes.numeric.append(numeric)
        probes.noise.append(noise)
        probes.with_ones.append(float(np.sum(difference.change)))
        if y.ndim:
            probes.by_example.append((difference.change * dy).reshape(len(y), -1).sum(axis=1))
    return probes


def _difference(
    evaluate: Callable[[], Array], x: Array, index: Index, y: Array, h: float
) -> _Difference:
    old = x[index]
    upper, lower, above, below = _moved(evaluate, x, index, h)
    central = (upper - lower) / (above - below)
    return _Difference(central, (y - lower) / (old - below), (upper - y) / (above - old), h)


def _moved(
    evaluate: Callable[[], Array], x: Array, index: Index, h: float
) -> tuple[Array, Array, float, float]:
    """Return y with one entry moved up and down, and the entry itself, rounded, both times."""
    old = x[index]
    above, below = old + h, old - h
    try:
        x[index] = above
        upper = evaluate()
        x[index] = below
        return upper, evaluate(), above, below
    finally:
        x[index] = old


def _total(difference: _Difference, dy: Array, exact: Array) -> tuple[float, float]:
    """Return the derivative of sum(y * dy), and the rounding error to expect in it."""
    moved = difference.change != 0
    rounding = 4 * np.sum(exact * np.abs(dy), where=moved)
    return float(np.sum(difference.change * dy)), float(rounding) / difference.step


def _describe(closer: _Difference, difference: _Difference, dy: Array) -> str:
    if closer.bend > 4 * difference.bend:
        return _JUMP
    left, right = float(np.sum(closer.left * dy)), float(np.sum(closer.right * dy))
    return f"a kink or a tie: the slope is {left:.6g} to the left and {right:.6g} to the right"

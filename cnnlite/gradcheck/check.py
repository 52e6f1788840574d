"""Gradient checks: is backward the derivative of forward?

Each entry of an array is moved a little up and down, in float64, and what that does to the output
is compared with the gradient that backward gives.  Entries where the function has a kink (ReLU at
0) or a tie (two equal maxima) have no derivative: they are found, left out and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.gradcheck.diagnosis import diagnose, diagnose_shape
from cnnlite.gradcheck.numeric import Array, Index, choose_entries, probe
from cnnlite.gradcheck.report import GradientCheck, GradientReport
from cnnlite.gradcheck.subject import Subject, find_problems

__all__ = ["check_layer", "check_loss", "numeric_gradient", "relative_error"]


def relative_error(a: npt.ArrayLike, b: npt.ArrayLike, floor: float = 1e-8) -> float:
    """Returns the largest |a - b| / max(floor, |a| + |b|) over all entries.

    Source: CS231n's assignments, where every check prints it.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(np.max(np.abs(a - b) / np.maximum(floor, np.abs(a) + np.abs(b)), initial=0.0))


def numeric_gradient(
    f: Callable[[Array], npt.ArrayLike], x: Array, df: npt.ArrayLike = 1.0, h: float = 1e-5
) -> Array:
    """Differentiates sum(f(x) * df) with respect to x by central differences.

    Args:
        f: function of x; returns a number or an array.
        x: float64, any shape; its entries are moved and put back.
        df: gradient with respect to f(x), broadcast against it.
        h: step.

    Returns:
        gradient like x.

    Raises:
        TypeError: x is not float64 (float32 has too few digits for differences).
    """
    if x.dtype != np.float64:
        raise TypeError(f"numeric_gradient: x must be float64, got {x.dtype}")
    df = np.asarray(df, np.float64)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        old = x[index]
        x[index] = above = old + h
        upper = np.array(f(x), np.float64)
        x[index] = below = old - h
        lower = np.array(f(x), np.float64)
        x[index] = old
        gradient[index] = np.sum((upper - lower) * df) / (above - below)
    return gradient


def check_layer(
    layer: Any,
    x: npt.ArrayLike | tuple[int, ...],
    *,
    train: bool = True,
    seed: int = 0,
    h: float = 1e-5,
    tolerance: float = 1e-6,
    max_entries: int = 200,
) -> GradientReport:
    """Checks a layer's gradients with respect to its input and all its parameters.

    A float64 copy of the layer is checked; the layer itself, its parameters, buffers and dtype
    stay as they are.  Needed are `forward(x, ...)` returning (y, cache) and `backward(dy, cache,
    ...)` returning (dx, grads); `params` and `buffers` are used if they are there, and the
    arguments `train`, `rng` and `need_dx` are given to methods that take them.

    Args:
        layer: the layer.
        x: input, or its shape (a tuple) for normally distributed numbers.
        train: passed on to forward.
        seed: of the random numbers here and of the layer's (dropout), which repeat.
        h: step of the differences.
        tolerance: largest relative error allowed beyond what rounding explains.
        max_entries: larger arrays are checked at so many random entries.

    Returns:
        a report; print it, or ask `.passed`.

    Raises:
        TypeError, ValueError: what the layer raises when it is given x.
    """
    subject = Subject(layer, train, seed)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(x) if isinstance(x, tuple) else np.array(x, np.float64)
    return _check(subject, type(layer).__name__, "x", x, rng, None, h, tolerance, max_entries)


def check_loss(
    loss: Any,
    scores: npt.ArrayLike | tuple[int, ...],
    targets: Any = None,
    *,
    seed: int = 0,
    h: float = 1e-5,
    tolerance: float = 1e-6,
    max_entries: int = 200,
) -> GradientReport:
    """Checks a loss's gradient with respect to the scores.

    Args:
        loss: has `forward(scores, targets)` returning (value, cache) and `backward(cache)`
            returning dscores.
        scores: (N, C) array, or its shape (a tuple) for normally distributed numbers.
        targets: what loss.forward takes; None means random classes.
        seed, h, tolerance, max_entries: as in `check_layer`.

    Returns:
        a report with one gradient, "scores".
    """
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal(scores) if isinstance(scores, tuple) else scores
    scores = np.array(scores, np.float64)
    if targets is None:
        targets = rng.integers(0, scores.shape[1], len(scores))
    subject = Subject(_LossLayer(loss, targets), True, seed)
    ones = np.ones_like(subject.forward(scores)[0])
    name = type(loss).__name__
    return _check(subject, name, "scores", scores, rng, ones, h, tolerance, max_entries)


class _LossLayer:
    """A loss with its targets, seen as a layer that has one number as output."""

    def __init__(self, loss: Any, targets: Any) -> None:
        self.loss, self.targets = loss, targets

    def forward(self, x: Array) -> tuple[npt.ArrayLike, Any]:
        """Returns (value, cache)."""
        result: tuple[npt.ArrayLike, Any] = self.loss.forward(x, self.targets)
        return result

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        """Returns (dscores, no parameters' gradients)."""
        return self.loss.backward(cache), {}


def _check(
    subject: Subject,
    name: str,
    input_name: str,
    x: Array,
    rng: np.random.Generator,
    dy: Array | None,
    h: float,
    tolerance: float,
    max_entries: int,
) -> GradientReport:
    y, cache = subject.forward(x.copy())
    dy = rng.standard_normal(y.shape) if dy is None else dy
    dx, grads = subject.backward(dy.copy(), cache)
    analytic = {input_name: (x, dx)}
    # Copies, because a layer might return the same arrays again.
    analytic |= {key: (value, grads.get(key)) for key, value in subject.params.items()}
    analytic = {k: (a, None if g is None else np.array(g)) for k, (a, g) in analytic.items()}
    checks = [
        _check_gradient(subject, key, x, array, gradient, dy, rng, h, tolerance, max_entries)
        for key, (array, gradient) in analytic.items()
    ]
    return GradientReport(name, tuple(checks), tuple(find_problems(subject, x, y, dy)))


def _check_gradient(
    subject: Subject,
    name: str,
    x: Array,
    array: Array,
    gradient: Array | None,
    dy: Array,
    rng: np.random.Generator,
    h: float,
    tolerance: float,
    max_entries: int,
) -> GradientCheck:
    batch = len(x) if x.ndim else 1
    nothing = (0, (), 0.0, None, 0.0, 0.0)
    if gradient is None:
        return GradientCheck(name, array.shape, *nothing, "backward gives no gradient for it")
    if gradient.shape != array.shape:
        wrong = diagnose_shape(gradient.shape, array.shape, batch)
        return GradientCheck(name, array.shape, *nothing, wrong)

    def floor(noise: float) -> float:
        return max(1e-8, noise / tolerance)

    def agrees(index: Index, numeric: float, noise: float) -> bool:
        return relative_error(numeric, gradient[index], floor(noise)) <= tolerance

    entries = choose_entries(array.shape, max_entries, rng)
    broken = [tuple(int(i) for i in index) for index in np.argwhere(~np.isfinite(gradient))[:1]]
    entries += [index for index in broken if index not in entries]
    epsilon = float(np.finfo(subject.y_dtype).eps) if subject.y_dtype.kind == "f" else 1.0
    # A copy each time, because forward might write into what it is given.
    probes = probe(lambda: subject.forward(x.copy())[0], array, dy, entries, h, agrees, epsilon)
    skipped = tuple(probes.skipped)
    if not probes.indices:
        wrong = "no entry has a derivative there: choose another x" if skipped else ""
        return GradientCheck(name, array.shape, 0, skipped, *nothing[2:], wrong)
    found = [float(gradient[index]) for index in probes.indices]
    errors = [
        relative_error(n, a, floor(noise))
        for n, a, noise in zip(probes.numeric, found, probes.noise, strict=True)
    ]
    worst = int(np.argmax(errors))  # NaN counts as the largest
    wrong = ""
    if not errors[worst] <= tolerance:
        wrong = diagnose(gradient, probes, batch, dy, array is x)
    return GradientCheck(
        name,
        array.shape,
        len(errors),
        skipped,
        errors[worst],
        probes.indices[worst],
        probes.numeric[worst],
        found[worst],
        wrong,
    )

"""The gradient checks: is backward the derivative of forward?

Each entry of an array is moved a little up and down, in float64, and what that does to the output
is compared with the gradient that backward gives.  Entries where the function has a kink (ReLU at
0) or a tie (two equal maxima) have no derivative: they are found, left out and counted.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import as_array
from cnnlite.checks.numbers import count, flag, integer, real
from cnnlite.gradcheck.compare import Settings, compare
from cnnlite.gradcheck.loss import LossLayer
from cnnlite.gradcheck.numeric import Array
from cnnlite.gradcheck.points import Point, points
from cnnlite.gradcheck.report import GradientCheck, GradientReport, described
from cnnlite.gradcheck.rules import find_problems
from cnnlite.gradcheck.subject import Subject, kept

__all__ = ["check_layer", "check_loss"]


def check_layer(
    layer: Any,
    x: npt.ArrayLike | tuple[int, ...],
    *,
    train: bool | None = None,
    seed: int = 0,
    h: float = 1e-5,
    tolerance: float = 1e-6,
    max_entries: int = 200,
) -> GradientReport:
    """Check a layer's gradients with respect to its input and all its parameters.

    They are checked at the layer's own values and at others: with parameters and buffers moved
    away from their first values, in evaluation where it differs from training, with a batch of one
    and one larger by one, and with an input near 0.  The report gives each gradient's first
    mistake.  The rules for layers are checked too: no argument may change, and nothing may be kept
    except in the cache.

    A float64 copy of the layer is checked; the layer itself, its parameters, buffers and dtype
    stay as they are.  It needs `forward(x, ...)` returning (y, cache) and `backward(dy, cache,
    ...)` returning (dx, grads); `params` and `buffers` are used if they are there, and the
    arguments `train`, `rng` and `need_dx` are given to methods that take them.

    Args:
        layer: the layer.
        x: input, or its shape (a tuple) for normally distributed numbers.
        train: passed on to forward; None checks training, and evaluation where it differs.
        seed: seed of the check's random numbers and of the layer's (dropout).
        h: step of the differences.
        tolerance: largest relative error allowed beyond what rounding explains.
        max_entries: larger arrays are checked at this many random entries.

    Returns:
        A report; print it, or read `.passed`.

    Raises:
        TypeError, ValueError: what the layer raises when it is given x; x is empty, or holds no
            real numbers.
    """
    settings, rng = _settings("check_layer", seed, h, tolerance, max_entries)
    x = _numbers("check_layer", "x", x, rng)
    modes = (True, False) if train is None else (flag("check_layer", "train", train),)
    name = type(layer).__name__
    with kept(layer):
        subject = Subject(layer, seed, name)
        if "train" not in subject.named:
            modes = modes[:1]
        return _check(subject, "x", x, modes, rng, None, settings)


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
    """Check a loss's gradient with respect to the scores.

    Args:
        loss: has `forward(scores, targets)` returning (value, cache) and `backward(cache)`
            returning dscores.
        scores: array (N, C) or (N, C, d1, ...), or its shape (a tuple) for normally distributed
            numbers.
        targets: what loss.forward takes; None means random classes.
        seed, h, tolerance, max_entries: as in `check_layer`.

    Returns:
        A report with one gradient, "scores".
    """
    settings, rng = _settings("check_loss", seed, h, tolerance, max_entries)
    scores = _numbers("check_loss", "scores", scores, rng)
    if scores.ndim < 1 or (targets is None and scores.ndim < 2):
        raise ValueError(f"check_loss: scores has shape {scores.shape}, expected (N, C)")
    if targets is None:
        targets = rng.integers(0, scores.shape[1], scores.shape[:1] + scores.shape[2:])
    with kept(loss):
        subject = Subject(LossLayer(loss, targets, len(scores)), seed, type(loss).__name__)
        report = _check(subject, "scores", scores, (True,), rng, np.ones(()), settings)
    if subject.layer.changed_targets:
        problems = (*report.problems, "targets were changed by forward or backward")
        return dataclasses.replace(report, problems=problems)
    return report


def _settings(
    name: str, seed: int, h: float, tolerance: float, max_entries: int
) -> tuple[Settings, np.random.Generator]:
    """Validate what both checks take."""
    h = real(name, "h", h, 0, open_low=True)
    tolerance = real(name, "tolerance", tolerance, 0, open_low=True)
    settings = Settings(h, tolerance, count(name, "max_entries", max_entries))
    return settings, np.random.default_rng(integer(name, "seed", seed, 0))


def _numbers(
    name: str, argument: str, value: npt.ArrayLike | tuple[int, ...], rng: np.random.Generator
) -> Array:
    """Return the array itself in float64, or normally distributed numbers of a shape."""
    if isinstance(value, tuple):
        array = rng.standard_normal([integer(name, argument, size, 0) for size in value])
    else:
        array = as_array(name, argument, value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: {argument} is {array.dtype}, expected real numbers or a shape")
    if not array.size:
        raise ValueError(f"{name}: {argument} has shape {array.shape}: there is nothing to check")
    return np.array(array, np.float64)


def _check(
    subject: Subject,
    input_name: str,
    x: Array,
    modes: tuple[bool, ...],
    rng: np.random.Generator,
    dy: Array | None,
    settings: Settings,
) -> GradientReport:
    """Return the report of all points; dy is broadcast to y's shape, None means random numbers."""
    results: dict[str, GradientCheck] = {}
    problems: list[str] = []
    for point in points(subject, x, modes, rng):
        try:
            checks, broken = _check_at(subject, input_name, point, rng, dy, settings)
        except _Refused:
            continue
        except Exception as error:
            if not point.where:
                raise
            problems.append(f"{point.where}: {described(error)}")
            continue
        for check in checks:
            old = results.setdefault(check.name, check)
            judged = check.checked or not check.skipped
            if old.passed and not check.passed and judged:
                counts = {key: getattr(old, key) for key in ("shape", "checked", "skipped")}
                told = f"{point.where}: {check.diagnosis}"
                results[check.name] = dataclasses.replace(check, **counts, diagnosis=told)
        problems += broken
    return GradientReport(subject.name, tuple(results.values()), tuple(dict.fromkeys(problems)))


class _Refused(Exception):
    """The layer does not take an input that is not the user's own."""


def _check_at(
    subject: Subject,
    input_name: str,
    point: Point,
    rng: np.random.Generator,
    dy: Array | None,
    settings: Settings,
) -> tuple[list[GradientCheck], list[str]]:
    """Return the checks of all gradients at one point, and the rules broken there."""
    subject.train = point.train
    subject.place(point.state)
    try:
        y, cache = subject.forward(point.x.copy())
    except Exception as error:
        if point.rules:
            raise
        raise _Refused from error
    if not point.rules and y.ndim and len(y) != len(point.x):  # another number of examples
        raise _Refused
    broken = [f"{key} was changed by forward or backward" for key in subject.changed("params")]
    dy = np.array(rng.standard_normal(y.shape) if dy is None else np.broadcast_to(dy, y.shape))
    dx, grads = subject.backward(dy.copy(), cache)
    # Copies, because a layer might return the same arrays again.
    pairs = [(input_name, point.x, dx), *((k, p, grads.get(k)) for k, p in subject.params.items())]
    copied = [(k, array, None if g is None else np.array(g)) for k, array, g in pairs]
    scale = 0.0 if dx is None else float(np.max(np.abs(dx), initial=0.0))
    checks = []
    for key, array, gradient in copied:
        subject.place()
        checks.append(compare(subject, key, point, array, gradient, dy, scale, rng, settings))
    if point.rules:
        broken += find_problems(subject, point, y, dy)
    return checks, broken

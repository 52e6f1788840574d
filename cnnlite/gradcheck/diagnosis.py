"""What is probably wrong with a gradient, in plain words: tries the usual mistakes in turn."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.gradcheck.numeric import Probes

Array = npt.NDArray[np.floating[Any]]


def diagnose_shape(actual: tuple[int, ...], expected: tuple[int, ...], batch: int) -> str:
    """Says what a gradient of the wrong shape probably is."""
    got = f"the gradient has shape {actual}, expected {expected}"
    if actual == expected[::-1]:
        return f"{got}: it is transposed"
    if actual == (batch, *expected):
        return f"{got}: the sum over the batch is missing"
    if len(actual) > len(expected):
        return f"{got}: a sum is missing, over the axes along which the array is broadcast"
    return got


def diagnose(analytic: Array, probes: Probes, batch: int, dy: Array, is_input: bool) -> str:
    """Says why a gradient of the right shape is probably wrong.

    Args:
        analytic: what backward gave.
        probes: numeric derivatives of some of its entries.
        batch: number of examples in x.
        dy: what backward was given.
        is_input: whether this is the gradient with respect to the layer's input.

    Returns:
        one sentence.
    """
    where = tuple(np.array(probes.indices).T)
    found, wanted = analytic[where], np.array(probes.numeric)
    if not np.isfinite(found).all():
        bad = np.count_nonzero(~np.isfinite(analytic))
        return f"{bad} of {analytic.size} entries are not finite (NaN or infinity)"
    if not np.isfinite(wanted).all():
        return "the differences are not finite: forward gives NaN or infinity"
    if not found.any():
        return "the gradient is zero everywhere: it is never computed, or overwritten"
    if not wanted.any():
        return "the gradient should be zero: the output does not depend on this array"
    if _close(-found, wanted):
        return "the sign is wrong"
    return (
        _diagnose_factor(found, wanted, batch)
        or _diagnose_arrangement(analytic, where, wanted)
        or (None if is_input else _diagnose_sum(found, probes, batch))
        or _diagnose_dy(found, probes, analytic, where, dy, is_input)
        or _diagnose_place(found, wanted, where, analytic.shape, is_input)
    )


def _diagnose_factor(found: Array, wanted: Array, batch: int) -> str | None:
    factor = float(found @ wanted / (wanted @ wanted))
    if factor == 0 or not _close(found, factor * wanted):
        return None
    if batch > 1 and np.isclose(factor, batch, rtol=1e-4):
        return f"{batch} times too large, the batch size: a division by N (1/N) was forgotten"
    if batch > 1 and np.isclose(factor, 1 / batch, rtol=1e-4):
        return f"{batch} times too small, the batch size: divided by N where it should not be"
    if len(found) == 1:
        return None
    return f"right but for a factor: it is {factor:.6g} times what it should be"


def _diagnose_arrangement(analytic: Array, where: tuple[Any, ...], wanted: Array) -> str | None:
    axes = tuple(range(analytic.ndim))
    for order in permutations(axes):
        turned = analytic.transpose(order)
        if order != axes and turned.shape == analytic.shape and _close(turned[where], wanted):
            return f"transposed: with its axes in the order {order} it would be right"
    if analytic.ndim >= 2 and _close(analytic[..., ::-1, ::-1][where], wanted):
        return "turned by 180 degrees: the last two axes run backwards"
    return None


def _diagnose_sum(found: Array, probes: Probes, batch: int) -> str | None:
    if batch < 2 or not probes.by_example or len(probes.by_example[0]) != batch:
        return None
    parts = np.array(probes.by_example)
    for example in (0, batch - 1):
        if _close(found, parts[:, example]):
            return f"only example {example} is counted: the sum over the batch is missing"
    return None


def _diagnose_dy(
    found: Array,
    probes: Probes,
    analytic: Array,
    where: tuple[Any, ...],
    dy: Array,
    is_input: bool,
) -> str | None:
    if not np.all(dy == 1) and _close(found, np.array(probes.with_ones)):
        return "backward ignores dy: this is the gradient for dy = 1"
    if is_input and analytic.shape == dy.shape and _close(found, dy[where]):
        return "dx is dy itself: the layer's own derivative is missing"
    return None


def _diagnose_place(
    found: Array,
    wanted: Array,
    where: tuple[Any, ...],
    shape: tuple[int, ...],
    is_input: bool,
) -> str:
    wrong = np.abs(found - wanted) > 1e-5 * np.max(np.abs(wanted))
    count = f"{np.count_nonzero(wrong)} of {len(wrong)} entries are wrong"
    if not wrong.any() or wrong.all():
        return f"{count}; no usual mistake explains it"
    if is_input and (where[0][wrong] > 0).all() and not wrong[where[0] == 0].any():
        return f"{count}, and none in the first example: the others are left out"
    if len(shape) >= 2:
        ends = [(where[axis] == 0) | (where[axis] == shape[axis] - 1) for axis in (-2, -1)]
        border = ends[0] | ends[1]
        if border[wrong].all() and not border.all():
            return f"{count}, all at the border: look at the padding"
    return f"{count}; the others are right: look at special cases and at overlaps"


def _close(a: Array, b: Array) -> bool:
    return bool(np.allclose(a, b, rtol=1e-4, atol=1e-6 * float(np.max(np.abs(b)))))

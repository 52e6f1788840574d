"""What is probably wrong with a gradient, in plain words: tries the usual mistakes in turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def diagnose(
    analytic: Array,
    probes: Probes,
    batch: int,
    dy: Array,
    array: Array,
    is_input: bool,
    params: Mapping[str, Any],
) -> str:
    """Says why a gradient of the right shape is probably wrong.

    Args:
        analytic: what backward gave.
        probes: numeric derivatives of some of its entries.
        batch: number of examples in x.
        dy: what backward was given.
        array: what the gradient belongs to.
        is_input: whether that is the layer's input.
        params: the layer's parameters.

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
        or _diagnose_parameter(found, wanted, where, array.shape, params)
        or _diagnose_arrangement(analytic, where, wanted)
        or (None if is_input else _diagnose_sum(found, probes, batch))
        or _diagnose_dy(found, probes, analytic, where, dy, is_input)
        or (None if is_input else _diagnose_decay(found, wanted, array[where]))
        or _diagnose_nearness(found, wanted)
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
    shown = f"{factor:.6g}" if abs(factor - 1) > 1e-5 else f"1{factor - 1:+.1g}"
    text = f"right but for a factor: it is {shown} times what it should be"
    if abs(factor - 1) < 0.05:
        text += " (an epsilon, or N - 1 for N, in one of forward and backward only?)"
    return text


def _diagnose_parameter(
    found: Array,
    wanted: Array,
    where: tuple[Any, ...],
    shape: tuple[int, ...],
    params: Mapping[str, Any],
) -> str | None:
    """A parameter that is a factor too few or too many, along some axis."""
    for key, param in params.items():
        if np.ptp(param) == 0:
            continue
        for factors in _along_axes(np.asarray(param), shape):
            if _close(found * factors[where], wanted):
                return f"the factor {key} is missing"
            if _close(found, wanted * factors[where]):
                return f"{key} is a factor too many"
    return None


def _along_axes(param: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """A parameter in the given shape, in each way that it may be meant."""
    if param.shape == shape:
        yield param
    flat = param.ravel()
    for axis, size in enumerate(shape):
        if flat.size == size:
            lengths = [size if k == axis else 1 for k in range(len(shape))]
            yield np.broadcast_to(flat.reshape(lengths), shape)


def _diagnose_decay(found: Array, wanted: Array, values: Array) -> str | None:
    extra = found - wanted
    if len(found) < 3 or not values.any():
        return None
    part = float(extra @ values / (values @ values))
    # Where all values are the same, a constant that is added may be anything but decay.
    if part == 0 or not _close(extra, part * values) or (np.ptp(values) == 0 and abs(part) > 0.5):
        return None
    return f"{part:.3g} times the parameter is added: weight decay belongs to the optimizer"


def _diagnose_nearness(found: Array, wanted: Array) -> str | None:
    off = np.abs(found - wanted) / np.max(np.abs(wanted))
    if np.max(off) > 0.05 or np.count_nonzero(off > 1e-9) < len(off) / 2:
        return None
    return (
        f"nearly right, off by {np.max(off):.1g} of the largest entry: forward and backward use "
        "different formulas (an approximation, or an epsilon in one of them only)"
    )


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
    if is_input and analytic.shape == dy.shape:
        if _close(found, dy[where]):
            return "dx is dy itself: the layer's own derivative is missing"
        if _close(found + dy[where], np.array(probes.numeric)):
            return "dy is to be added: the gradient along the shortcut is missing"
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
    zero, due = found == 0, np.abs(wanted) < 1e-9
    if (zero & ~due).any() and (due & ~zero).any():
        return f"{count}; the others are right: its zeros are not those of forward's mask"
    return f"{count}; the others are right: look at special cases and at overlaps"


def _close(a: Array, b: Array) -> bool:
    return bool(np.allclose(a, b, rtol=1e-4, atol=1e-6 * float(np.max(np.abs(b)))))

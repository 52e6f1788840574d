"""What is probably wrong with a gradient, in plain words: the usual mistakes are tried in turn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Any

import numpy as np

from cnnlite.gradcheck.numeric import Array, Probes


def diagnose_shape(actual: tuple[int, ...], expected: tuple[int, ...], batch: int) -> str:
    """Return what is probably wrong with a gradient of another shape."""
    got = f"the gradient has shape {actual}, expected {expected}"
    if actual == expected[::-1]:
        return f"{got}: it is transposed"
    if actual == (batch, *expected):
        return f"{got}: the sum over the batch is missing"
    if len(actual) > len(expected):
        return f"{got}: a sum is missing, over the axes along which the array is broadcast"
    return got


@dataclass(frozen=True)
class Wrong:
    """A gradient of the right shape that is wrong.

    Args:
        analytic: what backward gave.
        probes: numeric derivatives of some of its entries.
        batch: number of examples in x.
        dy: what backward was given.
        array: what the gradient belongs to.
        is_input: whether that is the layer's input.
        params: the layer's parameters.
    """

    analytic: Array
    probes: Probes
    batch: int
    dy: Array
    array: Array
    is_input: bool
    params: Mapping[str, Any]

    @cached_property
    def where(self) -> tuple[Any, ...]:
        """The indices of the entries that were probed, axis by axis."""
        return tuple(np.array(self.probes.indices).T)

    @cached_property
    def found(self) -> Array:
        """What backward gave for these entries."""
        return self.analytic[self.where]

    @cached_property
    def wanted(self) -> Array:
        """Their numeric derivatives."""
        return np.array(self.probes.numeric)


def diagnose(g: Wrong) -> str:
    """Return in one sentence what is probably wrong."""
    if not np.isfinite(g.found).all():
        bad = np.count_nonzero(~np.isfinite(g.analytic))
        return f"{bad} of {g.analytic.size} entries are not finite (NaN or infinity)"
    if not np.isfinite(g.wanted).all():
        return "the differences are not finite: forward gives NaN or infinity"
    if not g.found.any():
        return "the gradient is zero everywhere: it is never computed, or overwritten"
    if not g.wanted.any():
        return "the gradient should be zero: the output does not depend on this array"
    if _close(-g.found, g.wanted):
        return "the sign is wrong"
    return (
        _factor(g)
        or _parameter(g)
        or _arrangement(g)
        or (None if g.is_input else _sum(g))
        or _of_dy(g)
        or (None if g.is_input else _decay(g))
        or _nearness(g)
        or _place(g)
    )


def _factor(g: Wrong) -> str | None:
    found, wanted, batch = g.found, g.wanted, g.batch
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


def _parameter(g: Wrong) -> str | None:
    """Return which parameter is a factor too few or too many, along some axis."""
    for key, param in g.params.items():
        if np.ptp(param) == 0:
            continue
        for factors in _along_axes(np.asarray(param), g.array.shape):
            if _close(g.found * factors[g.where], g.wanted):
                return f"the factor {key} is missing"
            if _close(g.found, g.wanted * factors[g.where]):
                return f"{key} is a factor too many"
    return None


def _along_axes(param: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """Yield a parameter in the given shape, in each way that it may be meant."""
    if param.shape == shape:
        yield param
    for axis, size in enumerate(shape):
        if param.size == size:
            others = [k for k in range(len(shape)) if k != axis]
            yield np.broadcast_to(np.expand_dims(param.ravel(), others), shape)


def _decay(g: Wrong) -> str | None:
    extra, values = g.found - g.wanted, g.array[g.where]
    if len(extra) < 3 or not values.any():
        return None
    part = float(extra @ values / (values @ values))
    # Where all values are the same, any added constant looks like decay.
    if part == 0 or not _close(extra, part * values) or (np.ptp(values) == 0 and abs(part) > 0.5):
        return None
    return f"{part:.3g} times the parameter is added: weight decay belongs to the optimizer"


def _nearness(g: Wrong) -> str | None:
    off = np.abs(g.found - g.wanted) / np.max(np.abs(g.wanted))
    if np.max(off) > 0.05 or np.count_nonzero(off > 1e-9) < len(off) / 2:
        return None
    return (
        f"nearly right, off by {np.max(off):.1g} of the largest entry: forward and backward use "
        "different formulas (an approximation, or an epsilon in one of them only)"
    )


def _arrangement(g: Wrong) -> str | None:
    axes = tuple(range(g.analytic.ndim))
    for order in permutations(axes):
        turned = g.analytic.transpose(order)
        if order != axes and turned.shape == g.analytic.shape and _close(turned[g.where], g.wanted):
            return f"transposed: with its axes in the order {order} it would be right"
    if len(axes) >= 2 and _close(g.analytic[..., ::-1, ::-1][g.where], g.wanted):
        return "turned by 180 degrees: the last two axes run backwards"
    return None


def _sum(g: Wrong) -> str | None:
    parts = np.array(g.probes.by_example)
    if g.batch < 2 or not len(parts) or parts.shape[1] != g.batch:
        return None
    for example in (0, g.batch - 1):
        if _close(g.found, parts[:, example]):
            return f"only example {example} is counted: the sum over the batch is missing"
    return None


def _of_dy(g: Wrong) -> str | None:
    if not np.all(g.dy == 1) and _close(g.found, np.array(g.probes.with_ones)):
        return "backward ignores dy: this is the gradient for dy = 1"
    if g.is_input and g.analytic.shape == g.dy.shape:
        if _close(g.found, g.dy[g.where]):
            return "dx is dy itself: the layer's own derivative is missing"
        if _close(g.found + g.dy[g.where], g.wanted):
            return "dy is to be added: the gradient along the shortcut is missing"
    return None


def _place(g: Wrong) -> str:
    found, wanted, where, shape = g.found, g.wanted, g.where, g.analytic.shape
    wrong = np.abs(found - wanted) > 1e-5 * np.max(np.abs(wanted))
    count = f"{np.count_nonzero(wrong)} of {len(wrong)} entries are wrong"
    if not wrong.any() or wrong.all():
        return f"{count}; no usual mistake explains it"
    if g.is_input and (where[0][wrong] > 0).all() and not wrong[where[0] == 0].any():
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

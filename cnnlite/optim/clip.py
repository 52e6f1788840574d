"""Gradient clipping, by the norm of all gradients together or value by value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from cnnlite.checks.numbers import flag, number, shown
from cnnlite.functional.elementary import power as powers
from cnnlite.portable import power as root
from cnnlite.quiet import quiet

__all__ = ["clip_grad_norm", "clip_grad_value"]

Array = np.ndarray
Grads = Mapping[str, Array | None] | Iterable[Array | None] | Array
PIECE = 2**15  # elements that are turned into float64 at a time: they stay in the cache


@quiet
def clip_grad_norm(
    grads: Grads, max_norm: float, norm_type: float | str = 2.0, error_if_nonfinite: bool = False
) -> float:
    """Scale all gradients, in place, so that their norm together is at most `max_norm`.

    The norm is that of all gradients as one vector.  It is added up in float64, in an order that
    depends on the shapes alone.  Each gradient is multiplied with max_norm / (norm + 1e-6) where
    that is below 1.  So a norm that is infinite makes finite gradients 0, and one that is NaN makes
    all of them NaN, as in PyTorch.

    Args:
        grads: arrays by key, as `Layer.backward` returns them; or in a list; or one array.  None
            is passed over.
        max_norm: from 0 up; infinity leaves finite gradients as they are.
        norm_type: the p of the p-norm, above 0; infinity (or "inf") is the largest absolute value.
        error_if_nonfinite: whether to refuse a norm that is infinite or NaN.

    Returns:
        The norm before clipping; 0.0 without gradients.

    Raises:
        TypeError, ValueError: an argument is not in its range, or a gradient cannot be scaled in
            place; nothing was scaled.
        RuntimeError: the norm is not finite, and that is an error.

    Source: torch.nn.utils.clip_grad_norm_; Pascanu, Mikolov and Bengio, On the difficulty of
    training recurrent neural networks, 2013, algorithm 1.
    """
    name = "clip_grad_norm"
    largest = _from_0(name, "max_norm", max_norm)
    power = math.inf if norm_type == "inf" else _from_0(name, "norm_type", norm_type)
    if not power:
        raise ValueError(f"{name}: norm_type is {shown(norm_type)}, expected a number above 0")
    strict = flag(name, "error_if_nonfinite", error_if_nonfinite)
    arrays = _arrays(name, grads)
    norm = _norm(arrays, power)
    if strict and not math.isfinite(norm):
        raise RuntimeError(
            f"{name}: the norm of order {power:g} of the gradients is {norm}, so they cannot be "
            "clipped; pass error_if_nonfinite=False to scale them all the same"
        )
    factor = largest / (norm + 1e-6)
    if not factor >= 1:
        for array in _once(arrays):
            array *= factor
    return norm


@quiet
def clip_grad_value(grads: Grads, clip_value: float) -> None:
    """Put every value of the gradients between -clip_value and clip_value, in place.

    NaN stays NaN.

    Args:
        grads: as for `clip_grad_norm`.
        clip_value: from 0 up.

    Raises:
        TypeError, ValueError: an argument is not in its range, or a gradient cannot be written to;
            nothing was clipped.

    Source: torch.nn.utils.clip_grad_value_.
    """
    limit = _from_0("clip_grad_value", "clip_value", clip_value)
    for array in _arrays("clip_grad_value", grads):
        np.clip(array, -limit, limit, out=array)


def _from_0(name: str, argument: str, value: Any) -> float:
    """Return a number from 0 up, which may be infinite."""
    expected = "a number from 0 up"
    result = number(name, argument, value, expected)
    if not result >= 0:
        raise ValueError(f"{name}: {argument} is {shown(value)}, expected {expected}")
    return result


def _arrays(name: str, grads: Any) -> list[Array]:
    """Return the gradients that are there, each an array that can be changed in place."""
    if isinstance(grads, MutableMapping):
        for key, grad in grads.items():
            if isinstance(grad, np.generic):  # a sum of arrays without axes is no array
                grads[key] = np.asarray(grad)
    if isinstance(grads, np.ndarray):
        grads = [grads]
    elif isinstance(grads, str) or not isinstance(grads, Iterable):
        raise TypeError(f"{name}: grads is {shown(grads)}, expected a mapping of arrays")
    pairs = grads.items() if isinstance(grads, Mapping) else enumerate(grads)
    found = []
    for key, grad in pairs:
        if grad is None:
            continue
        if not isinstance(grad, np.ndarray):
            kind = type(grad).__name__
            raise TypeError(f"{name}: grads[{key!r}] must be an array, got {kind}")
        if grad.dtype not in (np.float32, np.float64):
            raise TypeError(f"{name}: grads[{key!r}] must be float32 or float64, got {grad.dtype}")
        if not grad.flags.writeable:
            raise ValueError(f"{name}: grads[{key!r}] is read-only, it is changed in place")
        found.append(grad)
    return found


def _once(arrays: list[Array]) -> Iterable[Array]:
    """Return each array once: one that stands under two keys must not be scaled twice."""
    return {id(array): array for array in arrays}.values()


def _norm(arrays: list[Array], power: float) -> float:
    """Return the p-norm of all elements; squares that float64 does not hold are scaled first."""
    top = max((_largest(array) for array in arrays), default=0.0, key=_nan_first)
    if not top or not math.isfinite(top) or math.isinf(power):
        return top
    unit = 1.0 if 1e-100 < top < 1e100 and 1 <= power <= 2 else top
    total = math.fsum(
        float(np.sum(powers(np.abs(piece / unit if unit != 1 else piece), power)))
        for array in arrays
        for piece in _pieces(array)
    )
    return unit * (math.sqrt(total) if power == 2 else root(total, 1 / power))


def _pieces(array: Array) -> Iterator[Array]:
    flat = array.reshape(-1)
    for start in range(0, flat.size, PIECE):
        yield flat[start : start + PIECE].astype(np.float64)


def _largest(array: Array) -> float:
    """Return the largest absolute value, NaN if one is."""
    return float(max(array.max(), -array.min(), key=_nan_first)) if array.size else 0.0


def _nan_first(value: float) -> tuple[bool, float]:
    return math.isnan(value), value

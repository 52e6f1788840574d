"""The arrays of a step: what can be moved, what fits it, and whose state it is."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Collection, Iterable, Mapping
from itertools import repeat
from typing import Any

import numpy as np

from cnnlite.checks.arrays import FLOATS
from cnnlite.layers.ties import check_overlaps, first_names

__all__ = ["Owners", "check_gradients", "check_state", "step_count"]

Array = np.ndarray
State = Mapping[str, Any]

_carray_of, _dtype_of, _shape_of = map(operator.attrgetter, ("flags.carray", "dtype", "shape"))

FRESH = (
    "an optimizer's state belongs to one model; make a new optimizer for another one, or forget "
    "the state with optimizer.state.clear()"
)


class Owners:
    """The arrays that an optimizer's state belongs to, and those that stand under several keys.

    Args:
        where: what starts each message.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.homes: dict[str, str] = {}
        """The first key of an array, by its other keys."""
        self._arrays: dict[str, weakref.ref[Array]] = {}

    def know(self, arrays: Mapping[str, Array]) -> bool:
        """Return whether these arrays were noted under these keys."""
        # Without a loop of Python's: each step asks it of all parameters.
        refs = map(self._arrays.get, arrays, repeat(_nothing))
        return all(map(operator.is_, map(operator.call, refs), arrays.values()))

    def note(self, params: Mapping[str, Array], state: Mapping[str, State]) -> None:
        """Note whose state it is from now on.

        Args:
            params: by key; what is no array is passed over.
            state: what is kept of each.

        Raises:
            ValueError: something is kept of another array, or two arrays share memory.
        """
        arrays = {key: array for key, array in params.items() if isinstance(array, np.ndarray)}
        for key, param in arrays.items():
            kept = state.get(key)
            if kept and key in self._arrays and not self.know({key: param}):
                check_state(self.where, key, kept, kept, param)
                raise ValueError(
                    f"{self.where}: {key!r} is not the array that the state's {' and '.join(kept)} "
                    f"{'was' if len(kept) == 1 else 'were'} made for: {FRESH}"
                )
        check_overlaps(self.where, arrays)
        self._arrays.update((key, weakref.ref(array)) for key, array in arrays.items())
        self.homes = {key: home for key, home in first_names(arrays).items() if key != home}

    def summed(
        self, params: Mapping[str, Array], grads: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return both with each array once, under its first key, and its gradients added."""
        moved: dict[str, Array] = {}
        total: dict[str, Array] = {}
        for key, grad in grads.items():
            home = self.homes.get(key, key)
            moved[home] = params[key]
            total[home] = np.asarray(total[home] + grad) if home in total else grad
        return moved, total


def _nothing() -> None:
    """Stand for the reference to an array that was not noted."""


def check_gradients(where: str, params: Mapping[str, Array], grads: Mapping[str, Array]) -> None:
    """Raise TypeError or ValueError unless each parameter can be moved by its gradient.

    Args:
        where: what starts the message: the optimizer.
        params, grads: the arrays, with the same keys in the same order.
    """
    if not _are_usual(params.values(), grads.values()):
        for key, param in params.items():
            _check_gradient(where, key, param, grads[key])


def _are_usual(params: Collection[Array], grads: Collection[Array]) -> bool:
    """Whether all parameters and gradients are as they are in most steps.

    It has no loop of Python's, which would take longer than many a small array's own update.
    """
    if not set(map(type, (*params, *grads))) <= {np.ndarray}:
        return False
    dtypes = [*map(_dtype_of, params)]
    if not (set(dtypes) <= set(FLOATS) and dtypes == [*map(_dtype_of, grads)]):
        return False
    return all(map(_carray_of, params)) and [*map(_shape_of, params)] == [*map(_shape_of, grads)]


def _check_gradient(where: str, key: str, param: Array, grad: Array) -> None:
    if not (isinstance(param, np.ndarray) and isinstance(grad, np.ndarray)):
        name, array = ("gradient", grad) if isinstance(param, np.ndarray) else ("parameter", param)
        kind = type(array).__name__
        raise TypeError(f"{where}: {key!r}: {name} must be an array, got {kind}")
    if param.dtype not in FLOATS:
        wanted = "float32 or float64" if param.dtype.kind == "f" else "of floats"
        raise TypeError(f"{where}: {key!r}: parameter must be {wanted}, got {param.dtype}")
    flags = param.flags
    if not flags.writeable:
        raise ValueError(f"{where}: {key!r}: parameter is read-only, it is updated in place")
    if not (flags.forc or _is_apart(param)):
        raise ValueError(
            f"{where}: {key!r}: parameter repeats its elements, strides {param.strides}"
        )
    _check_like(where, key, "gradient", grad, param)


def check_state(where: str, key: str, names: Iterable[str], state: State, param: Array) -> None:
    """Raise TypeError or ValueError unless those entries of a state that are there fit.

    Args:
        where, key: what starts the message: the optimizer, and the parameter's name.
        names: of the entries that are used.
        state: what is kept of the parameter.
        param: the parameter.
    """
    shape, dtype = param.shape, param.dtype
    for name in names:
        if name == "step":
            step_count(where, key, state.get(name, 0))
        elif name in state:
            array = state[name]
            usual = type(array) is np.ndarray and array.flags.carray
            if usual and array.shape == shape and array.dtype is dtype:
                continue
            if not (isinstance(array, np.ndarray) and array.flags.carray):
                raise TypeError(
                    f"{where}: {key!r}: {name} must be an array in C order, got {array!r:.60}"
                )
            _check_like(where, key, name, array, param)


def step_count(where: str, key: str, value: Any) -> int:
    """Return the number of steps that a parameter has taken.

    Raises:
        ValueError: it is none.
    """
    if type(value) is int and value >= 0:
        return value
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in "iu" or array < 0:
        raise ValueError(f"{where}: {key!r}: step must be an integer from 0 up, got {value!r:.60}")
    return int(array)


def _is_apart(param: Array) -> bool:
    """Whether each element has memory of its own, as in all slices and transposes of an array."""
    end = param.itemsize
    for stride, size in sorted(zip(map(abs, param.strides), param.shape, strict=True)):
        if size > 1:
            if stride < end:
                return False
            end += stride * (size - 1)
    return True


def _check_like(where: str, key: str, name: str, array: Array, param: Array) -> None:
    if array.shape != param.shape:
        raise ValueError(
            f"{where}: {key!r}: {name} has shape {array.shape}, parameter {param.shape}"
        )
    if array.dtype != param.dtype:
        raise TypeError(f"{where}: {key!r}: {name} is {array.dtype}, parameter {param.dtype}")

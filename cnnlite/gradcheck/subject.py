"""A float64 copy of a layer under test, which behaves the same at every call."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from cnnlite.gradcheck.numeric import Array


class Subject:
    """Calls a copy of a layer with the arguments it takes, its buffers put back before each call.

    Args:
        layer: has forward and backward; may have params, buffers and astype.
        train: passed on to forward.
        seed: passed on to forward as rng.
    """

    def __init__(self, layer: Any, train: bool, seed: int) -> None:
        for method in ("forward", "backward"):
            if not callable(getattr(layer, method, None)):
                raise TypeError(f"{type(layer).__name__} has no method {method}")
        self.layer = copy.deepcopy(layer)
        self.y_dtype = np.dtype(np.float64)  # what the last forward gave, before it is converted
        self._forward_options = _accepted(self.layer.forward, {"train": train, "rng": seed})
        self.takes_need_dx = bool(_accepted(self.layer.backward, {"need_dx": True}))
        if hasattr(self.layer, "astype"):
            for key, value in self.params.items():
                if not isinstance(value, np.ndarray):
                    raise TypeError(f"params[{key!r}] is a {type(value).__name__}, not an array")
            self.layer.astype(np.float64)
        else:
            for key, value in list(self.params.items()):
                self.params[key] = np.array(value, np.float64)
        self._buffers = {k: np.array(v) for k, v in self.buffers.items()}

    @property
    def params(self) -> MutableMapping[str, Any]:
        """The copy's parameters, live."""
        return getattr(self.layer, "params", {})

    @property
    def buffers(self) -> Mapping[str, Any]:
        """The copy's buffers, live."""
        return getattr(self.layer, "buffers", {})

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Returns (y as float64, cache)."""
        for key, value in self._buffers.items():
            self.buffers[key][...] = value
        result = self.layer.forward(x, **self._forward_options)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(
                f"{type(self.layer).__name__}.forward must return (y, cache), "
                f"got {type(result).__name__}"
            )
        y = np.asarray(result[0])
        self.y_dtype = y.dtype
        return y.astype(np.float64), result[1]

    def backward(self, dy: Array, cache: Any, **options: bool) -> tuple[Any, Mapping[str, Any]]:
        """Returns (dx, grads)."""
        result = self.layer.backward(dy, cache, **options)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)):
            raise TypeError(
                f"{type(self.layer).__name__}.backward must return (dx, a dict of gradients), "
                f"got {result if result is None else type(result).__name__}"
            )
        return result


def find_problems(subject: Subject, x: Array, y: Array, dy: Array) -> list[str]:
    """Runs both passes once more, and says which of their rules the layer breaks."""
    problems = []
    again, cache = subject.forward(x.copy())
    if subject.y_dtype != np.float64:
        problems.append(
            f"forward gives {subject.y_dtype} for a float64 x: keep x's dtype, differences need it"
        )
    if not np.isfinite(y).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(y))[0])
        problems.append(f"forward gives NaN or infinity, first at {first}")
    repeats = np.array_equal(again, y, equal_nan=True)
    if not repeats:
        problems.append(
            "forward gives another result for the same x and the same rng: whatever is random "
            "must come from rng"
        )
    watched = {
        "x": x.copy(),
        "dy": dy.copy(),
        **{k: np.array(v) for k, v in subject.params.items()},
    }
    x_given, dy_given = x.copy(), dy.copy()
    _, cache = subject.forward(x_given)
    # A container gives its caches' memory back while it goes; a leaf's cache must stay whole.
    is_leaf = not (hasattr(subject.layer, "children") and subject.layer.children())
    kept = list(_arrays(cache)) if is_leaf else []
    before = [array.copy() for array in kept]
    dx, grads = subject.backward(dy_given, cache)
    grads = {key: np.array(value) for key, value in grads.items() if value is not None}
    for key, value in {"x": dx, **grads}.items():
        if value is not None and np.asarray(value).dtype != np.float64:
            kind = np.asarray(value).dtype
            problems.append(f"the gradient of {key} is {kind}, expected float64 as {key} is")
    now = {"x": x_given, "dy": dy_given, **subject.params}
    for name, value in watched.items():
        if not np.array_equal(value, now[name], equal_nan=True):
            problems.append(f"{name} was changed by forward or backward")
    changed = [not np.array_equal(a, b, equal_nan=True) for a, b in zip(kept, before, strict=True)]
    if any(changed):
        problems.append("backward changed its cache, so that it cannot be called twice")
    if repeats:
        problems += _remembers(subject, x, dy, dx, grads)
    if repeats and subject.takes_need_dx:
        _, cache = subject.forward(x)
        _, without = subject.backward(dy, cache, need_dx=False)
        if any(not _same(grads[k], without.get(k)) for k in grads):
            problems.append("need_dx=False changes the parameters' gradients")
    for key in sorted(set(grads) - set(subject.params)):
        problems.append(f"grads has {key!r}, which is not a parameter")
    return problems


def _remembers(
    subject: Subject, x: Array, dy: Array, dx: Any, grads: Mapping[str, Array]
) -> list[str]:
    """Whether what backward gives depends on calls before: on the last ones, or on a forward."""
    problems = []
    _, cache = subject.forward(x)
    dx_again, grads_again = subject.backward(dy, cache)
    if not (_same(dx, dx_again) and all(_same(grads[k], grads_again.get(k)) for k in grads)):
        problems.append("backward gives another result the second time: it adds to the first one")
    _, cache = subject.forward(x)
    subject.forward(np.roll(x.ravel(), 1).reshape(x.shape))
    dx_later, grads_later = subject.backward(dy, cache)
    if not (_same(dx, dx_later) and all(_same(grads[k], grads_later.get(k)) for k in grads)):
        problems.append(
            "backward gives another result after a forward of another x: what it needs must be in "
            "the cache, not in the layer"
        )
    return problems


def _accepted(function: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Those options that a function has arguments for."""
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        return options
    names = {p.name for p in parameters}
    return {key: value for key, value in options.items() if key in names}


def _arrays(cache: Any) -> Iterator[Array]:
    if isinstance(cache, np.ndarray):
        yield cache
    elif isinstance(cache, Mapping):
        for value in cache.values():
            yield from _arrays(value)
    elif isinstance(cache, (tuple, list)):
        for value in cache:
            yield from _arrays(value)


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=1e-9, equal_nan=True))

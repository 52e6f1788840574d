"""A float64 copy of a layer under test, which behaves the same at every call."""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from cnnlite.gradcheck.numeric import Array

State = dict[str, dict[str, Any]]


class Subject:
    """Calls a copy of a layer with the arguments it takes, from the same state each time.

    Args:
        layer: has forward and backward; may have params, buffers and astype.
        seed: passed on to forward as rng.
        name: what errors call it.

    Attributes:
        train: passed on to forward.
        state: the values that `forward` finds, parameters and buffers.
        last_y: what the last forward gave, as it came.
    """

    def __init__(self, layer: Any, seed: int, name: str) -> None:
        for method in ("forward", "backward"):
            if not callable(getattr(layer, method, None)):
                raise TypeError(f"{name} has no method {method}")
        self.name = name
        self.layer = copy.deepcopy(layer)
        self.last_y: Any = None
        self.train = True
        self.seed = seed
        self.named = {*inspect.signature(self.layer.forward).parameters}
        self.takes_need_dx = bool(_accepted(self.layer.backward, {"need_dx": True}))
        _convert(self.layer)
        self.state: State = {
            kind: copy.deepcopy(dict(getattr(self, kind))) for kind in ("params", "buffers")
        }

    @property
    def params(self) -> MutableMapping[str, Any]:
        """The copy's parameters, live."""
        return getattr(self.layer, "params", {})

    @property
    def buffers(self) -> MutableMapping[str, Any]:
        """The copy's buffers, live."""
        return getattr(self.layer, "buffers", {})

    @property
    def y_dtype(self) -> np.dtype[Any]:
        """The dtype of what the last forward gave."""
        return np.asarray(self.last_y).dtype

    @property
    def is_leaf(self) -> bool:
        """Whether its cache must stay whole: containers give their caches' memory back."""
        layers = [self.layer, *vars(self.layer).values()] if hasattr(self.layer, "__dict__") else []
        return not any(
            layer.children() for layer in layers if callable(getattr(layer, "children", None))
        )

    def place(self, state: State | None = None) -> None:
        """Set all parameters and buffers to the values of `state`, or of the last one given."""
        self.state = self.state if state is None else state
        self._put_back("params")
        self._put_back("buffers")

    def _put_back(self, kind: str) -> None:
        live = getattr(self, kind)
        for key, now in list(live.items()):
            value = self.state[kind].get(key, now)
            if isinstance(now, np.ndarray) and now.shape == np.shape(value):
                now[...] = value
            else:
                live[key] = copy.deepcopy(value)

    def changed(self, kind: str) -> list[str]:
        """Return the keys of params or buffers whose values are not those they were set to."""
        state = self.state[kind]
        return [k for k, v in getattr(self, kind).items() if k in state and not _equal(v, state[k])]

    def forward(self, x: Array, **options: Any) -> tuple[Array, Any]:
        """Return (y as float64, cache); the options are used in place of the usual ones."""
        self._put_back("buffers")
        usual = {"train": self.train, "rng": self.seed, **options}
        result = self.layer.forward(x, **_accepted(self.layer.forward, usual))
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(
                f"{self.name}.forward must return (y, cache), got {type(result).__name__}"
            )
        self.last_y = result[0]
        return np.array(result[0], np.float64), result[1]

    def backward(self, dy: Array, cache: Any, **options: bool) -> tuple[Any, Mapping[str, Any]]:
        """Return (dx, grads)."""
        result = self.layer.backward(dy, cache, **options)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)):
            raise TypeError(
                f"{self.name}.backward must return (dx, a dict of gradients), "
                f"got {result if result is None else type(result).__name__}"
            )
        return result


@contextmanager
def kept(layer: Any) -> Iterator[None]:
    """Put a layer's arrays back at the end, the same arrays with the same bits, come what may.

    A copy is checked; but arrays that belong to the class, or that are copied in a way of their
    own, are shared with the copy.
    """
    before = [
        (arrays, key, value, value.copy() if isinstance(value, np.ndarray) else value)
        for arrays in (getattr(layer, "params", {}), getattr(layer, "buffers", {}))
        for key, value in arrays.items()
    ]
    try:
        yield
    finally:
        for arrays, key, value, bits in before:
            if arrays.get(key) is not value:
                arrays[key] = value
            if isinstance(value, np.ndarray) and value.tobytes() != bits.tobytes():
                value[...] = bits


def _convert(layer: Any) -> None:
    """Make all floating-point arrays float64, and a parameter that is a number an array."""
    leaves = [leaf for _, leaf in layer.leaves()] if hasattr(layer, "leaves") else [layer]
    arrays = [
        (leaf, kind, key, value)
        for leaf in leaves
        for kind in ("params", "buffers")
        for key, value in getattr(leaf, kind, {}).items()
    ]
    if hasattr(layer, "astype"):
        for _, kind, key, value in arrays:
            if kind == "params" and not isinstance(value, np.ndarray):
                raise TypeError(f"params[{key!r}] is a {type(value).__name__}, not an array")
        layer.astype(np.float64)
    new: dict[int, Any] = {}
    for leaf, kind, key, old in arrays:
        home = getattr(leaf, kind)
        numbers = isinstance(old, np.ndarray) and (kind == "params" or old.dtype.kind == "f")
        plain = kind == "params" and not isinstance(old, np.ndarray)
        if home[key] is old and (plain or (numbers and old.dtype != np.float64)):
            home[key] = new.setdefault(id(old), np.array(old, np.float64))
        elif home[key] is not old:
            new.setdefault(id(old), home[key])
    _replace(layer, new, set())


def _replace(owner: Any, new: dict[int, Any], seen: set[int]) -> None:
    """Put the new arrays wherever the old ones stand: self.weight, and params["weight"] too."""
    items = owner if isinstance(owner, dict) else getattr(owner, "__dict__", None)
    if id(owner) in seen or not isinstance(items, dict):
        return
    if (callable(owner) and not hasattr(owner, "forward")) or isinstance(owner, ModuleType):
        return
    seen.add(id(owner))
    for key, value in list(items.items()):
        if isinstance(value, np.ndarray) and id(value) in new:
            items[key] = new[id(value)]
        elif isinstance(value, list | tuple):
            for one in value:
                _replace(one, new, seen)
        else:
            _replace(value, new, seen)


def _accepted(function: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return those options that a function has arguments for."""
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        return options
    names = {p.name for p in parameters}
    return {key: value for key, value in options.items() if key in names}


def _equal(a: Any, b: Any) -> bool:
    try:
        return np.array_equal(a, b, equal_nan=True)
    except TypeError:  # no numbers
        return bool(a == b)

"""CNNLITE_DEBUG_CACHES=1: backward raises if an array that it needs was changed since forward.

A cache refers to arrays without copying them.  With the variable set when cnnlite is imported,
forward notes a checksum of each array that its cache refers to, and of the layer's parameters, and
backward compares.  Without it nothing here is called after the import.

Layers and losses are guarded by class, the pairs of `cnnlite.functional` one by one.  What forward
returns is then the cache with a seal: a NamedTuple, tuple or list stays what it was, anything else
becomes the one entry of a tuple, which backward takes out again.
"""

import functools
import inspect
import itertools
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from cnnlite import environment

__all__ = ["debug_caches", "guard_class", "guard_pairs"]

debug_caches = environment.DEBUG_CACHES.value()
"""Whether caches are guarded; read once, here."""

Method = Callable[..., Any]


class _Running(threading.local):
    """The layers and losses whose guarded methods run in this thread, innermost last."""

    def __init__(self) -> None:
        self.objects: list[Any] = []


_running = _Running()


class Note(NamedTuple):
    """An array as it was when forward ended."""

    name: str
    array: np.ndarray
    checksum: int


class Seal:
    """What a guarded cache has besides its contents: the base of a class made for its type.

    Attributes:
        notes: the arrays that the cache refers to.
        params: checksums of those parameters of the layer that are not among them, by name.
        inside: the cache as backward gets it.
    """

    notes: list[Note]
    params: dict[str, int]
    inside: Any

    def opened(self, owner: str, params: Mapping[str, Any]) -> Any:
        """Return the cache.

        Raises:
            RuntimeError: an array is not what it was.
        """
        changed = [note.name for note in self.notes if _checksum(note.array) != note.checksum]
        changed += [name for name in self.params if _checksum(params[name]) != self.params[name]]
        if changed:
            raise RuntimeError(
                f"{owner}: {' and '.join(changed)} changed between forward and backward, which "
                "needs what was there; overwrite it after backward, or give forward a copy "
                "(found by CNNLITE_DEBUG_CACHES=1)"
            )
        return self.inside


class SealedList(list[Any], Seal):
    """A list, which is its own inside: backward may empty it, and the caller sees that."""

    inside = property(lambda self: self)  # an attribute would be a cycle, which keeps all arrays


class SealedTuple(tuple[Any, ...], Seal):
    """A tuple, or another cache as its only entry."""


def guard_class(cls: type) -> None:
    """Replace the forward and backward methods of a class of layers or losses."""
    for name, guard in GUARDS.items():
        method = getattr(cls, name, None)
        if method is None or getattr(method, "__isabstractmethod__", False):
            continue
        if not hasattr(method, "guarded"):  # else it is inherited
            setattr(cls, name, guard(method))


def guard_pairs(names: dict[str, Any]) -> None:
    """Replace the functions NAME_forward and NAME_backward among a module's names."""
    for name, function in names.items():
        operation, _, direction = name.rpartition("_")
        if direction == "forward":
            names[name] = _guarded_function(function)
        elif direction == "backward":
            names[name] = _opening_function(operation, function)


def _guarded_forward(method: Method) -> Method:
    arguments = list(inspect.signature(method).parameters)[1:]

    @functools.wraps(method)
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        if any(running is self for running in _running.objects):  # it calls itself, or super()
            return method(self, *args, **kwargs)
        result = _run(method, self, args, kwargs)
        if not (isinstance(result, tuple) and len(result) == 2):
            return result  # for others to complain about
        y, cache = result
        return y, _sealed(cache, _own_params(self), _given(arguments, args, kwargs, y))

    forward.guarded = True  # type: ignore[attr-defined]
    return forward


def _guarded_backward(method: Method) -> Method:
    @functools.wraps(method)
    def backward(self: Any, *args: Any, **kwargs: Any) -> Any:
        if any(running is self for running in _running.objects):
            return method(self, *args, **kwargs)
        args, kwargs = _opened(lambda: _place(self), _own_params(self), args, kwargs)
        return _run(method, self, args, kwargs)

    backward.guarded = True  # type: ignore[attr-defined]
    return backward


GUARDS = {
    **dict.fromkeys(("forward", "forward_post"), _guarded_forward),
    **dict.fromkeys(("backward", "backward_post", "backward_parts"), _guarded_backward),
}


def _run(method: Method, self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    _running.objects.append(self)
    try:
        return method(self, *args, **kwargs)
    finally:
        _running.objects.pop()


def _guarded_function(function: Method) -> Method:
    arguments = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def forward(*args: Any, **kwargs: Any) -> Any:
        y, cache = function(*args, **kwargs)
        if _running.objects:  # the layer guards what it keeps
            return y, cache
        return y, _sealed(cache, {}, _given(arguments, args, kwargs, y))

    return forward


def _given(names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any], y: Any) -> Any:
    return {**dict(zip(names, args, strict=False)), **kwargs, "y": y}


def _opening_function(operation: str, function: Method) -> Method:
    @functools.wraps(function)
    def backward(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = _opened(lambda: operation, {}, args, kwargs)
        return function(*args, **kwargs)

    return backward


def _opened(
    owner: Callable[[], str],
    params: Mapping[str, Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a backward, its cache without the seal."""

    def opened(value: Any) -> Any:
        return value.opened(owner(), params) if isinstance(value, Seal) else value

    return tuple(map(opened, args)), {name: opened(value) for name, value in kwargs.items()}


def _own_params(owner: Any) -> dict[str, Any]:
    """Return a layer's parameters; none for a container, whose layers have them."""
    params = {} if getattr(owner, "children", dict)() else getattr(owner, "params", {})
    return {name: array for name, array in params.items() if isinstance(array, np.ndarray)}


def _place(owner: Any) -> str:
    """Return what a message calls a layer: its path in the network, and its arguments."""
    chain = [*_running.objects, owner]
    path = []
    for around, layer in itertools.pairwise(chain):
        children: Mapping[str, Any] = getattr(around, "children", dict)()
        path += [name for name, child in children.items() if child is layer][:1]
    name = type(owner).__name__
    if hasattr(owner, "extra_repr") and not owner.children():
        name = f"{name}({owner.extra_repr()})"
    return f"layer {'.'.join(path)!r}, {name}" if path else name


def _sealed(cache: Any, params: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """Return a cache with its seal, or the cache itself if there is nothing to note.

    Args:
        cache: what forward returned.
        params: the layer's own parameters.
        given: arguments and y, whose names are used where the cache has none.
    """
    names = {id(array): name for name, array in given.items() if isinstance(array, np.ndarray)}
    own = {id(array): name for name, array in params.items()}
    arrays: dict[int, Note] = {}
    for path, array in _arrays(cache, "", set()):
        name = own.get(id(array)) or (path if path[:1].isalpha() else names.get(id(array)))
        arrays.setdefault(id(array), Note(name or f"cache{path}", array, _checksum(array)))
    rest = {name: _checksum(a) for name, a in params.items() if id(a) not in arrays}
    if not arrays and not rest:
        return cache
    seal: Any
    kind: Any = type(cache)
    if kind is list:
        seal = SealedList(cache)
    else:
        plain = isinstance(cache, tuple) and not isinstance(cache, Seal)
        seal = tuple.__new__(_sealed_type(kind), cache) if plain else SealedTuple((cache,))
        seal.inside = cache
    seal.notes, seal.params = list(arrays.values()), rest
    return seal


@functools.cache
def _sealed_type(kind: type) -> type:
    """Return a class of sealed tuples that are of this kind too."""
    return SealedTuple if kind is tuple else type(kind.__name__, (kind, Seal), {})


def _arrays(value: Any, path: str, visited: set[int]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays that a cache refers to, by path; sealed parts have notes of their own."""
    if isinstance(value, np.ndarray):
        if not value.dtype.hasobject:
            yield path, value
        return
    parts: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Seal) or id(value) in visited:
        return
    if hasattr(value, "_fields"):
        parts = ((f"{path}.{name}", getattr(value, name)) for name in value._fields)
    elif isinstance(value, Mapping):
        parts = ((f"{path}[{key!r}]", entry) for key, entry in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        parts = ((f"{path}[{i}]", entry) for i, entry in enumerate(value))
    elif isinstance(value, FunctionType):
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        parts = ((f"{path}.{name}", cell.cell_contents) for name, cell in cells if _filled(cell))
    elif isinstance(value, MethodType):
        parts = ((path, value.__self__),)
    elif isinstance(value, functools.partial):
        inside = {"func": value.func, "args": value.args, "keywords": value.keywords}
        parts = ((f"{path}.{name}", part) for name, part in inside.items())
    elif not (isinstance(value, type | ModuleType) or hasattr(value, "forward")):
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        names = [*getattr(value, "__dict__", ()), *slots]
        parts = ((f"{path}.{name}", getattr(value, name, None)) for name in names)
    visited.add(id(value))
    for name, part in parts:
        yield from _arrays(part, name.removeprefix("."), visited)


def _filled(cell: CellType) -> bool:
    """Return whether a closure's variable has a value yet."""
    try:
        cell.cell_contents  # noqa: B018  # reading an empty cell raises
    except ValueError:
        return False
    return True


def _checksum(array: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)

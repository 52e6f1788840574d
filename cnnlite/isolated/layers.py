"""In the child: a layer or loss of the file, whose methods are called from the parent.

The parent keeps the parameters and buffers, and sends with each call those that have changed.
"""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from .loaded import Loaded
from .wire import Plain, decode, encode

# Methods of before the file was loaded, which it cannot replace.
same_bytes = bytes.__eq__
bytes_of = np.ndarray.tobytes


def literals(text: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments that "(3, bias=False)" stands for.

    Raises:
        ValueError, SyntaxError: it holds something else than literals.
    """
    call = ast.parse(f"f{text}", mode="eval").body
    if not isinstance(call, ast.Call) or any(keyword.arg is None for keyword in call.keywords):
        raise ValueError(text)
    options = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    return [ast.literal_eval(argument) for argument in call.args], options


class Layers:
    """Answers {"load": ...}, and then any number of {"method": ...}."""

    def __init__(self) -> None:
        self.file: Loaded
        self.layer: Any
        self.caches: dict[int, Any] = {}
        # Each parameter and buffer, and each array returned last, with its bytes as the parent
        # knows them.
        self.known: dict[tuple[str, str], tuple[Any, bytes]] = {}
        self.returned: dict[str, tuple[np.ndarray, bytes]] = {}
        self.made = 0

    def answer(self, request: dict[str, Plain]) -> dict[str, Plain]:
        """Do what is asked.

        Args:
            request: {"load": its source in base64, "shown", "place", "path", "name",
                "arguments"}, which makes the layer; or {"method": "forward", "backward",
                "astype" or "cache", ...}.

        Returns:
            {"error": ..., "in": what was being done}; or what was asked for.
        """
        if "load" in request:
            return self._load(request)
        for token in request.get("drop", ()):
            self.caches.pop(token, None)
        try:
            return getattr(self, f"_{request['method']}")(request)
        except BaseException as error:  # SystemExit too: it is the file's, not ours
            return {"error": self.file.explain(error), "in": request["method"]}

    def _load(self, request: dict[str, Plain]) -> dict[str, Plain]:
        self.file = Loaded(request)
        stage = "load"
        try:
            self.file.run()
            make = self.file.names.get(request["name"])
            if not callable(make):
                if self.file.failed:  # the cell that would have made it, most likely
                    return {"error": self.file.failed[0], "in": stage}
                return {"classes": self.file.own_classes()}
            stage = "make"
            arguments, options = literals(request["arguments"])
            self.layer = make(*arguments, **options)
            return self._described()
        except BaseException as error:
            return {"error": self.file.explain(error), "in": stage}

    def _described(self) -> dict[str, Plain]:
        layer = self.layer
        methods = {
            name: _parameters(getattr(layer, name))
            for name in ("forward", "backward", "astype")
            if callable(getattr(layer, name, None))
        }
        children = layer.children() if callable(getattr(layer, "children", None)) else {}
        return {
            "name": str(type(layer).__name__)[:80],
            "methods": methods,
            "children": len(children),
            **self._state(),
        }

    def _state(self) -> dict[str, Plain]:
        return {
            kind: {str(key): encode(value) for key, value in dict(self._arrays(kind)).items()}
            for kind in ("params", "buffers")
        }

    def _arrays(self, kind: str) -> Any:
        return getattr(self.layer, kind, {})

    def _astype(self, request: dict[str, Plain]) -> dict[str, Plain]:
        self.layer.astype(np.dtype(request["dtype"]).type)
        return self._state()

    def _set(self, request: dict[str, Plain]) -> None:
        """Set the arrays that the parent has changed."""
        for kind in ("params", "buffers"):
            arrays = self._arrays(kind)
            for key, change in request[kind].items():
                value = decode(change["value"])
                if "at" in change:
                    arrays[key].flat[decode(change["at"])] = value
                elif _alike(arrays.get(key), value):
                    arrays[key][...] = value  # an array that the layer may know by another name
                else:
                    arrays[key] = value
                self.known[kind, key] = arrays[key], bytes_of(np.asarray(arrays[key]))

    def _changed(self, given: dict[str, tuple[np.ndarray, bytes]]) -> dict[str, Plain]:
        """Return which arrays have changed: of the layer, of this call, of calls before."""
        kinds = "params", "buffers", "given", "returned"
        changes: dict[str, Any] = {**{kind: {} for kind in kinds}, "replaced": []}
        for kind in ("params", "buffers"):
            arrays = self._arrays(kind)
            for key in list(arrays):
                now = np.asarray(arrays[key])
                data = bytes_of(now)
                before, old = self.known.get((kind, key), (None, b"?"))
                if before is not None and before is not arrays[key]:
                    changes["replaced"].append([kind, str(key)])
                if same_bytes(data, old) is not True or before is not arrays[key]:
                    changes[kind][str(key)] = encode(now)
                    self.known[kind, key] = arrays[key], data
        for name, watched in (("given", given), ("returned", self.returned)):
            for key, (array, old) in watched.items():
                if same_bytes(bytes_of(array), old) is not True:
                    changes[name][key] = encode(array)
        return changes

    def _forward(self, request: dict[str, Plain]) -> dict[str, Plain]:
        self._set(request)
        given, options, watched = _arguments(request)
        result = self.layer.forward(*given, **options)
        if not isinstance(result, tuple) or len(result) != 2:
            return {"instead": str(type(result).__name__)[:80]}
        self.made += 1
        self.caches[self.made] = result[1]
        y, changes = np.asarray(result[0]), self._changed(watched)
        self.returned["y"] = y, bytes_of(y)
        return {"y": encode(y), "cache": self.made, "changes": changes}

    def _backward(self, request: dict[str, Plain]) -> dict[str, Plain]:
        self._set(request)
        cache, (given, options, watched) = self.caches[request["cache"]], _arguments(request)
        result = self.layer.backward(*given, cache, **options)
        if not request["given"]:  # a loss
            return {"dx": encode(result), "changes": self._changed(watched)}
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)):
            return {"instead": "None" if result is None else str(type(result).__name__)[:80]}
        dx, grads = result
        changes = self._changed(watched)
        named = {"dx": dx, **{f"grads {key}": grads[key] for key in grads}}
        arrays = {key: value for key, value in named.items() if _is_array(value)}
        self.returned |= {key: (value, bytes_of(value)) for key, value in arrays.items()}
        return {
            "shared": self._shared(arrays),
            "dx": encode(dx),
            "grads": {str(key): encode(value) for key, value in grads.items()},
            "changes": changes,
        }

    def _shared(self, results: dict[str, np.ndarray]) -> list[Plain]:
        """Return [result, what it shares its memory with: a parameter, or a result before it]."""
        others = {f"params {key}": value for key, value in dict(self._arrays("params")).items()}
        found = []
        for key, result in results.items():
            for name, other in others.items():
                if _is_array(other) and np.may_share_memory(result, other):
                    found.append([key, name])
            others[key] = result
        return found

    def _cache(self, request: dict[str, Plain]) -> dict[str, Plain]:
        return {"arrays": [encode(array) for array in _walk(self.caches[request["cache"]])]}


def _arguments(
    request: dict[str, Plain],
) -> tuple[list[Any], dict[str, Any], dict[str, tuple[np.ndarray, bytes]]]:
    """Return a call's arguments by place and by name, and its arrays with their bytes."""
    given = [decode(each) for each in request["given"]]
    options = {name: decode(value) for name, value in request["options"].items()}
    named = {**{str(place): each for place, each in enumerate(given)}, **options}
    watched = {name: (a, bytes_of(a)) for name, a in named.items() if _is_array(a)}
    return given, options, watched


def _parameters(function: Callable[..., Any]) -> list[Plain]:
    """Return [name, kind, whether it is needed] of each parameter."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [[p.name, p.kind.name, p.default is p.empty] for p in parameters]


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _alike(old: Any, new: Any) -> bool:
    arrays = _is_array(old) and _is_array(new)
    return arrays and old.shape == new.shape and old.dtype == new.dtype and old.flags.writeable


def _walk(cache: Any, depth: int = 0) -> Iterator[np.ndarray]:
    """Yield the arrays in a cache."""
    if _is_array(cache):
        yield cache
    elif isinstance(cache, Mapping | tuple | list) and depth < 8:
        for value in cache.values() if isinstance(cache, Mapping) else cache:
            yield from _walk(value, depth + 1)

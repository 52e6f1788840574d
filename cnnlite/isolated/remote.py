"""A layer or loss in a child process, which the parent uses like any other layer.

Parameters and buffers are kept here; each call sends those that have changed since the last one.
Only numbers come back, so that whoever judges them is out of the file's reach.
"""

import base64
import copy
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, Self

import numpy as np

from cnnlite.isolated.process import UNREADABLE, Child, Lost
from cnnlite.isolated.requests import (
    LAYER_MEGABYTES,
    WHOLE_CHECK,
    NotMade,
    Raised,
    RemoteCache,
    Requests,
)
from cnnlite.isolated.wire import FORGED, Other, Plain, decode, encode, plain

__all__ = ["NotMade", "Raised", "RemoteLayer", "load", "start"]


class RemoteLayer:
    """A layer in the child, with the methods and their arguments that it has there.

    `load` makes a subclass for each, named as the layer's own class.
    """

    def __init__(self, calls: Requests, description: dict[str, Plain]) -> None:
        self._calls = calls
        self._children = description["children"]
        self.params, self.buffers = _arrays(description, "params"), _arrays(description, "buffers")

    def __deepcopy__(self, memo: Any) -> Self:
        other = copy.copy(self)
        other.params, other.buffers = copy.deepcopy((self.params, self.buffers), memo)
        return other

    def children(self) -> dict[str, None]:
        """Return something if the layer is made of others."""
        return dict.fromkeys(map(str, range(self._children)))

    def _call(
        self, method: str, given: list[Any], options: dict[str, Any], **more: Any
    ) -> dict[str, Plain]:
        sent = {kind: self._calls.changes(kind, getattr(self, kind)) for kind in OWN}
        request = {"method": method, "given": [encode(each) for each in given], **sent, **more}
        encoded = {name: encode(value) for name, value in options.items()}
        answer = self._calls.ask({**request, "options": encoded})
        if "instead" in answer:
            got = f"{RETURNS[method]}, got {plain(answer['instead'])}"
            raise TypeError(f"{type(self).__name__}.{method} must return {got}")
        try:
            self._take(answer["changes"], given, options)
        except FORGED:
            raise Lost(UNREADABLE) from None
        return answer

    def _take(self, changes: dict[str, Plain], given: list[Any], options: dict[str, Any]) -> None:
        """Change here what the call has changed in the child."""
        for kind in OWN:
            arrays = getattr(self, kind)
            for key, value in changes[kind].items():
                array = decode(value)
                if not isinstance(array, np.ndarray):
                    raise ValueError(key)
                self._calls.known[kind, key] = array.copy()
                replaced = [kind, key] in changes["replaced"]
                if key in arrays and arrays[key].shape == array.shape and not replaced:
                    arrays[key][...] = array
                else:
                    arrays[key] = array
        for key, value in changes["returned"].items():
            if isinstance(self._calls.returned.get(key), np.ndarray):
                self._calls.returned[key][...] = decode(value)
        for place, value in changes["given"].items():
            array = given[int(place)] if place.isdigit() else options[place]
            array[...] = decode(value)

    def _forward(self, *given: Any, **options: Any) -> tuple[Any, RemoteCache]:
        given = tuple(_number(each) for each in given)
        options = {name: _number(value) for name, value in options.items()}
        answer = self._call("forward", list(given), options)
        y = _decoded(answer, "y")
        if isinstance(y, Other):
            raise TypeError(f"{type(self).__name__}.forward gives {plain(y.what)}")
        self._calls.returned["y"] = y
        return y, RemoteCache(self._calls, answer["cache"])

    def _backward(self, dy: Any, cache: RemoteCache, **options: Any) -> tuple[Any, Any]:
        answer = self._call("backward", [dy], options, cache=cache.token)
        cache.refresh()
        dx = _decoded(answer, "dx")
        grads = _decoded({"grads": {"dict": answer.get("grads")}}, "grads")
        for key, value in {"x": dx, **grads}.items():
            if isinstance(value, Other):
                raise TypeError(f"the gradient of {plain(key)} is {plain(value.what)}")
        grads = {key: value if value is None else np.asarray(value) for key, value in grads.items()}
        results = {"dx": dx, **{f"grads {key}": grads[key] for key in grads}}
        self._share(results, answer)
        self._calls.returned |= results
        return results.pop("dx"), {key.removeprefix("grads "): results[key] for key in results}

    def _share(self, results: dict[str, Any], answer: dict[str, Plain]) -> None:
        """Make results that share memory in the child share it here."""
        known = {**results, **{f"params {key}": self.params[key] for key in self.params}}
        try:
            pairs = [(str(key), str(other)) for key, other in answer["shared"]]
        except FORGED:
            raise Lost(UNREADABLE) from None
        for key, other in pairs:
            mine, with_it = results.get(key), known.get(other)
            if not isinstance(mine, np.ndarray) or not isinstance(with_it, np.ndarray):
                continue
            if np.array_equal(mine, with_it, equal_nan=True):
                results[key] = known[key] = with_it

    def _loss_backward(self, cache: RemoteCache, **options: Any) -> Any:
        answer = self._call("backward", [], options, cache=cache.token)
        cache.refresh()
        return _decoded(answer, "dx")

    def _astype(self, dtype: Any) -> Self:
        answer = self._calls.ask({"method": "astype", "dtype": np.dtype(dtype).name})
        self.params, self.buffers = _arrays(answer, "params"), _arrays(answer, "buffers")
        self._calls.known.clear()
        return self


OWN = ("params", "buffers")
RETURNS = {"forward": "(y, cache)", "backward": "(dx, a dict of gradients)"}
KINDS = {kind.name: kind for kind in type(Parameter.KEYWORD_ONLY)}  # type: ignore[attr-defined]


def start(seconds: float) -> Child:
    """Return a process for one layer, whose calls take so many seconds at most."""
    return Child("layers", WHOLE_CHECK * seconds, LAYER_MEGABYTES)


def load(
    child: Child, file: Path, source: bytes, name: str, arguments: str, path: list[str],
    seconds: float,
) -> tuple[Any, bool]:  # fmt: skip
    """Make the layer or loss in the child; return it, and whether it is a loss.

    If forward needs a second argument, which no layer's does, it is a loss.

    Args:
        child: with the service "layers".
        file: where the source is from.
        source: a Python file.
        name: of the class, or of a function that makes one.
        arguments: literals, such as "(3, bias=False)".
        path: where the file may find its modules.
        seconds: time limit of this, and of each call of the layer.

    Raises:
        NotMade: there is no such class.
        Raised: loading the file raised something, or making the layer did.
        Lost: there is no answer.
    """
    calls = Requests(child, file, seconds)
    answer = calls.ask({
        "load": base64.b64encode(source).decode(), "shown": str(file),
        "place": str(file.resolve()), "path": path, "name": name, "arguments": arguments,
    })  # fmt: skip
    if "classes" in answer:
        raise NotMade([plain(each) for each in answer["classes"]])
    try:
        forward = _signature(answer["methods"].get("forward", []))
        needed = [p for p in forward.parameters.values() if p.default is p.empty]
        needed = [p for p in needed if p.kind is p.POSITIONAL_OR_KEYWORD]
        is_loss = len(needed) > 1 and needed[1].name not in ("train", "rng")
        made: Any = _class(answer, is_loss)(calls, answer)
    except FORGED as error:
        if isinstance(error, NotArray):
            raise
        raise Lost(UNREADABLE) from None
    return made, is_loss


def _class(description: dict[str, Plain], is_loss: bool) -> type[RemoteLayer]:
    """Return a class with the layer's methods, which take the arguments that they take there."""
    serve = {
        "forward": RemoteLayer._forward,
        "backward": RemoteLayer._loss_backward if is_loss else RemoteLayer._backward,
        "astype": RemoteLayer._astype,
    }
    body = {
        name: _with_signature(serve[name], _signature(parameters))
        for name, parameters in description["methods"].items()
    }
    return type(plain(description["name"]), (RemoteLayer,), body)


def _with_signature(function: Any, signature: Signature) -> Any:
    def method(self: Any, *given: Any, **options: Any) -> Any:
        return function(self, *given, **options)

    first = Parameter("self", Parameter.POSITIONAL_ONLY)
    kinds = [p for p in signature.parameters.values() if p.name != "self"]
    ordered = sorted([first, *kinds], key=lambda p: p.kind)
    method.__signature__ = Signature(ordered, __validate_parameters__=False)  # type: ignore[attr-defined]
    return method


def _signature(parameters: Plain) -> Signature:
    return Signature(
        [
            Parameter(str(name), KINDS[kind], default=Parameter.empty if needed else None)
            for name, kind, needed in parameters
        ]
    )


class NotArray(TypeError):
    """A parameter is no array."""


def _arrays(description: dict[str, Plain], kind: str) -> dict[str, Any]:
    arrays = {}
    for key, value in description[kind].items():
        array = decode(value)
        if isinstance(array, Other):
            raise NotArray(f"{kind}[{plain(key)!r}] is {plain(array.what)}, expected an array")
        arrays[str(key)] = array
    return arrays


def _decoded(answer: dict[str, Plain], name: str) -> Any:
    try:
        return decode(answer[name])
    except FORGED:
        raise Lost(UNREADABLE) from None


def _number(value: Any) -> Any:
    """Return a number in place of a generator, which cannot be sent to the child."""
    if isinstance(value, np.random.Generator):
        return int(value.integers(2**62))
    return int(value) if isinstance(value, np.integer) else value

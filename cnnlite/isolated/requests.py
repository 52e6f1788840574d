"""Requests from the parent to a layer in a child process, and the errors that it answers."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from cnnlite.isolated.process import UNREADABLE, Child, Lost
from cnnlite.isolated.wire import FORGED, Plain, decode, encode, plain

__all__ = ["LAYER_MEGABYTES", "WHOLE_CHECK", "NotMade", "Raised", "RemoteCache", "Requests"]

LAYER_MEGABYTES = 4096  # of address space; a layer may use other packages
FEW = 16  # changed entries of an array that are sent one by one
WHOLE_CHECK = 30  # times the limit of one call


class Raised(Exception):
    """What the layer raised; `of` makes a class that is named as the exception was.

    Attributes:
        stage: what was being done: "load", "make", or the method's name.
    """

    stage = ""

    @classmethod
    def of(cls, error: Any, stage: Any, file: Path) -> "Raised":
        """Return it, with the line of the file in its text."""
        kind, text, line = (plain(error.get(key) or "") for key in ("type", "text", "line"))
        place = f"({plain(file.name)}, line {line})" if line else ""
        if kind == "MemoryError" and not text:
            text = f"more than {LAYER_MEGABYTES} MB are asked for"
        raised = type(kind or "Exception", (cls,), {})(" ".join(filter(None, (text, place))))
        raised.stage = str(stage)
        return raised


class NotMade(Exception):
    """The file has no such class.

    Attributes:
        classes: those that it has.
    """

    def __init__(self, classes: list[str]) -> None:
        super().__init__(", ".join(classes))
        self.classes = classes


class Requests:
    """The requests to one child, within one time limit for each and one for all.

    Args:
        child: the process.
        file: whose it is.
        seconds: time limit of one call.
    """

    def __init__(self, child: Child, file: Path, seconds: float) -> None:
        self.child, self.file, self.seconds = child, file, seconds
        self.last = time.monotonic() + WHOLE_CHECK * seconds
        self.known: dict[tuple[str, str], np.ndarray] = {}  # what the child's arrays hold
        self.dropped: list[int] = []
        self.returned: dict[str, Any] = {}  # the last results, which the child may overwrite

    def ask(self, request: dict[str, Plain]) -> dict[str, Plain]:
        """Return the answer.

        Raises:
            Raised: the file's code raised something.
            Lost: there is no answer.
        """
        drop, self.dropped = self.dropped, []
        if time.monotonic() > self.last:
            whole = WHOLE_CHECK * self.seconds
            self.child.lost = f"not through after {whole:g} seconds in all: try a smaller input"
        answer = self.child.ask({**request, "drop": drop}, self.seconds)
        if isinstance(answer.get("error"), dict):
            raise Raised.of(answer["error"], answer.get("in"), self.file)
        return answer

    def changes(self, kind: str, arrays: dict[str, Any]) -> Plain:
        """Return what the child does not know yet of these arrays, and note it as known."""
        changes = {}
        for key, array in arrays.items():
            array, old = np.asarray(array), self.known.get((kind, key))
            if old is None or old.shape != array.shape or old.dtype != array.dtype:
                changes[key] = {"value": encode(array)}
                self.known[kind, key] = array.copy(order="C")
                continue
            at = np.flatnonzero(_bits(old) != _bits(array))
            if len(at) > FEW:
                changes[key] = {"value": encode(array)}
                old[...] = array
            elif len(at):
                changes[key] = {"value": encode(array.flat[at]), "at": encode(at)}
                old.flat[at] = array.flat[at]
        return changes


def _bits(array: np.ndarray) -> np.ndarray:
    """Return integers that are equal where the bits are: NaN equals itself, and -0 is not 0."""
    return np.ascontiguousarray(array).reshape(-1).view(f"u{array.dtype.itemsize}")


class RemoteCache(list):
    """Stands for a cache in the child; as a list, it has the cache's arrays, fetched when read."""

    def __init__(self, calls: Requests, token: int) -> None:
        super().__init__()
        self.calls, self.token, self.fetched = calls, token, False

    def __iter__(self) -> Iterator[Any]:
        if not self.fetched:
            self.fetched = True
            self.extend(self._arrays())
        return super().__iter__()

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __del__(self) -> None:
        self.calls.dropped.append(self.token)

    def refresh(self) -> None:
        """Update the arrays to what backward has made of them."""
        if self.fetched:
            for mine, now in zip(super().__iter__(), self._arrays(), strict=False):
                if mine.shape == now.shape:
                    mine[...] = now

    def _arrays(self) -> list[np.ndarray]:
        answer = self.calls.ask({"method": "cache", "cache": self.token})
        try:
            arrays = [decode(array) for array in answer["arrays"]]
        except FORGED:
            raise Lost(UNREADABLE) from None
        return [array for array in arrays if isinstance(array, np.ndarray)]

"""The child process: loads someone else's file, and answers requests about it until they end.

It imports nothing of cnnlite and never knows what is expected: nothing that happens in here can
make a result right.
"""

from __future__ import annotations

import importlib.abc
import io
import os
import sys
import tokenize
import types
from pathlib import Path
from typing import Any

from .keeper import keep, limit
from .wire import Plain, read_frame, write_frame


class Loaded:
    """The file, as a module that is not __main__.

    Args:
        source: its bytes.
        shown: its name in messages.
        place: what it is to take for its own place.
        path: folders in which it may look for modules first.

    Attributes:
        names: its names; filled in by `run`.
    """

    def __init__(self, source: bytes, shown: str, place: str, path: list[str]) -> None:
        self.source, self.shown = source, shown
        self.lines: list[str] = []
        stem = Path(place).stem
        taken = stem in sys.modules or stem in sys.stdlib_module_names
        self.module = types.ModuleType("the_file" if taken else stem)
        self.module.__file__ = place
        self.names: dict[str, Any] = self.module.__dict__
        sys.path[:0] = path
        sys.argv[:] = [place]

    def run(self) -> None:
        """Execute it, as Python itself would: what Python refuses is refused here."""
        text = self._text()
        self.lines = text.splitlines()
        sys.modules[self.module.__name__] = self.module  # where dataclasses look for it
        # Without dont_inherit this file's own __future__ imports would hold in that one.
        exec(compile(text, self.shown, "exec", dont_inherit=True), self.names)

    def own_classes(self) -> list[str]:
        """The classes that the file defines, not those that it imports."""
        home = self.module.__name__
        return [
            name
            for name, value in self.names.items()
            if isinstance(value, type) and value.__module__ == home
        ]

    def _text(self) -> str:
        """The source, decoded as Python does it."""
        encoding = "utf-8"
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(self.source).readline)
        except SyntaxError as error:  # an unknown encoding, or a first line that is not UTF-8
            if "unknown" in str(error):
                raise SyntaxError(str(error), (self.shown, 1, None, None)) from None
        try:
            return io.TextIOWrapper(io.BytesIO(self.source), encoding).read()
        except UnicodeDecodeError:
            pass
        text = self.source.decode(encoding, "replace")
        line = text.count("\n", 0, text.find("\N{REPLACEMENT CHARACTER}")) + 1
        reason = f"not written in {encoding.upper()}: save the file in UTF-8"
        raise SyntaxError(reason, (self.shown, line, None, None))

    def explain(self, error: BaseException) -> dict[str, Plain]:
        """What was raised, and the last line of the file that had a part in it."""
        number = None
        if isinstance(error, SyntaxError) and error.filename in (self.shown, None):
            number = error.lineno
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.shown:
                number = trace.tb_lineno
            trace = trace.tb_next
        try:
            text = str(error.msg if isinstance(error, SyntaxError) else error)
        except BaseException:
            text = ""
        line = self.lines[number - 1] if number and number <= len(self.lines) else ""
        return {
            "type": str(type(error).__name__)[:80],
            "text": " ".join(text.split())[:300],
            "line": number,
            "code": line.strip()[:120],
        }


class NotHere(importlib.abc.MetaPathFinder):
    """Refuses libraries in which an exercise is solved already."""

    def __init__(self, refused: list[str]) -> None:
        self.refused = refused

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in self.refused:
            raise ImportError(f"{name} has it ready; this exercise is to be done without")


def main() -> None:
    """Answer requests from stdin on what was stdout when we began, until there are no more."""
    keep(_work)


def _work() -> None:
    asked, answer = os.dup(0), os.dup(1)
    for stream in (0, 1, 2):  # what the file prints goes nowhere, input() finds an end
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    first = read_frame(asked)
    limit(first["megabytes"], first["seconds"])
    sys.meta_path.insert(0, NotHere(first["refused"]))
    if first["service"] == "calls":
        from .calls import Calls as Service
    else:
        from .layers import Layers as Service  # type: ignore[assignment]
    service = Service()
    write_frame(answer, {"ready": os.getpid()})
    while True:
        try:
            request = read_frame(asked)
        except EOFError:
            os._exit(0)  # past threads and exit handlers that the file may have left
        try:
            write_frame(answer, service.answer(request))
        except (TypeError, ValueError):  # JSON cannot hold it
            write_frame(answer, {})

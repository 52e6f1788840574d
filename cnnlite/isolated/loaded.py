"""In the child: the file, read and executed as Python itself would do it."""

import base64
import io
import sys
import tokenize
import types
from pathlib import Path
from typing import Any

from . import cells
from .wire import Plain

__all__ = ["Loaded"]


class Loaded:
    """The file, as a module that is not __main__.

    Args:
        request: "load", its source in base64; "shown", its name in messages, which tells a notebook
            from a file; "place", what it is to take for its own place; "path", folders in which it
            looks for modules first.

    Attributes:
        names: its names; filled in by `run`.
        failed: of each cell of a notebook that failed, what it raised, as `explain` tells it.
    """

    def __init__(self, request: dict[str, Plain]) -> None:
        self.source, self.shown = base64.b64decode(request["load"]), request["shown"]
        self.failed: list[dict[str, Plain]] = []
        self._lines: dict[str, list[str]] = {}  # of each program, by its name
        place = request["place"]
        stem = Path(place).stem
        taken = stem in sys.modules or stem in sys.stdlib_module_names
        self.module = types.ModuleType("the_file" if taken else stem)
        self.module.__file__ = place
        self.names: dict[str, Any] = self.module.__dict__
        sys.path[:0] = request["path"]
        sys.argv[:] = [place]

    def run(self) -> None:
        """Execute the file, as Python itself would: what Python refuses is refused here.

        Of a notebook each cell is executed, as Jupyter would: one that fails does not keep the
        next ones from it.
        """
        text = self._text()
        sys.modules[self.module.__name__] = self.module  # where dataclasses look for it
        if not self.shown.lower().endswith(cells.ENDING):
            self._execute(text, self.shown)
            return
        self.names["display"] = lambda *values, **options: None
        for number, code in cells.cut(text):
            try:
                self._execute(code, f"{self.shown} cell {number}")
            except BaseException as error:  # SystemExit too: it is the cell's, not ours
                self.failed.append(self.explain(error))

    def _execute(self, text: str, name: str) -> None:
        self._lines[name] = text.splitlines()
        # dont_inherit: a __future__ import of this file would hold in that one too.
        exec(compile(text, name, "exec", dont_inherit=True), self.names)

    def own_classes(self) -> list[str]:
        """Return the classes that the file defines, not those that it imports."""
        classes = {name: value for name, value in self.names.items() if isinstance(value, type)}
        return [name for name in classes if classes[name].__module__ == self.module.__name__]

    def _text(self) -> str:
        """Return the source, decoded as Python does it."""
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
        """Return what was raised, and the last line of the file that was involved."""
        name, number = "", None
        if isinstance(error, SyntaxError) and error.filename in (self.shown, None, *self._lines):
            name, number = error.filename or self.shown, error.lineno
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in self._lines:
                name, number = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            trace = trace.tb_next
        try:
            text = str(error.msg if isinstance(error, SyntaxError) else error)
        except BaseException:
            text = ""
        lines = self._lines.get(name, [])
        line = lines[number - 1] if number and number <= len(lines) else ""
        return {
            "type": str(type(error).__name__)[:80],
            "text": " ".join(text.split())[:300],
            "cell": name.removeprefix(self.shown).strip(),
            "line": number,
            "code": line.strip()[:120],
        }

"""In the child: the file, read and executed as Python itself would do it."""

import base64
import io
import sys
import tokenize
import types
from pathlib import Path
from typing import Any

from .wire import Plain

__all__ = ["Loaded"]


class Loaded:
    """The file, as a module that is not __main__.

    Args:
        request: "load", its source in base64; "shown", its name in messages; "place", what it is to
            take for its own place; "path", folders in which it looks for modules first.

    Attributes:
        names: its names; filled in by `run`.
    """

    def __init__(self, request: dict[str, Plain]) -> None:
        self.source, self.shown = base64.b64decode(request["load"]), request["shown"]
        self.lines: list[str] = []
        place = request["place"]
        stem = Path(place).stem
        taken = stem in sys.modules or stem in sys.stdlib_module_names
        self.module = types.ModuleType("the_file" if taken else stem)
        self.module.__file__ = place
        self.names: dict[str, Any] = self.module.__dict__
        sys.path[:0] = request["path"]
        sys.argv[:] = [place]

    def run(self) -> None:
        """Execute the file, as Python itself would: what Python refuses is refused here."""
        text = self._text()
        self.lines = text.splitlines()
        sys.modules[self.module.__name__] = self.module  # where dataclasses look for it
        # dont_inherit: a __future__ import of this file would hold in that one too.
        exec(compile(text, self.shown, "exec", dont_inherit=True), self.names)

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

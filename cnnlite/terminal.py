"""Text on its way out: narrow terminals, encodings, readers that have gone.

`Output` is a stream that none of these can make fail; `table` and `fitting` lay text out.
"""

import contextlib
import difflib
import errno
import io
import os
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = [
    "Output",
    "OutputEnded",
    "console",
    "did_you_mean",
    "display_width",
    "fitting",
    "in_notebook",
    "printable",
    "table",
    "width_of",
]

GAP = 2  # spaces between columns
NARROWEST = 8, 6  # to which a column of text is folded, the second if need be; numbers never are
PLAIN = {0x2026: "~", 0x2500: "-", 0x2501: "-", 0xD7: "x"}  # where an encoding lacks these


class OutputEnded(BaseException):
    """Nothing can be written any more, and only the reader had any use for the command."""


class Output(io.TextIOBase):
    """A text stream that accepts any text and survives the loss of its reader.

    Characters that the encoding lacks are escaped.  The first write that fails is noted in `fault`;
    after that nothing is written.

    Args:
        stream: where text goes; None, Python's value for a closed stream, takes nothing.
        patient: whether a failed write is only noted; otherwise it raises OutputEnded.
        fold: break lines between words where the terminal is too narrow.
    """

    def __init__(self, stream: Any, patient: bool = True, fold: bool = False) -> None:
        self._stream, self._patient, self._fold = stream, patient, fold
        self.fault: OSError | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        return self._stream is not None and bool(self._stream.isatty())

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("the stream is closed")
        return int(self._stream.fileno())

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write: expected str, got {type(text).__name__}")
        width = width_of(self._stream) if self._fold else None
        self._do("write", _encodable(_folded(text, width), self.encoding))
        return len(text)

    def flush(self) -> None:
        self._do("flush")

    def _do(self, method: str, *arguments: str) -> None:
        if self._stream is not None and self.fault is None:
            try:
                getattr(self._stream, method)(*arguments)
            except OSError as error:
                self._end(error)

    @property
    def reader_left(self) -> bool:
        """Whether writing failed because the reader has gone."""
        return self.fault is not None and self.fault.errno == errno.EPIPE

    def discard(self) -> None:
        """Discard what a failed write left in the buffer, so that Python does not complain."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)

    def _end(self, error: OSError) -> None:
        self.fault = error
        if self.reader_left:
            self.discard()
        if not self._patient:
            raise OutputEnded from error


def width_of(stream: Any) -> int | None:
    """Return the columns of a stream's terminal; None if it has none, and any width will do.

    COLUMNS in the environment takes precedence, as in a shell.
    """
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if stream.isatty():
            return os.get_terminal_size(stream.fileno()).columns or None
    return None


def in_notebook() -> bool:
    """Return whether this is a kernel of Jupyter's or the like, which shows HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def printable(name: str) -> str:
    """Return a file's name so that it can be printed and written anywhere, other for each name."""
    if name.isprintable() and (os.sep == "\\" or "\\" not in name):
        return name
    raw = os.fsencode(name).replace(b"\\", b"\\\\")
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def console(stream: Any) -> Any:
    """Return a rich Console that prints text as it is, as wide as the stream's terminal."""
    from rich.console import Console

    return Console(
        file=stream, width=width_of(stream), markup=False, highlight=False, soft_wrap=True
    )


def did_you_mean(word: str, known: Iterable[str], about: Callable[[str], str] | None = None) -> str:
    """Return "; did you mean X?" for the nearest known word, or the list of all if none is near.

    Args:
        word: what was written.
        known: the words that there are.
        about: says something of each; the list, then always given, has it.
    """
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    nearest = f"; did you mean {near[0]}?" if near else ""
    if about is not None:
        told = ", ".join(f"{name} ({about(name)})" for name in known)
        return f"{nearest or ';'} there are: {told}"
    return nearest or f" (there are: {', '.join(known)})"


def display_width(text: str) -> int:
    """Return the columns that a text takes: two for each wide character of East Asian scripts."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text)


def fitting(
    widths: Sequence[int], drop: Sequence[int], width: int | None, gap: int = GAP
) -> list[int]:
    """Return which columns are shown.

    Args:
        widths: of each column, without the gaps between them.
        drop: the columns that may be left out, in the order in which they go.
        width: what there is; None means enough.
        gap: spaces between columns.
    """
    columns = list(range(len(widths)))
    for column in drop:
        if width is None or _total([widths[c] for c in columns], gap) <= width:
            break
        columns.remove(column)
    return columns


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[str] = (),
    drop: Sequence[str] = (),
    width: int | None = None,
) -> str:
    """Return a table as text; if it is too wide, columns are left out, then wide text is folded.

    Args:
        headings: a name for each column; if all are blank, there is no heading line.
        rows: the cells, which may have several lines.
        right: the columns of numbers, which are right-aligned and never folded.
        drop: the columns that may be left out, in the order in which they go.
        width: of the terminal; None means enough.

    Returns:
        The lines, without a newline at the end.
    """
    lines = [headings, *rows] if any(map(str.strip, headings)) else list(rows)
    widths = [
        max(display_width(part) for cell in column for part in cell.split("\n"))
        for column in zip(*lines, strict=True)
    ]
    columns = fitting(widths, [list(headings).index(name) for name in drop], width)
    texts = [c for c in columns if headings[c] not in right]
    for narrowest in NARROWEST:
        _narrow(widths, columns, texts, width, narrowest)
    shown = []
    for line in lines:
        cells = [_fold_cell(line[c], widths[c]) for c in columns]
        for row in range(max(map(len, cells))):
            parts = []
            for c, cell in zip(columns, cells, strict=True):
                text = cell[row] if row < len(cell) else ""
                space = " " * (widths[c] - display_width(text))
                parts.append(space + text if headings[c] in right else text + space)
            shown.append((" " * GAP).join(parts).rstrip())
    return "\n".join(shown)


def _narrow(
    widths: list[int], columns: list[int], texts: list[int], width: int | None, narrowest: int
) -> None:
    """Narrow the widest columns of text, in place, until the table fits."""
    while width is not None and (excess := _total([widths[c] for c in columns]) - width) > 0:
        widest = max(texts, key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= narrowest:
            return
        others = sorted(widths[c] for c in texts if c != widest)
        floor = max(narrowest, others[-1] if others else 0, widths[widest] - excess)
        widths[widest] = min(widths[widest] - 1, floor)


def _total(widths: Sequence[int], gap: int = GAP) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _fold_cell(cell: str, width: int) -> list[str]:
    lines = []
    for line in cell.split("\n"):
        lines += [line] if display_width(line) <= width else textwrap.wrap(line, width)
    return lines


def _folded(text: str, width: int | None) -> str:
    """Break lines that are too long between words, except in text that moves the cursor."""
    if width is None or "\x1b" in text or "\r" in text or len(text) <= width:
        return text
    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())] + "  "
        lines += [line] if display_width(line) <= width else textwrap.wrap(
            line, width, subsequent_indent=indent, replace_whitespace=False,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    return "\n".join(lines)


def _encodable(text: str, encoding: str) -> str:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    return text

"""The code of someone else's notebook, read without running it: one text, cell by cell.

What only IPython understands (magics, shell commands, questions) is left out; each cell begins with
a line that says its number, so that the text can be cut into cells again.
"""

import json
import re
from typing import Any, NamedTuple

__all__ = ["ENDING", "Cell", "code_of", "cut", "place"]

ENDING = ".ipynb"
HEAD = "# %% cell {}"
_HEAD = re.compile(r"^# %% cell (\d+)$", re.M)
_MAGIC = re.compile(
    r"[ \t]*(?:[%!?]|get_ipython\(\)"  # %time f(x), !ls, ?f
    r"|[\w \t,.*\[\]]*[\w\]][ \t]*=[ \t]*(?:!|%|get_ipython\(\))"  # files = !ls
    r"|[\w.%*]+\?{1,2}[ \t]*$)"  # f?
)
_OF_PYTHON = ("time", "capture", "prun")
"""Cell magics whose cells are programs like any other."""
_TOKEN = re.compile(r"#.*|\"\"\"|'''|[\"'()\[\]{}]")
_IN_STRING = {
    quote: re.compile(rf"\\.|{quote}") for quote in ('"', "'", '"""', "'''")
}  # up to its end, past what a backslash protects


class Cell(NamedTuple):
    """A cell with code: its number among them, from 1, and its text."""

    number: int
    text: str


def code_of(content: bytes, name: str) -> str:
    """Return the code of a notebook as one text, for `cut`.

    Args:
        content: what is in the file.
        name: of the file, for messages.

    Raises:
        ValueError: it is no notebook of format 4, or has no code.
    """
    try:
        notebook = json.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        what = "too deeply nested" if isinstance(error, RecursionError) else error
        raise ValueError(f"{name} is no notebook: it is not JSON ({what})") from None
    if not isinstance(notebook, dict) or "nbformat" not in notebook:
        raise ValueError(f"{name} is no notebook: expected an object with nbformat and cells")
    if notebook["nbformat"] != 4:
        raise ValueError(
            f"{name} has nbformat {str(notebook['nbformat'])[:20]}, expected 4: open it in Jupyter "
            "and save it, or use jupyter nbconvert --to notebook"
        )
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise ValueError(f"{name} is no notebook: it has no list of cells")
    texts = []
    for count, cell in enumerate(cells, 1):
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        text = _text(cell.get("source")) if isinstance(cell, dict) else None
        if not isinstance(kind, str) or text is None:
            raise ValueError(f"{name}: cell {count} of {len(cells)} has no cell_type or no source")
        if kind == "code":
            texts.append(text)
    if not texts:
        raise ValueError(f"{name} has no cell with code")
    found = (f"{HEAD.format(i)}\n{_without_magics(text)}\n" for i, text in enumerate(texts, 1))
    # Half of a pair of UTF-16 is JSON, but no text.
    return "".join(found).encode("utf-8", "backslashreplace").decode()


def cut(text: str) -> list[Cell]:
    """Return the cells of what `code_of` gave."""
    _, *parts = _HEAD.split(text)
    return [
        Cell(int(number), code.removeprefix("\n"))
        for number, code in zip(parts[::2], parts[1::2], strict=True)
    ]


def place(text: str, line: int) -> tuple[int, int]:
    """Return the cell and the line in it of a line of what `code_of` gave, all from 1."""
    before = "\n".join(text.split("\n")[:line])
    *_, head = _HEAD.finditer(before)
    return int(head[1]), before.count("\n", head.end())


def _text(source: Any) -> str | None:
    """The source of a cell, which is a text or a list of them."""
    if isinstance(source, list) and all(isinstance(part, str) for part in source):
        source = "".join(source)
    return source if isinstance(source, str) else None


def _without_magics(text: str) -> str:
    """Return a cell's code with `pass` in place of what only IPython understands."""
    lines = re.split(r"\r\n|\r|\n", _HEAD.sub(r"#%% cell \1", text))
    first = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first is not None and lines[first].startswith("%%"):
        if re.split(r"\W", lines[first][2:])[0] not in _OF_PYTHON:
            return ""
        lines[first] = ""
    found = []
    quote, depth, goes_on, magic = "", 0, False, False
    for line in lines:
        if not (quote or depth or goes_on):
            magic = _MAGIC.match(line) is not None
        if magic:
            indent = line[: len(line) - len(line.lstrip())]
            found.append("" if goes_on else f"{indent}pass")
            goes_on = line.endswith("\\")
            continue
        found.append(line)
        quote, depth, goes_on = _after(line, quote, depth)
    return "\n".join(found)


def _after(line: str, quote: str, depth: int) -> tuple[str, int, bool]:
    """Return what is open after a line: the quote of a string, brackets; whether it goes on.

    Args:
        line: of a program, without its end.
        quote, depth: what was open before it.
    """
    at = 0
    while token := (_IN_STRING[quote] if quote else _TOKEN).search(line, at):
        word, at = token[0], token.end()
        if quote:
            quote = "" if word == quote else quote
        elif word[0] in "\"'":
            quote = word
        elif word in "([{":
            depth += 1
        elif word in ")]}":
            depth = max(0, depth - 1)
    goes_on = line.endswith("\\") and at < len(line)  # else a comment or a string has it
    return quote if len(quote) == 3 or goes_on else "", depth, goes_on

"""The messages that docs/lookup/errors.md explains are messages of the code."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "lookup" / "errors.md"
ROW = re.compile(r"^\| (?P<ticks>`+)(?P<message>.+?)(?P=ticks) \|", re.M)
MESSAGES = [match["message"] for match in ROW.finditer(PAGE.read_text(encoding="utf-8"))]


def texts() -> set[str]:
    """Return every text of the package, what is filled in being three dots."""
    found = set()
    for path in (ROOT / "cnnlite").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "…"
                         for part in node.values)  # fmt: skip
                found.add("".join(map(str, parts)))
    return found


def test_each_message_is_in_the_code() -> None:
    """All that stands between the dots, in this order, within one text."""
    assert len(MESSAGES) == len(set(MESSAGES)) > 50
    code = "\0".join(texts())
    missing = [
        message
        for message in MESSAGES
        if not re.search(
            "[^\0]*".join(re.escape(piece) for piece in message.split("…") if piece.strip()), code
        )
    ]
    assert not missing

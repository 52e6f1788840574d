"""What the documents say that a command prints is what it prints.

`<!-- output -->` stands before a bash block with a `cnnlite` command and the block of its output,
in which a line of three dots stands for any lines.  `<!-- given: NAME -->` stands before a block
that the commands of the page find as a file.  `<!-- prints -->` stands before a Python block and
the block of what it prints; those of a page share their names.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from cnnlite.cli import main

PAGES = sorted((Path(__file__).resolve().parents[1] / "docs").glob("**/*.md"))
OUTPUT = re.compile(
    r"<!-- output -->\n```bash\ncnnlite (?P<command>.*?)\n```\n\n```\w*\n(?P<text>.*?)```", re.S
)
PRINTS = re.compile(
    r"<!-- prints -->\n```python\n(?P<code>.*?)```\n\n```\w*\n(?P<text>.*?)```", re.S
)
GIVEN = re.compile(r"<!-- given: (?P<name>\S+) -->\n```\w*\n(?P<text>.*?)```", re.S)
CASES = [
    pytest.param(page, match["command"], match["text"], id=f"{page.name}: {match['command'][:40]}")
    for page in PAGES
    for match in OUTPUT.finditer(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("page", "command", "text"), CASES)
def test_output(
    page: Path,
    command: str,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for given in GIVEN.finditer(page.read_text(encoding="utf-8")):
        Path(given["name"]).write_text(given["text"], encoding="utf-8")
    main(shlex.split(command, comments=True))
    printed = capsys.readouterr().out
    pieces = [re.escape(piece) for piece in re.split(r"^\.\.\.$", text.rstrip(), flags=re.M)]
    assert re.fullmatch("(?s:.*)".join(pieces), trimmed(printed)), printed


def trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    "page", [p for p in PAGES if PRINTS.search(p.read_text(encoding="utf-8"))], ids=lambda p: p.name
)
def test_prints(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for match in PRINTS.finditer(page.read_text(encoding="utf-8")):
        capsys.readouterr()
        exec(compile(match["code"], page.name, "exec"), names)
        assert trimmed(capsys.readouterr().out) == trimmed(match["text"])


def test_every_marked_output_is_understood() -> None:
    marked = sum(page.read_text(encoding="utf-8").count("<!-- output -->") for page in PAGES)
    assert marked == len(CASES) > 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count("<!-- prints -->") == len(PRINTS.findall(text)), page.name

"""What the documents say that a command prints is what it prints.

`<!-- output -->` stands before a bash block with a `cnnlite` command and the block of its output,
in which a line of three dots stands for any lines.  `<!-- given: NAME -->` stands before a block
that the commands of the page find as a file.
"""

import re
import shlex
from pathlib import Path

import pytest

from cnnlite.cli import main

PAGES = sorted((Path(__file__).resolve().parents[1] / "docs").glob("**/*.md"))
OUTPUT = re.compile(
    r"<!-- output -->\n```bash\ncnnlite (?P<command>.*?)\n```\n\n```\w*\n(?P<text>.*?)```", re.S
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
    printed = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    pieces = [re.escape(piece) for piece in re.split(r"^\.\.\.$", text.rstrip(), flags=re.M)]
    assert re.fullmatch("(?s:.*)".join(pieces), printed), printed


def test_every_marked_output_is_understood() -> None:
    marked = sum(page.read_text(encoding="utf-8").count("<!-- output -->") for page in PAGES)
    assert marked == len(CASES) > 0

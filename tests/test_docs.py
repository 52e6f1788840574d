"""The documents keep what they say: code runs, quotations are true, listings match the tree."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from cnnlite.cli import main

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(
    r"<!-- (?P<kind>run|file|code|command|shell)(?:: (?P<name>\S+))? -->\n```\w*\n(?P<text>.*?)```",
    re.S,
)


def page_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(page: Path, kind: str) -> list[tuple[str | None, str]]:
    """(name, text) of a page's marked code blocks."""
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [(match["name"], match["text"]) for match in found if match["kind"] == kind]


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "run")], ids=page_id)
def test_marked_code_runs(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Blocks of one name run one after the other, in one namespace."""
    namespaces: dict[str | None, dict[str, Any]] = {}
    for name, text in blocks(page, "run"):
        exec(compile(text, f"{page.name}: {name}", "exec"), namespaces.setdefault(name, {}))


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "file")], ids=page_id)
def test_quoted_files_are_the_files(page: Path) -> None:
    for name, text in blocks(page, "file"):
        assert name is not None
        code = (ROOT / name).read_text(encoding="utf-8")
        assert text == re.sub(r'\A""".*?"""\n+', "", code, flags=re.S)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "code")], ids=page_id)
def test_quoted_code_is_in_the_file(page: Path) -> None:
    for name, text in blocks(page, "code"):
        assert name is not None
        assert text in (ROOT / name).read_text(encoding="utf-8"), f"{name}: {text[:200]}"


def test_the_listing_is_the_tree() -> None:
    """Each name of architecture.md's listing exists, and each part of the package is listed."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listing = text.split("<!-- listing -->\n```\n")[1].split("```")[0]
    listed = set()
    for line in listing.splitlines():
        name = line.split()[0]
        path = ROOT / "cnnlite" / name if line.startswith("  ") else ROOT / name
        assert path.exists(), f"architecture.md lists {name}, which is not there"
        assert path.is_dir() == name.endswith("/"), name
        listed.add(path.name)
    parts = [path for path in (ROOT / "cnnlite").iterdir() if is_part(path)]
    unlisted = sorted(path.name for path in parts if path.name not in listed)
    assert not unlisted, f"architecture.md does not list {unlisted}"


def is_part(path: Path) -> bool:
    """Whether the listing must have it: a subpackage, or a module that is not private."""
    if path.is_dir():
        return any(path.glob("*.py"))
    return path.suffix == ".py" and not path.name.startswith("_")


COMMANDS = dict(blocks(ROOT / "README.md", "command"))


class TestReadmeCommands:
    def test_there_are_two_of_one_line_each(self) -> None:
        assert set(COMMANDS) == {"train", "test"}
        assert all(command.count("\n") == 1 for command in COMMANDS.values())

    def test_they_install_and_then_do_what_they_say(self) -> None:
        assert COMMANDS["train"].rstrip().endswith("&& cnnlite train")
        assert '".[test]"' in COMMANDS["test"]
        assert COMMANDS["test"].rstrip().endswith("&& pytest")

    def test_ci_takes_them_from_the_readme(self) -> None:
        script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        for name, command in COMMANDS.items():
            assert f'bash -euo pipefail -c "$(readme_command {name})"' in script
            assert command.strip() not in script, "a copy would drift from the README"


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "shell")], ids=page_id)
def test_marked_commands_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, with the pictures that the README speaks of."""
    pytest.importorskip("PIL")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNLITE_CACHE", str(tmp_path / "cache"))
    for name, text in blocks(page, "shell"):
        if name == "pictures":
            assert main(["data", "draw", "shapes"]) == 0
            assert main(["data", "draw", "new", "--seed", "1", "--per-class", "6"]) == 0
        for line in text.splitlines():
            program, *words = shlex.split(line, comments=True)
            if program == "cnnlite":
                assert main(words) == 0, line
            else:
                assert program == "pip", line


def test_commands_in_the_docs_exist() -> None:
    """Each `cnnlite COMMAND --flag` of a bash block names a command and flags that there are."""
    from cnnlite.cli import app

    context = app.make_context("cnnlite", ["--help"], resilient_parsing=True)
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
            for name, rest in re.findall(r"\bcnnlite ([a-z]+)([^\n#&]*)", block):
                command = app.get_command(context, name)
                assert command is not None, f"{page_id(page)}: cnnlite {name}"
                if isinstance(command, click.Group):
                    part = command.get_command(context, rest.split()[0])
                    assert part is not None, f"{page_id(page)}: cnnlite {name}{rest}"
                    command = part
                flags = {flag for param in command.params for flag in param.opts}
                assert set(re.findall(r"--[a-z-]+", rest)) <= flags, (
                    f"{page_id(page)}: {name}{rest}"
                )

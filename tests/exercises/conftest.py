"""Right solutions, spoilt."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.exercises.checked import SOLUTIONS, verdict_on


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """broken("relu", "forward", "maximum", "minimum"): what is said of a spoilt solution.

    The right solution gets all points, so whatever is said comes from the text replaced.
    """
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def said(name: str, part: str, *changes: str) -> str:
        text = (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8")
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in text, old
            text = text.replace(old, new)
        file = tmp_path / f"broken_{name}.py"
        file.write_text(text, encoding="utf-8")
        verdict = verdict_on(file, name, part)
        assert verdict.points == 0
        return verdict.message

    yield said
    for module in set(sys.modules) - before:
        if module.startswith("broken_"):
            del sys.modules[module]

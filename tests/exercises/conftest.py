"""Right solutions, spoilt."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.exercises.checked import solution, verdict_on


@pytest.fixture
def broken(tmp_path: Path) -> Callable[..., str]:
    """broken("relu", "forward", "maximum", "minimum"): what is said of a spoilt solution.

    The right solution gets all points, so whatever is said comes from the text replaced.
    """

    def said(name: str, part: str, *changes: str) -> str:
        text = solution(name).read_text(encoding="utf-8")
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in text, old
            text = text.replace(old, new)
        file = tmp_path / "broken.py"
        file.write_text(text, encoding="utf-8")
        verdict = verdict_on(file, name, part)
        assert verdict.points == 0
        return verdict.message

    return said

"""The figures of docs/learn are those that `python -m docs.figures` draws."""

import re
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from docs.figures.__main__ import FIGURES, FOLDER, draw

MEASURED = {"winograd-errors"}  # the last digits of float32 differ from machine to machine
MADE_BY = re.compile(r"Matplotlib v[\d.]+")


def test_each_figure_is_there_and_nothing_else() -> None:
    assert {path.stem for path in FOLDER.glob("*")} == set(FIGURES)


def test_they_are_drawn_as_they_are(tmp_path: Path) -> None:
    """All are drawn; byte by byte alike where matplotlib has the version that drew them."""
    draw(list(FIGURES), tmp_path)
    for name in FIGURES:
        drawn = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
        kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        assert len(drawn) > 10_000, f"{name} is blank"
        if name not in MEASURED and MADE_BY.findall(drawn) == MADE_BY.findall(kept):
            assert drawn == kept, f"draw it anew: python -m docs.figures {name}"

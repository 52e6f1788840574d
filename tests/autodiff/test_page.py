"""The pictures of docs/learn/autodiff.md are those that are drawn."""

from pathlib import Path

import pytest

from cnnlite.autodiff import parse, record, svg

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


@pytest.mark.parametrize(
    ("picture", "expression", "point"),
    [
        ("autodiff-first.svg", "(x + y)*(y + 1)", {"x": 3.0, "y": 4.0}),
        ("autodiff-f1.svg", "cos(w1)*cos(w2) + sigmoid(w2)", {"w1": 1.0, "w2": 2.0}),
    ],
)
def test_picture(picture: str, expression: str, point: dict[str, float]) -> None:
    """Drawn anew with: cnnlite autodiff EXPRESSION --at POINT --svg docs/images/PICTURE"""
    tape = record(parse(expression, list(point)), list(point.values()))
    assert (IMAGES / picture).read_text(encoding="utf-8") == svg.draw(tape)

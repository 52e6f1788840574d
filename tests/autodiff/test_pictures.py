"""Text and SVG: every value, every adjoint, step by step."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from cnnlite.autodiff import parse, record
from cnnlite.autodiff.layout import lay_out
from cnnlite.autodiff.svg import draw, frames
from cnnlite.autodiff.tape import Tape
from cnnlite.autodiff.text import backward_text, forward_text

SVG = "{http://www.w3.org/2000/svg}"


def example() -> Tape:
    return record(parse("(x + y)*(y + 1)", ["x", "y"]), [3.0, 4.0])


def texts(picture: str) -> list[str]:
    root = ET.fromstring(picture)
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def test_forward_text() -> None:
    lines = forward_text(example()).splitlines()
    assert [re.sub(r"\s+", " ", line) for line in lines] == [
        "x = 3",
        "y = 4",
        "v1 = x + y = 7 dv1/dx = 1 dv1/dy = 1",
        "v2 = y + 1 = 5 dv2/dy = 1",
        "v3 = v1 * v2 = 35 dv3/dv1 = 5 dv3/dv2 = 7",
    ]


def test_backward_text() -> None:
    lines = backward_text(example()).splitlines()[1:]
    assert [re.sub(r"\s+", " ", line) for line in lines] == [
        "0 v3 v3: 1",
        "1 v3 -> v1 1 * 5 = 5 v1: 5",
        "2 v3 -> v2 1 * 7 = 7 v2: 7",
        "3 v2 -> y 7 * 1 = 7 y: 7",
        "4 v1 -> x 5 * 1 = 5 x: 5",
        "5 v1 -> y 5 * 1 = 5 y: 12",
    ]


def test_the_picture_has_every_value_and_adjoint() -> None:
    found = texts(draw(example()))
    for text in ("x = 3", "adjoint 5", "y = 4", "adjoint 12", "v1 = x + y = 7", "adjoint 7"):
        assert text in found
    on_edges = sorted(text for text in found if re.fullmatch(r"[\d |]+", text))
    assert on_edges == ["1", "1", "3 | 5", "4 | 5", "4 | 7", "5 | 7", "7 | 5"]


def test_step_by_step() -> None:
    pictures = list(frames(example()))
    assert len(pictures) == 6
    adjoints = [sum("adjoint" in text for text in texts(picture)) for picture in pictures]
    assert adjoints == [1, 2, 3, 4, 5, 5]  # the last step adds to an adjoint that is there
    assert "adjoint 7" in texts(pictures[4])
    assert "adjoint 12" in texts(pictures[5])
    assert [picture.count('class="now"') for picture in pictures] == [0, 1, 1, 1, 1, 1]


def test_both_edges_of_a_square_are_drawn() -> None:
    picture = draw(record(parse("x*x", ["x"]), [3.0]))
    assert picture.count("<path") == 2
    assert texts(picture).count("3 | 3") == 2


def test_text_in_a_picture_is_escaped() -> None:
    assert "v1 = -x = -3" in texts(draw(record(parse("-x", ["x"]), [3.0])))
    ET.fromstring(draw(record(parse("x", ["x"]), [3.0])))


@st.composite
def dags(draw_: st.DrawFn) -> list[list[int]]:
    size = draw_(st.integers(1, 25))
    return [
        draw_(st.lists(st.integers(0, node - 1), max_size=2)) if node else []
        for node in range(size)
    ]


@given(dags())
def test_boxes_do_not_overlap_and_edges_run_rightwards(arguments: list[list[int]]) -> None:
    layout = lay_out(arguments)
    points = {point for way in layout.ways.values() for point in way} | set(layout.places)
    assert len(set(layout.places)) == len(arguments)
    for layer, row in points:
        assert 0 <= layer < layout.layers
        others = [r for other, r in points if other == layer and r != row]
        assert all(abs(row - other) >= 1 for other in others)
    for (node, k), way in layout.ways.items():
        assert way[0] == layout.places[arguments[node][k]]
        assert way[-1] == layout.places[node]
        assert all(b[0] == a[0] + 1 for a, b in pairwise(way))

"""The sections of a page, and those that compare trainings."""

import re

import pytest

from cnnlite.report.html import table
from cnnlite.report.sections import SECTIONS, comparison, sections
from cnnlite.report.sections.confusion import PER_CELL
from cnnlite.report.sections.curves import curves
from tests.report import pages


def html(found: list) -> str:
    return "".join(section.html for section in found)


def test_a_whole_training_has_its_sections_in_their_order() -> None:
    found = sections(pages.seen())
    order = [function.__name__ for function in SECTIONS]
    shown = [section.id for section in found]
    assert shown == [name for name in order if name in shown]
    assert {"card", "curves", "network", "layers", "confusion", "mistakes"} <= set(shown)
    for section in found:
        assert re.findall(r'data-figure="(\w+)"', section.html) == list(section.figures)


def test_what_comes_from_a_run_is_escaped() -> None:
    text = html(sections(pages.seen(config={"command": "<b>x", "options": {"<i>": "<u>"}})))
    assert "<script" not in text
    assert not re.search("<(b|i|u)>", text)
    assert "&lt;b&gt;note" in text


def test_a_training_of_which_nothing_is_known_has_its_card() -> None:
    bare = pages.seen(
        history=[], losses=[], config={}, layers=[], kept=[], answers=None, classes=[], notes=[]
    )
    assert [section.id for section in sections(bare)] == ["card"]


def test_a_run_interrupted_in_its_first_epoch_shows_its_steps() -> None:
    found = {s.id: s for s in sections(pages.seen(history=[], kept=[], answers=None))}
    assert list(found) == ["card", "curves", "network"]
    assert "No epoch was completed" in found["curves"].html


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 224, 224), (2, 5, 9)])
def test_pictures_of_any_shape(shape: tuple[int, ...]) -> None:
    found = {s.id: s for s in sections(pages.seen(answers=pages.answers(3, shape, 20)))}
    assert found["confusion"].data["sheet"]["address"].startswith("data:image/")
    assert found["mistakes"].data["names"]


def test_without_pictures_the_mistakes_are_a_table() -> None:
    found = {s.id: s for s in sections(pages.seen(answers=pages.answers(3, ())))}
    assert found["confusion"].data == {}
    assert "<table" in found["mistakes"].html
    assert 'id="mistake-pictures"' not in found["mistakes"].html


def test_a_network_without_a_mistake_has_no_section_of_them() -> None:
    answers = pages.answers(3, (3, 8, 8), 1)
    assert "mistakes" not in [s.id for s in sections(pages.seen(answers=answers))]


def test_a_cell_of_the_matrix_has_the_images_that_were_counted_there() -> None:
    answers = pages.answers(3, (3, 8, 8), 300)
    data = {s.id: s for s in sections(pages.seen(answers=answers))}["confusion"].data
    assert sum(data["counts"].values()) == 299  # one has no answer
    for cell, numbers in data["cells"].items():
        row, column = map(int, cell.split(","))
        assert len(numbers) == min(PER_CELL, data["counts"][cell])
        for number in numbers:
            image = int(data["names"][number])
            assert (answers.labels[image], answers.predicted[image]) == (row, column)


def test_a_hundred_classes_and_a_thousand_epochs_stay_small() -> None:
    answers = pages.answers(100, (3, 32, 32), 1000)
    names = [f"class {n}" for n in range(100)]
    found = sections(pages.seen(history=pages.history(1000), classes=names, answers=answers))
    assert len(html(found)) < 200_000
    (section,) = [section for section in found if section.id == "curves"]
    assert section.html.count("<tr>") <= 103


def test_runs_that_differ_in_their_seed_alone_are_one_group() -> None:
    runs = [
        pages.seen(name=f"run {n}", config={"model": "net", "seed": n, "options": {
            "lr": 0.1 if n < 3 else 0.5, "seed": n, "epochs": 4}})
        for n in range(4)
    ]  # fmt: skip
    found = {section.id: section for section in comparison(runs)}
    assert list(found) == ["card", "curves", "differences", "seeds", "classes"]
    assert [len(dots.x) for dots in found["seeds"].figures["spread"].data] == [3, 1]
    rows = re.findall(r'<th scope="row">(\w+)</th>', found["differences"].html)
    assert rows == ["lr", "seed"]


def test_runs_without_an_epoch_or_with_other_classes_are_compared_as_far_as_they_go() -> None:
    bare = pages.seen(name="bare", history=[], answers=None, config={})
    other = pages.seen(name="other", classes=["x", "y", "z"])
    found = {section.id: section for section in comparison([pages.seen(), bare, other])}
    assert [t.name for t in found["classes"].figures["recalls"].data] == ["run"]
    assert "bare" in found["card"].html
    assert "seeds" not in {section.id for section in comparison([bare, bare])}


@pytest.mark.parametrize("epochs", [101, 102])
def test_the_table_of_many_epochs_ends_with_the_last_once(epochs: int) -> None:
    found = curves(pages.seen(history=pages.history(epochs)))
    assert found is not None
    assert found.html.count(f'<th scope="row">{epochs}</th>') == 1
    assert found.html.count("<tr>") <= 102


def test_a_long_name_of_a_row_may_be_broken_so_that_numbers_stay_in_sight() -> None:
    html = table("Classes", ("class", "images"), [("a" * 60, "1"), ("cat", "2")])
    assert f'<th scope="row" class="long">{"a" * 60}</th>' in html
    assert '<th scope="row">cat</th>' in html

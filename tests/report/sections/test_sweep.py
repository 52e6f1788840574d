"""What a page says of a sweep, and that it says it to everybody."""

from pathlib import Path
from typing import Any

import pytest

from cnnlite.report.document import render
from cnnlite.report.figures.sweep import axis_of
from cnnlite.report.sections import sweep_sections
from cnnlite.report.sweep import Sweep, Trial, mean_score, score
from tests.browser import Watched, blank_figures, show_all
from tests.report import pages

RECORD = {
    "id": "s", "search": "random", "metric": "val_acc", "over": ["lr", "model"], "log": ["lr"],
    "seeds": [0, 1], "rungs": [1, 3], "trials": 16,
}  # fmt: skip
LOST = {12: "diverged", 13: "diverged", 14: "stopped", 15: "paused"}


def found(metric: str = "val_acc") -> Sweep:
    """A sweep of 16 trials, of which some were lost; the model of two has a hostile name."""
    trials = []
    for number in range(16):
        model = pages.HOSTILE if number < 4 else "small_vgg"
        options = {"lr": 10.0 ** -(number // 2), "model": model, "seed": number % 2}
        state, last = LOST.get(number, "finished"), 0.9 - 0.04 * number
        values = [last - 0.1] if state != "finished" else [last - 0.2, last - 0.1, last]
        reason = pages.HOSTILE if state == "diverged" else ""
        trials.append(
            Trial("s", number, options, state, "", values, {"epoch": 3.0}, 0.5, 1.0, 2.0, reason)
        )
    return Sweep(Path("x"), {**RECORD, "metric": metric}, trials)


@pytest.mark.parametrize("metric", ["val_acc", "val_loss"])
def test_the_best_configuration_has_the_best_mean(metric: str) -> None:
    ranked = found(metric).ranked()
    first = [trial.number for trial in ranked[0]]
    assert first == ([0, 1] if metric == "val_acc" else [10, 11])
    assert len(ranked) == 6, "those with a lost or unfinished trial are not ranked"


def test_no_score_is_better_than_a_wrong_one() -> None:
    nan = float("nan")
    assert score([nan, 0.5, 0.4], "val_loss") == 0.4
    assert score([nan], "val_acc") is None
    lost = Trial("s", 0, {}, "diverged", values=[0.9])
    assert mean_score([lost], "val_acc") is None
    assert mean_score([Trial("s", 0, {}, "paused", values=[0.2, 0.9])], "val_acc", 1) == 0.2
    assert mean_score([Trial("s", 0, {}, "paused", values=[2.0])], "val_loss") == -2.0


def test_axes_have_the_places_of_their_values() -> None:
    pytest.importorskip("plotly")
    named = axis_of("x", [False, True, None])
    assert (named.places, named.labels) == ([0.0, 1.0, None], [(0.0, "no"), (1.0, "yes")])
    scale = axis_of("x", [10.0**n for n in range(9)], log=True)
    assert scale.places == pytest.approx([n / 8 for n in range(9)])
    assert axis_of("x", [1, 2, 3], turned=True).places == [1.0, 0.5, 0.0]
    assert axis_of("x", [5, 5]).places == [0.5, 0.5]
    assert axis_of("x", [["a"], []]).labels[0] == (0.0, "a")


@pytest.mark.parametrize("metric", ["val_acc", "val_loss"])
def test_sections_say_what_was_found_and_escape_it(metric: str) -> None:
    pytest.importorskip("plotly")
    made = {section.id: section for section in sweep_sections(found(metric))}
    wanted = {"card", "parallel", "effects", "progress", "trials"}
    assert set(made) == wanted | ({"seeds"} if metric == "val_acc" else set())
    assert "12 finished, 1 stopped, 1 paused, 2 diverged" in made["card"].html
    assert made["trials"].html.count("<tr>") == 17
    assert "Trial 12 has diverged" in made["trials"].html
    page = render(made.values(), "sweep")
    assert pages.HOSTILE not in page
    lines = made["parallel"].data["lines"]
    assert [line[0] for line in lines].count("the best quarter") == 3
    ends = [line[2][-1] for line in lines if line[0] != "not finished"]
    assert ends == sorted(ends, reverse=True), "the best ends at the top"


def test_a_sweep_that_has_only_begun_has_a_page() -> None:
    pytest.importorskip("plotly")
    trials = [Trial("s", 0, {"lr": 1.0, "model": "a", "seed": 0})]
    for begun in ([], trials):
        made = sweep_sections(Sweep(Path("x"), RECORD, begun))
        assert made[0].id == "card"
        assert "No configuration has finished" in made[0].html


@pytest.fixture
def opened(page: Watched, tmp_path: Path) -> Any:
    """The page of that sweep, all drawn."""
    pytest.importorskip("plotly")
    page.page.goto(pages.write(render(sweep_sections(found()), "sweep"), tmp_path))
    show_all(page.page)
    return page


def test_the_page_works_for_everybody(opened: Watched) -> None:
    """Wide and light, narrow and dark; boxes on axes, and the same by the keyboard."""
    page = opened.page
    assert blank_figures(page) == []
    page.emulate_media(reduced_motion="reduce")  # or it would still scroll
    place = page.locator("[data-figure=parallel]")
    place.scroll_into_view_if_needed()
    box = place.locator(".nsewdrag").bounding_box()
    # The first axis is 0.15 / 3.6 of the way; the upper half of its scale are four rates.
    x, y, width, height = (box[key] for key in ("x", "y", "width", "height"))
    page.mouse.move(x + 2, y + 1)
    page.mouse.down()
    page.mouse.move(x + width * 0.12, y + height * 0.48, steps=4)
    page.mouse.up()
    count = page.locator("#sweep-count")
    page.get_by_text("8 of 16 trials").wait_for()
    page.locator("#sweep-reset").click()
    assert count.text_content() == "16 of 16 trials"
    page.locator("#sweep-shown").select_option("five")
    assert count.text_content() == "5 of 16 trials"
    for wide, scheme in ((1280, "light"), (390, "dark")):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": wide, "height": 800})
        assert opened.accessibility_faults() == []
        assert page.evaluate("document.documentElement.scrollWidth") == wide
    assert opened.errors == []
    assert opened.requests == []

"""Pages in a browser: every figure is drawn, nothing is asked for, nobody is shut out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cnnlite.report.document import render
from cnnlite.report.sections import comparison, sections
from tests.browser import Watched, blank_figures, show_all
from tests.report import pages

# plotly gives a figure, when the window is resized, the height of its element.
SQUEEZED = """() => [...document.querySelectorAll('.figure[data-drawn]')].filter(place => {
    const { height } = cnnlite.sections.get(place.closest('section').id)
        .figures[place.dataset.figure].layout;
    const drawn = place.querySelector('.main-svg').getBoundingClientRect().height;
    return place.offsetHeight !== height || Math.abs(drawn - height) > 1;
}).map(place => place.dataset.figure)"""

# WCAG 2.2, 2.5.8: what is pressed is at least 24 pixels high.
SMALL = """() => [...document.querySelectorAll('nav a, main button, summary, select, main input')]
    .filter(e => e.offsetParent && e.getBoundingClientRect().height < 23.9)
    .map(e => `${e.tagName} ${e.textContent.trim().slice(0, 30)}`)"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of a whole training."""
    page = render(sections(pages.seen()), f"run {pages.HOSTILE}")
    return pages.write(page, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def watched(browser: Any, address: str) -> Iterator[Watched]:
    """That page, open, with all its figures drawn; nothing may have gone wrong at the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    watched = Watched(context.new_page())
    watched.page.goto(address)
    show_all(watched.page)
    yield watched
    context.close()
    assert watched.errors == []
    assert watched.requests == []


@pytest.fixture
def whole(watched: Watched) -> Any:
    """Playwright's page of it."""
    return watched.page


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nobody_is_shut_out(watched: Watched, width: int, scheme: str) -> None:
    """No fault that axe calls serious or worse; and nothing sticks out of a narrow screen."""
    watched.page.emulate_media(color_scheme=scheme)
    watched.page.set_viewport_size({"width": width, "height": 800})
    assert watched.accessibility_faults() == []
    assert watched.page.evaluate("document.documentElement.scrollWidth") == width
    assert blank_figures(watched.page) == []
    assert watched.page.evaluate(SQUEEZED) == []
    assert watched.page.evaluate(SMALL) == []
    watched.page.emulate_media(color_scheme="light")
    watched.page.set_viewport_size({"width": 1280, "height": 800})


def test_no_figure_is_blank_or_missing_in_light_and_dark(whole: Any) -> None:
    assert whole.locator(".figure").count() == 10
    assert blank_figures(whole) == []
    before = whole.evaluate("getComputedStyle(document.body).backgroundColor")
    whole.click("#theme")
    show_all(whole)
    assert blank_figures(whole) == []
    assert whole.evaluate("getComputedStyle(document.body).backgroundColor") != before
    ink = whole.locator("[data-figure=curves] .ytick text").first.evaluate(
        "text => getComputedStyle(text).fill"
    )
    assert ink == "rgb(228, 233, 238)"
    usual = "document.querySelector('[data-figure=update_ratio]').layout.shapes[0].line.color"
    whole.wait_for_function(f"{usual} === '#a3afbb'")  # the line at a thousandth
    whole.click("#theme")


def test_a_click_on_a_cell_shows_its_images(whole: Any) -> None:
    matrix = whole.locator("[data-figure=matrix]")
    matrix.scroll_into_view_if_needed()
    box = matrix.locator(".hm image").bounding_box()
    whole.mouse.click(box["x"] + box["width"] / 6, box["y"] + box["height"] / 6)
    whole.wait_for_function("document.querySelector('#cell-taken').value === '0'")
    assert whole.locator("#cell-true").input_value() == "0"
    assert "right" in whole.locator("#cell-count").inner_text()
    assert whole.locator("#cell-pictures canvas").count() > 0
    whole.wait_for_function(
        "() => { const c = document.querySelector('#cell-pictures canvas');"
        "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(Boolean); }"
    )
    whole.select_option("#cell-taken", "1")  # without a mouse
    assert "mistaken" in whole.locator("#cell-count").inner_text()
    assert whole.locator("option", has_text=pages.HOSTILE).count() == 2


def test_the_slider_moves_the_table_and_the_lines(whole: Any) -> None:
    cell = whole.locator("#layer-numbers tbody td").first
    assert cell.inner_text() == "0.4"
    whole.locator(".slider input").fill("0")
    assert cell.inner_text() == "0.1"
    assert whole.locator(".slider output").inner_text() == "1"
    line = "document.querySelector('[data-figure=mean]').layout.shapes.at(-1).x0"
    whole.wait_for_function(f"{line} === 1")


def test_a_layer_can_be_seen_alone(whole: Any) -> None:
    button = whole.locator(".legend button").nth(1)
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    opacities = "document.querySelector('[data-figure=mean]').data.map(line => line.opacity)"
    assert whole.evaluate(opacities) == [0.12, 1, 0.12, 0.12]


def test_a_section_that_was_replaced_is_drawn_anew(whole: Any) -> None:
    whole.evaluate(
        "cnnlite.update({...cnnlite.sections.get('curves'), title: 'Anew', html: "
        '\'<div class="figure" data-figure="curves"></div>\'})'
    )
    whole.locator("#curves").scroll_into_view_if_needed()
    whole.wait_for_selector("#curves .figure[data-drawn] .scatterlayer path.js-line")
    assert whole.locator("#curves h2").inner_text() == "Anew"


def test_runs_compared(page: Watched, tmp_path: Path) -> None:
    runs = [pages.seen(name=name) for name in (pages.HOSTILE, "second")]
    page.page.goto(pages.write(render(comparison(runs), "2 runs"), tmp_path))
    show_all(page.page)
    assert page.page.locator(".figure").count() == 3
    assert blank_figures(page.page) == []
    assert page.accessibility_faults() == []
    assert (page.errors, page.requests) == ([], [])

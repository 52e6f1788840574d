"""A page in headless Chromium: the fixture `page`, and what a page must not do.

Skips where Playwright or Chromium is missing, fails there when CNNLITE_REQUIRE_BROWSER=1.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from cnnlite import environment


class Watched:
    """A browser's page that notes what it asks for and what it complains of.

    Attributes:
        page: Playwright's.
        errors: errors of scripts, and what the console calls an error.
        requests: addresses that were asked for, but for files, `data:` and `blob:`.
    """

    def __init__(self, page: Any) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._heard)
        page.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.requests.append(request.url)

    def accessibility_faults(self, *levels: str) -> list[str]:
        """Return axe's violations of these levels, a line each."""
        from axe_core_python.sync_playwright import Axe

        found = Axe().run(self.page)["violations"]
        return [
            f"{fault['id']}: {fault['help']}: {node['html'][:200]}"
            for fault in found
            if fault["impact"] in (levels or ("serious", "critical"))
            for node in fault["nodes"]
        ]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium, one for all tests of a process."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        _missing("Chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.name == "posix" else []
        chromium = playwright.chromium.launch(executable_path=program, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Watched]:
    """A new page of 1280 x 800: `page.page` is Playwright's."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield Watched(context.new_page())
    context.close()


def _missing(what: str) -> None:
    if environment.REQUIRE_BROWSER.value():
        pytest.fail(f"{environment.REQUIRE_BROWSER.name}=1, and {what} is not there")
    pytest.skip(f"needs {what}")


def show_all(page: Any) -> None:
    """Scroll through a page until all its figures are drawn."""
    page.evaluate(
        "document.querySelectorAll('.figure[data-figure]').forEach(place => place.scrollIntoView())"
    )
    for place in page.locator(".figure[data-figure]").all():
        place.scroll_into_view_if_needed()
    page.wait_for_function(
        "[...document.querySelectorAll('.figure[data-figure]')].every(f => f.dataset.drawn)"
    )


def blank_figures(page: Any) -> list[str]:
    """Return the figures of a page in which nothing is drawn that has a size."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('.figure[data-figure]')].filter(figure => {
            const marks = figure.querySelectorAll(
                '.js-line, .points path, .hm image, .barlayer path');
            return ![...marks].some(mark => {
                const { width, height } = mark.getBoundingClientRect();
                return width + height > 1;
            });
        }).map(figure => figure.dataset.figure)"""
    )
    return found

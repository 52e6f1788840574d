"""Photographs of pages in headless Chromium, and what a browser has to say about them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FloatRect, Page

WIDTHS = (1280, 390)
HEIGHT = 900
PATIENCE = 180_000  # ms for a page to load, on a computer that is busy
NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Seen:
    """What a browser said while it showed a page.

    Attributes:
        requests: addresses that were asked for outside of the page's own files.
        console: errors and warnings of the console, and exceptions.
        overflow: what makes the page wider than its window.
        blank: pictures that were not drawn.
    """

    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    overflow: list[str] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Return all of it."""
        return [*self.requests, *self.console, *self.overflow, *self.blank]


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the system's Chromium without a window.

    Raises:
        FileNotFoundError: there is none.
    """
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise FileNotFoundError(f"there is no {' or '.join(NAMES)} to photograph with")
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=sandbox)
        yield chromium
        chromium.close()


OVERFLOW = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll("article *")]
        .filter(e => e.getBoundingClientRect().right > width + 1)
        .slice(0, 5).map(e => e.tagName + " " + e.textContent.trim().slice(0, 60));
}"""


DRAWN = """selector => [...document.querySelectorAll(selector + " .figure")]
    .every(f => f.offsetParent === null || f.querySelector("svg, canvas"))
    && !document.querySelector(selector + " [aria-busy=true]")"""
BLANK = "() => [...document.images].filter(i => !i.naturalWidth).map(i => i.src)"


def photograph(
    chromium: Browser,
    page: Path,
    pictures: Path,
    widths: tuple[int, ...] = WIDTHS,
    dark: bool = False,
    whole: bool = True,
    selector: str | None = None,
    tallest: int = HEIGHT,
) -> Seen:
    """Take a picture of a page in each width, NAME-WIDTH.png or NAME-WIDTH-dark.png.

    Args:
        chromium: what `browser` gives.
        page: an HTML file.
        pictures: the path of the pictures, without what is added to their names.
        widths: of the window, in pixels.
        dark: whether the browser prefers dark colours.
        whole: the whole page, not only what the window shows.
        selector: photograph this element alone.
        tallest: of it, at most so many pixels from its top.

    Returns:
        What the browser said meanwhile.
    """
    seen = Seen()
    scheme = "dark" if dark else "light"
    for width in widths:
        size = {"width": width, "height": HEIGHT}
        context = chromium.new_context(viewport=size, color_scheme=scheme, offline=True)
        tab = context.new_page()
        tab.on("request", lambda r: None if is_own(r.url) else seen.requests.append(r.url))
        tab.on("console", lambda m: seen.console.append(m.text) if m.type != "log" else None)
        tab.on("pageerror", lambda error: seen.console.append(str(error)))
        tab.set_default_timeout(PATIENCE)
        tab.goto(page.resolve().as_uri())
        tab.wait_for_load_state("load")
        name = pictures.with_name(f"{pictures.name}-{width}{'-dark' if dark else ''}.png")
        name.parent.mkdir(parents=True, exist_ok=True)
        seen.overflow += [f"{width}: {what}" for what in tab.evaluate(OVERFLOW)]
        seen.blank += tab.evaluate(BLANK)
        if selector is None:
            tab.screenshot(path=name, full_page=whole)
        else:
            box = _in_sight(tab, selector)
            tab.screenshot(path=name, clip={**box, "height": min(box["height"], tallest)})
        context.close()
    return seen


def _in_sight(tab: Page, selector: str) -> FloatRect:
    """Bring an element into a window that is high enough; return its place when all is drawn.

    A report draws a figure when it comes into sight, and its bar would hide what is below it.
    """
    tab.add_style_tag(content="nav, header { position: static !important }")
    element = tab.locator(selector).first
    for height in (4 * HEIGHT, HEIGHT, 4 * HEIGHT):  # a change of size is a chance to draw
        tab.set_viewport_size({"width": tab.viewport_size["width"], "height": height})
        element.scroll_into_view_if_needed()
        tab.wait_for_timeout(500)
    tab.wait_for_function(DRAWN, arg=selector)
    tab.wait_for_timeout(1000)
    box = element.bounding_box()
    assert box is not None
    return box


def is_own(url: str) -> bool:
    """Whether an address needs no network."""
    return url.startswith(("file:", "data:", "blob:"))


def photograph_site(site: Path, folder: Path) -> None:
    """Photograph every page of the site, light and dark, and print what is wrong with it."""
    wrong = 0
    with browser() as chromium:
        for page in sorted(site.rglob("*.html")):
            name = page.relative_to(site).with_suffix("")
            if name.parts[0] == "source":
                continue
            for dark in (False, True):
                said = photograph(chromium, page, folder / name, dark=dark).faults()
                wrong += len(said)
                if said:
                    print(name, *said, sep="\n    ")
    print(f"photographs in {folder}; {wrong} faults")

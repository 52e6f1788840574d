"""The live page in a browser: it moves by itself, and its buttons work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("starlette")

from cnnlite.callbacks import Callback
from cnnlite.solver import Solver
from tests import browser
from tests.watching import LONG, Watched


class Slow(Callback):
    """Leaves the browser time to look, as a training of a real network does."""

    def after_step(self, solver: Solver) -> None:
        time.sleep(0.03)


def says(page: Any, name: str, text: str) -> None:
    """Wait until a part of the panel says something."""
    from playwright.sync_api import expect

    expect(page.locator(f"[data-live={name}]")).to_contain_text(text, timeout=LONG * 1000)


def until(page: Any, holds: Callable[[], bool]) -> None:
    """Wait for something; Playwright's own way is forbidden by the page's policy."""
    for _ in range(int(LONG * 10)):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come")


def points(page: Any, trace: int, at_least: int) -> int:
    """Wait until a line of the curves has so many points, and return how many it has."""
    place = f"document.querySelector('[data-figure=curves]').data?.[{trace}].x.length ?? 0"
    until(page, lambda: page.evaluate(place) >= at_least)
    return int(page.evaluate(place))


def test_curves_move_and_pause_step_rate_and_resume_work(
    page: browser.Watched, watch: Callable[..., Watched]
) -> None:
    watched = watch(num_epochs=1000, callbacks=[Slow()])
    chromium = page.page
    chromium.set_default_timeout(LONG * 1000)
    chromium.goto(watched.address)
    says(chromium, "status", "Paused after step 0")
    assert not chromium.locator("#curves").count()  # no step was taken

    chromium.click("[data-do=step]")
    says(chromium, "step", "1 of 5,000")
    chromium.fill("[data-live=wanted]", "0.005")
    chromium.click("[data-do=lr]")
    says(chromium, "lr", "0.005")
    says(chromium, "events", "learning rate 0.01333 → 0.005")

    chromium.click("[data-do=resume]")
    says(chromium, "status", "Training")
    chromium.wait_for_selector("#curves .figure[data-drawn] .scatterlayer path.js-line")
    epochs, steps = points(chromium, 1, 2), points(chromium, 0, 10)
    points(chromium, 1, epochs + 1)
    points(chromium, 0, steps + 5)

    chromium.click("[data-do=pause]")
    says(chromium, "status", "Paused after step")
    chromium.reload()  # the page goes away in the middle, and comes back
    says(chromium, "status", "Paused after step")
    says(chromium, "events", "paused")
    chromium.fill("[data-live=wanted]", "much")
    chromium.click("[data-do=lr]")
    says(chromium, "refusal", "much is no learning rate")
    assert page.accessibility_faults() == []
    chromium.set_viewport_size({"width": 390, "height": 844})
    wide = "document.documentElement.scrollWidth"
    until(chromium, lambda: chromium.evaluate(wide) <= 390)

    chromium.click("[data-do=stop]")
    says(chromium, "status", f"Stopped after step {watched.solver.step}")
    watched.thread.join(LONG)
    assert watched.solver.interrupted
    assert watched.errors == []
    assert page.errors == []
    assert all(request.startswith(watched.address) for request in page.requests)


def test_a_browser_that_goes_away_in_the_middle_is_not_missed(
    page: browser.Watched, watch: Callable[..., Watched]
) -> None:
    watched = watch(num_epochs=6)
    page.page.goto(watched.address)
    says(page.page, "status", "Paused")
    page.page.click("[data-do=resume]")
    page.page.close()
    watched.thread.join(LONG)
    assert watched.errors == []
    assert watched.solver.epoch == 6

"""Trainings with a live page, and pages."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.watching import Page, Watched, pages


@contextlib.contextmanager
def trainings_to_watch() -> Iterator[Callable[..., Watched]]:
    pytest.importorskip("starlette")
    from cnnlite.watch import Live

    begun: list[Watched] = []

    def begin(run: Path | None = None, **options: Any) -> Watched:
        begun.append(Watched(Live(run=run), **options))
        return begun[-1]

    yield begin
    for watched in begun:
        watched.end()


@pytest.fixture
def watch(one_thread: None) -> Iterator[Callable[..., Watched]]:
    """watch(**options of the solver): begin a training that is watched."""
    with trainings_to_watch() as begin:
        yield begin


@pytest.fixture(scope="module")
def paused(one_thread: None) -> Iterator[Watched]:
    """A training that waits before its first step, one for all tests of a file."""
    with trainings_to_watch() as begin:
        yield begin()


@pytest.fixture
def open_page() -> Iterator[Callable[[str], Page]]:
    """open_page(address): open a page's web socket, as a browser does."""
    with pages() as begin:
        yield begin

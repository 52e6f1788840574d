"""What is made for a page: what has changed, while someone looks, and no more than its share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("plotly")

from cnnlite.report.document import Section
from cnnlite.report.seen import Seen
from cnnlite.watch import board as module
from cnnlite.watch.board import Board
from cnnlite.watch.budget import Chore
from tests.watching import LONG

NOTHING = Seen("run", [], [], {}, [], [], [], None, [])


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not what():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What two sections were made of: the history, and the classes."""
    found: list[tuple[str, Any]] = []

    def section(name: str) -> Callable[[Seen], Section]:
        def make(seen: Seen) -> Section:
            found.append((name, getattr(seen, name)))
            return Section(name, name, str(getattr(seen, name)))

        return make

    monkeypatch.setattr(module, "MADE", (section("history"), section("classes")))
    return found


@pytest.fixture
def board(made: list[Any]) -> Iterator[Board]:
    board = Board()
    board.start()
    yield board
    board.end()
    board.join(LONG)
    assert not board.is_alive()


def put(board: Board, seen: Seen, last: bool = False) -> None:
    board.put(lambda: seen, last)


def test_a_section_is_made_again_only_if_what_it_reads_has_changed(
    board: Board, made: list[Any]
) -> None:
    board.looked_at = True
    put(board, NOTHING, last=True)
    wait_for(lambda: board.quiet)
    before = [shown.version for shown in board.shown]
    put(board, replace(NOTHING, history=[{"epoch": 1}]), last=True)
    wait_for(lambda: board.quiet)
    assert made == [("history", []), ("classes", []), ("history", [{"epoch": 1}])]
    assert [a < b for a, b in zip(before, [s.version for s in board.shown], strict=True)] == [
        True, False,
    ]  # fmt: skip


def test_after_the_last_page_has_gone_nothing_more_is_made(board: Board, made: list[Any]) -> None:
    """It went on for as long as the training did."""
    put(board, NOTHING, last=True)
    board.looked_at = True
    wait_for(lambda: board.quiet)
    board.looked_at = False
    put(board, replace(NOTHING, history=[{"epoch": 1}]), last=True)
    time.sleep(0.05)
    assert (len(made), board.quiet) == (2, False)
    board.renew()  # a page that is loaded has what is newest
    assert (len(made), board.quiet) == (3, True)


def test_a_section_that_takes_long_rests_and_the_first_does_not_wait_for_it(
    board: Board, made: list[Any]
) -> None:
    """What took a third of a second was begun, whatever was left of the time for it."""
    put(board, NOTHING)
    board.renew()
    board._places[1].chore.cost = 1000.0
    board.looked_at = True
    put(board, replace(NOTHING, history=[{"epoch": 1}], classes=["a"]))
    wait_for(lambda: len(made) == 3)
    assert made[2] == ("history", [{"epoch": 1}])
    assert not board.quiet
    put(board, replace(NOTHING, history=[{"epoch": 2}], classes=["b"]), last=True)
    wait_for(lambda: board.quiet)
    assert made[3:] == [("history", [{"epoch": 2}]), ("classes", ["b"])]


@pytest.mark.parametrize("costs", [(0.006, 0.04, 0.3, 0.001), (0.0, 0.0, 0.0), (5.0, 0.0, 1.0)])
def test_all_sections_together_keep_their_share(
    monkeypatch: pytest.MonkeyPatch, costs: tuple[float, ...]
) -> None:
    monkeypatch.setattr(module, "MADE", (lambda seen: None,) * len(costs))
    board = Board(share=0.01)
    for place, cost in zip(board._places, costs, strict=True):
        place.chore.cost = cost
    assert sum(board._shares()) == pytest.approx(0.01)
    assert min(board._shares()) > 0


def test_a_chore_rests_for_what_it_took() -> None:
    chore = Chore()
    assert chore.due(0.01) <= time.monotonic()
    with chore.timed():
        sum(range(100_000))
    assert chore.cost > 0
    assert chore.due(0.5) == pytest.approx(chore.due(1.0) + chore.cost)
    before = chore.due(math.inf)  # the end of the last one, to the bit
    with chore.timed(rests=False):
        sum(range(10))
    assert chore.due(math.inf) == before

"""Which trials go on follows from results alone."""

from collections.abc import Callable
from typing import Any

import pytest

from cnnlite.sweep.asked import read
from cnnlite.sweep.plans import plan

GRID: dict[str, Any] = {
    "train": {"epochs": 9},
    "over": {"lr": [0.1 * n for n in range(1, 10)]},
    "halving": {"reduction": 3},
}


def followed(
    tables: dict[str, Any], merit: Callable[[int, int | None], float | None]
) -> list[tuple[int | None, list[int], list[Any]]]:
    """Return the stages of a plan: epochs, the configurations' numbers, and their options."""
    steps = plan(read(tables))
    stage, found = next(steps), []
    while True:
        epochs, numbers = stage[0].epochs, [one.number for one in stage]
        found.append((epochs, numbers, [one.options for one in stage]))
        try:
            stage = steps.send({number: merit(number, epochs) for number in numbers})
        except StopIteration:
            return found


def test_one_in_so_many_goes_on_and_of_equals_the_first() -> None:
    stages = followed(GRID, lambda number, epochs: {2: 5.0, 7: 4.0}.get(number, 1.0))
    assert [(epochs, numbers) for epochs, numbers, _ in stages] == [
        (1, list(range(9))), (3, [0, 2, 7]), (9, [2]),
    ]  # fmt: skip


def test_what_is_lost_does_not_go_on() -> None:
    stages = followed(GRID, lambda number, epochs: float(number) if number == 4 else None)
    assert [(epochs, numbers) for epochs, numbers, _ in stages][1:] == [(3, [4]), (9, [4])]
    assert len(followed(GRID, lambda number, epochs: None)) == 1


def test_without_halving_all_are_trained_to_the_end_at_once() -> None:
    stages = followed({"over": {"lr": [0.1, 0.2]}}, lambda number, epochs: 1.0)
    assert [(epochs, numbers) for epochs, numbers, _ in stages] == [(None, [0, 1])]


@pytest.mark.parametrize("sampler", ["TPESampler", "NSGAIISampler"])
def test_what_optuna_proposes_and_prunes_can_be_asked_again(sampler: str) -> None:
    """A sweep that is continued asks from the beginning, and answers from the disk."""
    pytest.importorskip("optuna")
    tables = {
        "train": {"epochs": 9},
        "sweep": {"search": "optuna", "trials": 7, "batch": 3, "sampler": sampler, "seed": 4},
        "over": {"lr": {"min": 1e-3, "max": 1.0, "log": True}, "optimizer": ["sgd", "adam"]},
        "halving": {"reduction": 3},
    }

    def merit(number: int, epochs: int | None) -> float | None:
        return None if number == 3 else (7 * number + (epochs or 0)) % 5

    first, again = followed(tables, merit), followed(tables, merit)
    assert first == again
    assert [numbers for epochs, numbers, _ in first if epochs == 1] == [[0, 1, 2], [3, 4, 5], [6]]
    later = {number for epochs, numbers, _ in first if epochs == 3 for number in numbers}
    assert later < set(range(7)), "the pruner has stopped none"
    assert 3 not in later
    other = followed(tables, lambda number, epochs: float(number))
    assert other[0] == first[0], "a first batch does not depend on results"


def test_the_sampler_learns_from_results() -> None:
    pytest.importorskip("optuna")
    tables = {
        "sweep": {"search": "optuna", "trials": 24, "batch": 4},
        "over": {"momentum": {"min": 0.0, "max": 0.9}},
    }
    low, high = (
        [
            options["momentum"]
            for _, _, stage in followed_with_options(tables, sign)
            for options in stage
        ][-8:]
        for sign in (-1, 1)
    )
    assert sum(low) < sum(high)


def followed_with_options(tables: dict[str, Any], sign: int) -> list[Any]:
    """Follow a plan whose best momentum is the lowest or the highest."""
    steps = plan(read(tables))
    stage, found = next(steps), []
    while True:
        found.append((None, [], [one.options for one in stage]))
        try:
            stage = steps.send({one.number: sign * one.options["momentum"] for one in stage})
        except StopIteration:
            return found

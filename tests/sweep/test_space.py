"""Drawn values: in their range, of few digits, without repetition, the first ones kept."""

import math

from cnnlite.sweep.asked import read
from cnnlite.sweep.space import drawn

OVER = {
    "lr": {"min": 1e-4, "max": 1.0, "log": True},
    "batch_size": {"min": 16, "max": 64, "step": 16},
    "epochs": {"min": 1, "max": 100, "log": True},
    "momentum": {"min": 0.5, "max": 0.9, "step": 0.1},
    "augment": [False, "flip"],
}


def test_draws_are_in_range_and_spread() -> None:
    asked = read({"sweep": {"search": "random", "trials": 300}, "over": OVER})
    found = drawn(asked.search, asked.over, 300, 0)
    rates = [options["lr"] for options in found]
    assert all(1e-4 <= rate <= 1.0 and rate == float(f"{rate:.6g}") for rate in rates)
    below = sum(math.log10(rate) < -2 for rate in rates)
    assert 110 < below < 190  # half of a logarithmic range
    assert {options["batch_size"] for options in found} == {16, 32, 48, 64}
    assert {type(options["epochs"]) for options in found} == {int}
    assert {options["momentum"] for options in found} == {0.5, 0.6, 0.7, 0.8, 0.9}
    assert {options["augment"] for options in found} == {False, "flip"}


def test_no_configuration_is_drawn_twice_and_more_begin_with_the_same() -> None:
    over = {"lr": [0.1, 0.2, 0.3], "epochs": [1, 2]}
    asked = read({"sweep": {"search": "random", "trials": 6, "seed": 5}, "over": over})
    all_of_them = drawn("random", asked.over, 6, 5)
    assert len({str(options) for options in all_of_them}) == 6
    assert drawn("random", asked.over, 4, 5) == all_of_them[:4]
    assert drawn("random", asked.over, 4, 6) != all_of_them[:4]


def test_the_max_of_a_range_was_tried_where_its_step_does_not_lead_there() -> None:
    over = {
        "batch_size": {"min": 64, "max": 1022, "step": 4},
        "momentum": {"min": 0.1, "max": 0.95, "step": 0.1},
        "lr": {"min": 0.1, "max": 0.9},
    }
    values = read({"sweep": {"search": "random", "trials": 1}, "over": over}).over
    assert [found.tried[-1] for found in values.values()] == [1020, 0.9, 0.9]

    class Trial:
        def suggest_int(self, _name: str, _low: int, high: int, **_given: object) -> float:
            return high

        suggest_float = suggest_int

    assert [found.suggest(Trial(), name) for name, found in values.items()] == [1020, 0.9, 0.9]

"""The floors of `benchmarks.floors`: rooflines of the passes of a network."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import floors
from cnnlite.layers import Conv2d, Flatten, Linear, ReLU, Sequential
from cnnlite.rates import Limits


def test_a_floor_is_arithmetic_or_memory() -> None:
    model = Sequential(
        Conv2d(3, 8, 3, padding=1, rng=0), ReLU(), Conv2d(8, 8, 3, stride=2, rng=1), Flatten(),
        Linear(8 * 3 * 3, 4, rng=2),
    )  # fmt: skip
    limits = Limits(gflops=50.0, gbytes=10.0, threads=1)
    x = np.ones((4, 3, 8, 8), np.float32)
    found = floors.floors(model.profile(x, steps=1, limits=limits), model)
    by_name = {(f.row.direction, f.row.path.split(",")[0]): f for f in found}
    multiply_adds = {"0": 4 * 8 * 8 * 8 * 27, "2": 4 * 8 * 3 * 3 * 72, "4": 4 * 4 * 72}
    for path, fewer in (("0", 4), ("2", 1), ("4", 1)):
        floor = by_name["forward", path]
        assert floor.arithmetic == pytest.approx(2e-6 * multiply_adds[path] / 50 / fewer)
        assert floor.memory == pytest.approx(1e3 * (floor.row.gb or 0) / 10)
        assert floor.least == max(floor.arithmetic, floor.memory) > 0


def test_it_prints_a_line_for_each_network(capsys: pytest.CaptureFixture[str]) -> None:
    floors.main(["--networks", "vanilla CNN", "--steps", "1"])
    printed = capsys.readouterr().out
    assert printed.count("| vanilla CNN") == 1
    assert printed.count("\n- vanilla CNN, ") == 3

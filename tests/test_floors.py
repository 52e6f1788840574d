"""The floors of `benchmarks.floors`: rooflines of the passes of a network."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import floors
from cnnlite.layers import Conv2d, Flatten, Linear, ReLU, Sequential
from cnnlite.rates import Limits


def test_a_floor_is_arithmetic_or_memory() -> None:
    model = Sequential(
        Conv2d(3, 8, 3, padding=1, rng=0), ReLU(), Conv2d(8, 8, 3, stride=2, rng=1),
        Conv2d(8, 5, 7, padding=3, rng=2), Conv2d(5, 6, 3, padding=2, dilation=2, rng=3),
        Flatten(), Linear(6 * 3 * 3, 4, rng=4),
    )  # fmt: skip
    limits = Limits(gflops=50.0, gbytes=10.0, threads=1)
    x = np.ones((4, 3, 8, 8), np.float32)
    found = floors.floors(model.profile(x, steps=1, limits=limits), model)
    passes = {(f.row.direction, f.row.path.split(",")[0]): f for f in found}
    # Multiply-adds of 4 images, by how many fewer Winograd needs, products of the backward pass.
    expected = {
        "0": (4 * 64 * 8 * 27, 4, 1),  # nobody needs the gradient of the images
        "2": (4 * 9 * 8 * 72, 1, 2),
        "3": (4 * 9 * 5 * 392, 4, 2),
        "4": (4 * 9 * 6 * 45, 1, 2),
        "6": (4 * 4 * 54, 1, 2),
    }
    for path, (multiply_adds, fewer, products) in expected.items():
        for direction, times in (("forward", 1), ("backward", products)):
            floor = passes[direction, path]
            assert floor.arithmetic == pytest.approx(2e-6 * times * multiply_adds / 50 / fewer)
            assert floor.memory == pytest.approx(1e3 * (floor.row.gb or 0) / 10)
            assert floor.least >= max(floor.arithmetic, floor.memory) > 0


def test_it_prints_a_line_for_each_network(capsys: pytest.CaptureFixture[str]) -> None:
    floors.main(["--networks", "vanilla CNN", "--steps", "1"])
    printed = capsys.readouterr().out
    assert printed.count("| vanilla CNN") == 1
    assert printed.count("\n- vanilla CNN, ") == 3

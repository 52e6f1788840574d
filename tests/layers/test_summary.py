"""The summary: shapes, parameters, arithmetic, and memory that is counted once."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from cnnlite.layers import (
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Identity,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
)
from cnnlite.models import three_layer_convnet
from cnnlite.random import Rng, as_rng, manual_seed


class Keeps(Layer):
    """Keeps what it is told to."""

    def __init__(self, keep: Any) -> None:
        self.keep = keep

    def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
        return x, self.keep(x)

    def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
        return dy, {}


def small() -> Sequential:
    return Sequential(
        Conv2d(3, 4, 3, padding=1, rng=0),
        ReLU(),
        MaxPool2d(2),
        Residual(Sequential(Conv2d(4, 4, 1, rng=1)), Identity()),
        Flatten(),
        Linear(64, 10, rng=2),
    )


def test_rows() -> None:
    rows = small().summary((3, 8, 8)).rows
    assert [(row.depth, row.name) for row in rows] == [
        (0, ""),
        (1, "0"),
        (1, "1"),
        (1, "2"),
        (1, "3"),
        (2, "body"),
        (3, "0"),
        (2, "shortcut"),
        (1, "4"),
        (1, "5"),
    ]
    assert [row.output_shape for row in rows if row.depth == 1] == [
        (1, 4, 8, 8),
        (1, 4, 8, 8),
        (1, 4, 4, 4),
        (1, 4, 4, 4),
        (1, 64),
        (1, 10),
    ]
    assert rows[1].params == 3 * 4 * 9 + 4
    assert rows[1].multiply_adds == 8 * 8 * 4 * 27
    assert rows[6].multiply_adds == 4 * 4 * 4 * 4
    assert rows[9].multiply_adds == 640


def test_totals() -> None:
    model = small()
    one, four = model.summary((3, 8, 8)), model.summary((4, 3, 8, 8))
    assert one.params == four.params == model.num_params
    assert four.multiply_adds == 4 * one.multiply_adds == 4 * sum(r.multiply_adds for r in one.rows)
    assert four.cache_bytes == 4 * one.cache_bytes
    assert four.input_shape == (4, 3, 8, 8)


def test_what_each_cache_keeps() -> None:
    rows = small().summary((3, 8, 8)).rows
    image, after_conv, after_pool = 3 * 64 * 4, 4 * 64 * 4, 64 * 4
    assert rows[1].cache_bytes == image  # the convolution keeps its input, and not its weight
    assert rows[2].cache_bytes == after_conv
    assert rows[3].cache_bytes == 64  # which pixel of its window each maximum was, a byte
    assert rows[6].cache_bytes == after_pool
    assert rows[8].cache_bytes == 0
    assert rows[9].cache_bytes == after_pool  # the sum, seen through Flatten
    assert rows[0].cache_bytes == rows[4].cache_bytes == 0  # a container keeps nothing itself


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (lambda x: None, 0),
        (lambda x: x[:, :1], 32),  # a view keeps the whole
        (lambda x: (x, [x[0], {"x": x.T}]), 32),
        (lambda x: {"copy": x.copy(), "x": x}, 64),
        (lambda x: Rng(0), 0),
        (lambda x: type("Kept", (), {})(), 0),
        (lambda x: np.frombuffer(bytearray(100), np.uint8), 100),
    ],
)
def test_blocks_count_once(keep: Any, expected: int) -> None:
    assert Keeps(keep).summary((2, 4)).cache_bytes == expected
    assert Sequential(Keeps(keep)).summary((2, 4)).cache_bytes == expected


def test_objects_with_attributes_and_cycles_are_searched() -> None:
    class Kept:
        def __init__(self, x: np.ndarray) -> None:
            self.x, self.me = x, self

    assert Keeps(Kept).summary((2, 4)).cache_bytes == 32
    assert Sequential(Keeps(Kept), Keeps(Kept)).summary((2, 4)).cache_bytes == 32


def test_a_layer_that_stands_twice() -> None:
    twice = Linear(4, 4, rng=0)
    summary = Sequential(twice, ReLU(), twice).summary((4,))
    assert [row.name for row in summary.rows] == ["", "0", "1", "2"]
    assert [row.params for row in summary.rows] == [0, 20, 0, 0]
    assert [row.multiply_adds for row in summary.rows] == [0, 16, 0, 16]


def test_nothing_changes() -> None:
    model = Sequential(BatchNorm2d(3, dtype=np.float64), Dropout(0.5))
    before = model.state_dict()
    manual_seed(0)
    model.summary((2, 3, 4, 4))
    assert as_rng(None) == Rng(0, 0)
    np.testing.assert_equal(model.state_dict(), before)
    assert "forward" not in vars(model)
    assert model.fuse


def test_the_caches_are_given_back_at_once() -> None:
    kept: list[weakref.ref[np.ndarray]] = []

    def keep(x: np.ndarray) -> np.ndarray:
        y = x.copy()
        kept.append(weakref.ref(y))
        return y

    gc.disable()  # reference counting must do
    try:
        Sequential(Keeps(keep), Residual(Keeps(keep))).summary((2, 4))
    finally:
        gc.enable()
    assert [ref() for ref in kept] == [None, None]


def test_it_prints_a_table() -> None:
    summary = small().summary((128, 3, 8, 8))
    lines = str(summary).splitlines()
    assert repr(summary) == str(summary)
    assert lines[0] == "input (128, 3, 8, 8)"
    assert lines[1].split() == ["layer", "output", "parameters", "multiply-adds", "cache", "bytes"]
    assert lines[4].split()[-2:] == ["884,736", "98,304"]
    assert any(line.startswith("      (0): Conv2d(4, 4, ") for line in lines)
    assert lines[-1].split() == [
        "total",
        f"{summary.params:,}",
        f"{summary.multiply_adds:,}",
        f"{summary.cache_bytes:,}",
    ]
    assert len({len(line) for line in lines[1:]}) == 1
    assert len(lines[1]) <= 110


@pytest.mark.parametrize("shape", [(), (1, 2, 3, 4, 5)])
def test_what_is_no_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"summary: input_shape is .*, expected \(D,\) or"):
        ReLU().summary(shape)


def test_sizes_that_are_none() -> None:
    with pytest.raises(ValueError, match="input_shape is 0, expected an integer from 1"):
        ReLU().summary((0,))
    with pytest.raises(TypeError, match="input_shape is 3, expected a tuple of integers"):
        ReLU().summary(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="input_shape is '3', expected an integer"):
        ReLU().summary("3")  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(3, 4, 9), (4, 9)])
def test_what_has_a_length_was_taken_for_an_image_or_a_batch(shape: tuple[int, ...]) -> None:
    summary = Sequential(BatchNorm1d(4), ReLU()).summary(shape)
    assert summary.input_shape == (3 if len(shape) == 3 else 1, 4, 9)


def test_a_shape_that_the_network_cannot_take_is_told_by_its_layer() -> None:
    with pytest.raises(ValueError, match="Conv2d: x has 1 channels, weight expects 3"):
        small().summary((1, 8, 8))


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_the_table_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    summary = three_layer_convnet(rng=0).summary((1, 3, 32, 32))
    whole = str(summary).splitlines()
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = str(summary).splitlines()
    assert len(lines) == len(whole)
    assert max(map(len, lines)) <= columns
    numbers = {word for line in whole for word in line.split()}
    total = lines[-1].split()
    assert total[0] == "total"
    assert set(total) <= numbers
    assert f"{summary.params:,}" in total

"""The profile of a network: what runs is what is told, and it changes nothing."""

import csv
import io
from typing import Any

import numpy as np
import pytest

from cnnlite.layers import (
    GELU,
    BatchNorm1d,
    BatchNorm2d,
    Container,
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
from cnnlite.layers.profiling import Profile
from cnnlite.layers.stopwatch import Stopwatch
from cnnlite.random import as_rng, manual_seed
from cnnlite.rates import Limits

LIMITS = Limits(gflops=100.0, gbytes=10.0, threads=1)


def images(batch: int = 4) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((batch, 3, 8, 8)).astype(np.float32)


def network() -> Sequential:
    body = Sequential(Conv2d(4, 4, 3, padding=1, rng=1), BatchNorm2d(4))
    return Sequential(
        Conv2d(3, 4, 3, padding=1, rng=0), ReLU(), MaxPool2d(2),
        Residual(body), GELU(), Dropout(0.5), Flatten(), Linear(64, 10, rng=2),
    )  # fmt: skip


def profiled(model: Layer, x: np.ndarray, **options: Any) -> Profile:
    return model.profile(x, steps=1, limits=LIMITS, **options)


def test_what_runs_as_one_is_one_row_that_names_its_layers() -> None:
    rows = profiled(network(), images()).rows
    assert [(row.direction, row.path) for row in rows] == [
        ("forward", "0, 1, 2"),
        ("forward", "3.body.0"),
        ("forward", "3.body.1, 3, 4"),
        ("forward", "5"),
        ("forward", "6"),
        ("forward", "7"),
        ("backward", "7"),
        ("backward", "6"),
        ("backward", "5"),
        ("backward", "3.body.1, 3, 4"),
        ("backward", "3.body.0"),
        ("backward", "3, 4"),
        ("backward", "0, 1, 2"),
        ("step", ""),
    ]
    assert rows[0].layer.startswith("Conv2d(3, 4, ")
    assert rows[0].layer.endswith(" + ReLU + MaxPool2d")
    assert rows[2].layer.endswith(" + Residual + GELU")
    assert rows[-1].layer == "Python, between the layers"


def test_without_fusing_each_layer_has_a_row_and_a_sum_has_one() -> None:
    model = Sequential(*network(), fuse=False)
    paths = [row.path for row in profiled(model, images()).rows if row.direction == "forward"]
    assert paths == ["0", "1", "2", "3.body.0", "3.body.1, 3", "4", "5", "6", "7"]
    apart = Sequential(Residual(Sequential(ReLU(), Conv2d(3, 3, 1, rng=0)), Identity()))
    paths = [row.path for row in profiled(apart, images()).rows if row.direction == "forward"]
    assert paths == ["0.body.0", "0.body.1", "0.shortcut", "0"]


def test_arithmetic_is_the_definitions_and_bytes_are_those_of_the_arrays() -> None:
    x = images()
    forward, backward, _ = profiled(Sequential(Conv2d(3, 4, 3, padding=1, rng=0)), x).rows
    flops = 2 * 4 * 27 * 8 * 8 * 4
    numbers = x.size + 4 * 27 + 4 + 4 * 4 * 64
    assert forward.gflops is not None
    assert forward.gb == 4 * numbers / 1e9
    assert forward.gflops == pytest.approx(flops / forward.ms / 1e6)
    least = max(flops / 100e9, 4 * numbers / 10e9)
    assert forward.limit == pytest.approx(1e3 * least / forward.ms)
    assert backward.gflops == pytest.approx(flops / backward.ms / 1e6)
    both = profiled(Conv2d(3, 4, 3, padding=1, rng=0), x, need_dx=True).rows[1]
    assert both.gflops == pytest.approx(2 * flops / both.ms / 1e6)


def test_a_pooled_convolution_counts_what_it_multiplies() -> None:
    conv = Conv2d(3, 4, 3, rng=0)
    fused, alone = (
        profiled(Sequential(conv, *more), images()).rows[0]
        for more in ((ReLU(), MaxPool2d(2)), ())
    )  # fmt: skip
    assert fused.gflops is not None
    assert alone.gflops is not None
    assert fused.gflops * fused.ms == pytest.approx(alone.gflops * alone.ms)


def test_caches_add_up_to_those_of_the_network() -> None:
    model = Sequential(Conv2d(3, 4, 3, rng=0), BatchNorm2d(4), Flatten(), Linear(144, 2, rng=0))
    found = profiled(model, images())
    assert found.cache_bytes == model.summary(images().shape).cache_bytes
    assert found.peak_bytes is None or found.peak_bytes >= 0


@pytest.mark.parametrize("train", [True, False])
def test_profiling_changes_neither_the_network_nor_the_random_stream(train: bool) -> None:
    model, x = network(), images()
    before = model.state_dict()
    manual_seed(3)
    drawn = as_rng(None).generator().random()
    manual_seed(3)
    rows = profiled(model, x, train=train).rows
    assert as_rng(None).generator().random() == drawn
    assert all(np.array_equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any("forward" in vars(leaf) for _, leaf in model.leaves())
    assert ("backward" in {row.direction for row in rows}) is train


def test_a_watched_step_has_the_same_bits() -> None:
    x, dy = images(), np.ones((4, 10), np.float32)

    def step(model: Sequential) -> list[Any]:
        y, cache = model.forward(x, rng=5)
        dx, grads = model.backward(dy, cache)
        return [y, dx, *grads.values()]

    plain, watched = network(), network()
    expected = step(plain)
    with Stopwatch(watched, count=True) as watch:
        got = step(watched)
    assert len(watch.passes) == 13
    for a, b in zip(got, expected, strict=True):
        assert np.array_equal(a, b)


def test_a_layer_that_stands_twice_has_a_row_for_each_place() -> None:
    shared = Linear(6, 6, rng=0)
    x = np.ones((2, 6), np.float32)
    paths = [row.path for row in profiled(Sequential(shared, ReLU(), shared), x).rows]
    assert paths[:2] == ["0, 1", "2"]
    assert paths[2:4] == ["2", "0, 1"]


class Twice(Container):
    """A container of one's own, which does some work itself."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def children(self) -> dict[str, Layer]:
        return {"layer": self.layer}

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> Any:
        y, cache = self.layer.forward(x, train)
        return 2 * y, [cache]

    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> Any:
        dx, grads = self.layer.backward(2 * dy, cache[0], need_dx)
        return dx, self.gather_grads([("layer", grads)])


def test_a_container_of_ones_own_has_a_row_where_it_does_something() -> None:
    rows = profiled(Sequential(Twice(Linear(6, 6, rng=0))), np.ones((2, 6), np.float32)).rows
    assert [(r.direction, r.path) for r in rows[:3]] == [
        ("forward", "0.layer"), ("forward", "0"), ("backward", "0.layer"),
    ]  # fmt: skip


def test_batch_norm_without_running_statistics_needs_two_images_to_be_counted() -> None:
    model = Sequential(Linear(6, 6, rng=0), BatchNorm1d(6, track_running_stats=False))
    assert profiled(model, np.random.default_rng(0).random((4, 6))
                    .astype(np.float32)).rows[0].gflops  # fmt: skip


def test_the_table_the_page_and_the_file_have_all_rows(tmp_path: Any) -> None:
    found = profiled(network(), images())
    text, page = str(found), found._repr_html_()
    for row in found.rows:
        assert row.path in text
        assert row.path in page
    assert text.count("\n") == len(found.rows) + 4
    assert "limits: 100 GFLOP/s (NumPy's sgemm), 10.0 GB/s, 1 thread" in text
    read = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [row["path"] for row in read] == [row.path for row in found.rows]
    assert found.to_csv(tmp_path / "rows.csv") is None
    assert (tmp_path / "rows.csv").read_text() == found.to_csv()
    assert found.to_dicts()[0]["layer"] == found.rows[0].layer
    assert found.ms == pytest.approx(sum(row.ms for row in found.rows))


@pytest.mark.parametrize(
    ("x", "options", "kind", "message"),
    [
        (np.ones((2, 3, 8, 8), np.uint8), {}, TypeError, "Sequential.profile: x must be float32"),
        (np.ones((0, 3, 8, 8), np.float32), {}, ValueError, r"Sequential.profile: x has shape"),
        ((3, 8, 8), {}, TypeError, "Sequential.profile: x"),
        (np.ones((2, 5, 8, 8), np.float32), {}, ValueError, "Conv2d: x has 5 channels"),
        (images(), {"steps": 0}, ValueError, "Sequential.profile: steps is 0"),
        (images(), {"steps": True}, TypeError, "Sequential.profile: steps is True"),
        (images(), {"train": 1}, TypeError, "Sequential.profile: train is 1"),
        (images(), {"need_dx": None}, TypeError, "Sequential.profile: need_dx is None"),
        (images(), {"limits": 100.0}, TypeError, "Sequential.profile: limits is 100.0"),
    ],
)
def test_what_cannot_be_profiled_is_named(
    x: Any, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        network().profile(x, **options)

"""The measured ladder: its accuracy is what is tested, never its speed."""

import numpy as np
import pytest

from cnnlite.cli import ladder
from cnnlite.cli.ladder import Conv

LIMIT = 2e-5
LAYERS = (
    Conv("7x7", 3, 32, 32, 7, 3, batch=8),
    Conv("2x2", 3, 32, 24, 2, 0, batch=8),
    Conv("3x3 first", 3, 32, 32, 3, 1, batch=8),
    Conv("3x3 16", 16, 32, 16, 3, 1, batch=8),
    Conv("3x3 32", 32, 32, 32, 3, 1, batch=8),
    Conv("3x3 24-64", 24, 31, 64, 3, 1, batch=4),
    Conv("3x3 64", 64, 16, 64, 3, 1, batch=8),
    Conv("3x3 128", 128, 8, 128, 3, 1, batch=8),
    Conv("3x3 256", 256, 7, 256, 3, 1, batch=8),
    Conv("3x3 256, few tiles", 256, 4, 256, 3, 1, batch=1),
    Conv("3x3/2", 16, 32, 32, 3, 1, 2, batch=8),
    Conv("depthwise", 64, 16, 64, 3, 1, batch=8, groups=64),
    Conv("1x1", 64, 16, 128, 1, 0, batch=8),
    Conv("1x1/2", 64, 16, 128, 1, 0, 2, batch=8),
)
CASES = [(layer, rung) for layer in LAYERS for rung in ("im2col", *ladder.rungs_for(layer)[1:])]


@pytest.mark.parametrize(("layer", "rung"), CASES, ids=lambda part: getattr(part, "name", part))
def test_float32_is_close_to_float64_in_outputs_and_gradients(layer: Conv, rung: str) -> None:
    assert ladder.error(layer, rung) < LIMIT


def test_a_wrong_result_is_a_large_error(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Conv("small", 2, 5, 3, 3, 1, batch=2)
    exact = ladder.functional.conv2d_backward

    def off(dy: np.ndarray, cache: object) -> tuple:
        dx, dweight, dbias = exact(dy, cache)
        return dx, dweight * (1 if dy.dtype == np.float64 else 1.001), dbias

    monkeypatch.setattr(ladder.functional, "conv2d_backward", off)
    assert ladder.error(layer, "tiled") == pytest.approx(1e-3, rel=0.01)


def test_sizes_of_a_layer() -> None:
    layer = Conv("", 3, 32, 16, 5, 1, 2, batch=10)
    assert layer.out_size == 15
    assert layer.multiply_adds == 16 * 15 * 15 * 3 * 25
    assert layer.flops == 2 * 10 * layer.multiply_adds
    x, weight, dy = layer.arrays()
    assert (x.shape, weight.shape) == ((10, 3, 32, 32), (16, 3, 5, 5))
    assert layer.nbytes == x.nbytes + weight.nbytes + dy.nbytes


def test_the_naive_rung_is_for_tiny_layers() -> None:
    assert ladder.rungs_for(Conv("", 2, 8, 4, 3, 1, batch=2))[0] == "naive"
    assert ladder.rungs_for(Conv("", 64, 16, 64, 3, 1)) == ["im2col", "tiled", "winograd"]
    assert ladder.rungs_for(Conv("", 3, 32, 32, 7, 3)) == ["im2col", "tiled", "winograd"]
    assert ladder.rungs_for(Conv("", 64, 16, 64, 3, 1, 2)) == ["im2col", "tiled"]


def test_the_depthwise_rung_is_where_every_channel_is_a_group() -> None:
    layer = Conv("", 64, 16, 128, 3, 1, 2, groups=64)
    assert ladder.rungs_for(layer) == ["im2col", "tiled", "depthwise"]
    assert layer.multiply_adds == 128 * 9 * 8 * 8
    assert layer.arrays()[1].shape == (128, 1, 3, 3)


def test_rates_are_of_three_passes_and_positive() -> None:
    layer = Conv("", 2, 5, 3, 3, 1, batch=2)
    rates = ladder.measure(layer, ["tiled", "winograd"], 1)
    assert list(rates) == ["tiled", "winograd"]
    assert all(len(three) == len(ladder.PASSES) and min(three) > 0 for three in rates.values())


def test_the_roofline_is_the_lower_of_two_limits() -> None:
    layer = Conv("", 1, 10, 1, 1, 0, batch=1)  # 200 operations on 804 bytes
    assert ladder.roofline(layer, peak=100, bandwidth=804) == 100
    assert ladder.roofline(layer, peak=100, bandwidth=40.2) == pytest.approx(10)

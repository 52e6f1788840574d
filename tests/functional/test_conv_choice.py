"""Which rung "auto" takes: by shape alone, and one that can do the job."""

import numpy as np
import pytest

import cnnlite
from cnnlite.functional import conv2d_backward, conv2d_forward
from cnnlite.functional.conv import ALGORITHMS
from cnnlite.functional.conv.choice import choose, tile_sides
from cnnlite.functional.conv.geometry import ConvGeometry

TILED = ("tiled", "tiled", "tiled")
WINOGRAD = ("winograd", "winograd", "winograd")


def geometry(
    channels: int, filters: int, size: int, batch: int = 128, kernel: int = 3, stride: int = 1,
    groups: int = 1,
) -> ConvGeometry:  # fmt: skip
    padding = kernel // 2
    out = (size + 2 * padding - kernel) // stride + 1
    return ConvGeometry(
        batch, channels, size, size, filters, out, out, (kernel, kernel), (stride, stride),
        (padding,) * 4, (1, 1), groups,
    )  # fmt: skip


@pytest.mark.parametrize("channels", [16, 32, 64, 128, 256])
@pytest.mark.parametrize("size", [32, 16, 15, 8, 7, 4, 3])
@pytest.mark.parametrize("batch", [1, 2, 8, 32, 128])
def test_winograd_wherever_there_are_16_channels(channels: int, size: int, batch: int) -> None:
    assert choose(geometry(channels, channels, size, batch)) == WINOGRAD


def test_the_first_layer_of_a_network_is_tiled_but_for_a_gradient_nobody_asks_for() -> None:
    assert choose(geometry(3, 32, 32)) == ("tiled", "winograd", "tiled")


def test_large_kernels_are_winograds_where_there_are_channels_or_many_taps() -> None:
    assert choose(geometry(3, 32, 32, kernel=7)) == WINOGRAD
    assert choose(geometry(3, 8, 32, kernel=7)) == TILED  # they leave most lanes empty
    assert choose(geometry(3, 32, 32, kernel=5)) == TILED
    assert choose(geometry(32, 32, 16, kernel=5)) == ("winograd", "winograd", "tiled")
    assert choose(geometry(32, 32, 16, kernel=6)) == WINOGRAD
    assert choose(geometry(32, 32, 16, kernel=9)) == TILED
    assert choose(geometry(32, 32, 16, kernel=7, stride=2)) == TILED


def test_eight_channels_are_too_few_on_large_images() -> None:
    assert choose(geometry(8, 8, 32)) == TILED
    assert choose(geometry(8, 8, 8)) == ("winograd", "winograd", "tiled")


def test_groups_count_the_channels_of_one_group() -> None:
    assert choose(geometry(64, 64, 32, groups=4)) == WINOGRAD
    assert choose(geometry(64, 64, 32, groups=32)) == TILED


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (1, 1)])
def test_as_many_groups_as_channels_are_depthwise(kernel: int, stride: int) -> None:
    for filters in (64, 128):
        shape = geometry(64, filters, 16, kernel=kernel, stride=stride, groups=64)
        assert choose(shape) == ("depthwise", "depthwise", "depthwise")
    assert ALGORITHMS["depthwise"].unfit(geometry(64, 64, 16, groups=32)) is not None


def test_many_filters_for_a_channel_fill_the_panels_of_tiled() -> None:
    assert choose(geometry(8, 64, 8, groups=8)) == ("tiled", "depthwise", "depthwise")
    assert choose(geometry(1, 64, 8)) != ("depthwise", "depthwise", "depthwise")


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (9, 1), (3, 2), (7, 2), (2, 1), (1, 2)])
def test_what_winograd_cannot_do_is_tiled(kernel: int, stride: int) -> None:
    shape = geometry(64, 64, 16, kernel=kernel, stride=stride)
    assert choose(shape) == TILED
    assert ALGORITHMS["winograd"].unfit(shape) is not None


def test_dilation_and_uneven_kernels_are_tiled() -> None:
    plain = geometry(64, 64, 16)
    assert choose(plain._replace(dilation=(2, 2))) == TILED
    assert choose(plain._replace(kernel=(3, 1))) == TILED
    assert choose(plain._replace(kernel=(3, 7))) == TILED


def test_tiles_are_small_where_there_are_few() -> None:
    assert tile_sides(geometry(64, 64, 32)) == (4, 4, 4)
    assert tile_sides(geometry(64, 64, 8, batch=1)) == (2, 2, 4)
    assert tile_sides(geometry(64, 64, 4, batch=2)) == (2, 2, 2)
    assert tile_sides(geometry(64, 64, 5, batch=1)) == (2, 2, 4)
    assert tile_sides(geometry(64, 64, 9, batch=1)) == (4, 4, 4)


def test_the_choice_does_not_depend_on_threads_or_on_the_clock(rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 16, 9, 9), np.float32)
    weight = rng.standard_normal((24, 16, 3, 3), np.float32)
    before = cnnlite.get_num_threads()
    seen = set()
    try:
        for threads in (1, 2, 3):
            cnnlite.set_num_threads(threads)
            _, cache = conv2d_forward(x, weight, padding=1)
            seen.add(cache.passes)
    finally:
        cnnlite.set_num_threads(before)
    assert seen == {WINOGRAD}


@pytest.mark.parametrize(("channels", "filters", "size"), [(3, 16, 7), (8, 16, 9), (3, 16, 12)])
def test_rungs_that_differ_from_pass_to_pass_fit_together(
    rng: np.random.Generator, channels: int, filters: int, size: int
) -> None:
    x = rng.standard_normal((2, channels, size, size))
    weight = rng.standard_normal((filters, channels, 3, 3))
    results = []
    for algorithm in ("auto", "naive"):
        y, cache = conv2d_forward(x, weight, padding=1, algorithm=algorithm)
        results.append((y, *conv2d_backward(np.cos(y), cache)[:2]))
    for ours, expected in zip(*results, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-10)

"""Pooling against PyTorch."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cnnlite.functional as F

CASES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 6, 8), {"kernel_size": 2}),
    ((2, 3, 7, 5), {"kernel_size": 2}),  # does not tile
    ((2, 3, 7, 5), {"kernel_size": 2, "ceil_mode": True}),
    ((2, 3, 7, 6), {"kernel_size": 3, "stride": 2, "padding": 1}),  # windows overlap
    ((1, 2, 9, 9), {"kernel_size": (2, 3), "stride": (3, 4)}),  # stride larger than the kernel
    ((1, 2, 9, 7), {"kernel_size": (3, 1), "stride": (1, 2), "padding": (1, 0)}),
    ((1, 2, 5, 5), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ((1, 2, 2, 5), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),  # sticks out
    ((2, 1, 3, 3), {"kernel_size": 1}),
    ((0, 3, 4, 4), {"kernel_size": 2}),
]


DILATED: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 8, 7), {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2}),
    ((1, 2, 9, 6), {"kernel_size": (2, 3), "dilation": (4, 1)}),
    ((1, 2, 8, 8), {"kernel_size": 2, "stride": 3, "dilation": 3, "ceil_mode": True}),
]


@pytest.mark.parametrize(("shape", "options"), CASES + DILATED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_max_pool_as_torch(
    shape: Any, options: Any, dtype: type, as_torch: Any, torch: Any, rng: np.random.Generator
) -> None:
    x = rng.standard_normal(shape).astype(dtype)
    as_torch(
        lambda x: F.max_pool2d_forward(x, **options),
        F.max_pool2d_backward,
        lambda x: torch.nn.functional.max_pool2d(x, **options),
        x,
    )


@pytest.mark.parametrize(("shape", "options"), CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count_include_pad", [True, False])
def test_avg_pool_as_torch(
    shape: Any,
    options: Any,
    dtype: type,
    count_include_pad: bool,
    as_torch: Any,
    torch: Any,
    rng: np.random.Generator,
) -> None:
    options = options | {"count_include_pad": count_include_pad}
    as_torch(
        lambda x: F.avg_pool2d_forward(x, **options),
        F.avg_pool2d_backward,
        lambda x: torch.nn.functional.avg_pool2d(x, **options),
        rng.standard_normal(shape).astype(dtype),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adaptive_avg_pool_as_torch(
    dtype: type, as_torch: Any, torch: Any, rng: np.random.Generator
) -> None:
    as_torch(
        lambda x: F.adaptive_avg_pool2d_forward(x, (1, 1)),
        F.adaptive_avg_pool2d_backward,
        lambda x: torch.nn.functional.adaptive_avg_pool2d(x, 1),
        rng.standard_normal((3, 4, 7, 5)).astype(dtype),
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_geometry_as_loops(data: Any) -> None:
    """Against the definition, with four sides of padding."""
    small = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, stride, dilation = data.draw(small), data.draw(small), data.draw(small)
    size = data.draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    half = [st.integers(0, (d * (k - 1) + 1) // 2) for k, d in zip(kernel, dilation, strict=True)]
    padding = data.draw(st.tuples(*[st.tuples(h, h) for h in half]))
    for s, k, d, p in zip(size, kernel, dilation, padding, strict=True):
        assume(s + sum(p) >= d * (k - 1) + 1)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (2, 2, *size)).astype(np.float64)  # with ties
    padded = np.pad(x, ((0, 0), (0, 0), *padding), constant_values=-np.inf)
    y, cache = F.max_pool2d_forward(x, kernel, stride, padding, dilation)
    dy = rng.standard_normal(y.shape)
    dx = np.zeros_like(padded)
    for n, c, i, j in np.ndindex(y.shape):
        rows = i * stride[0] + dilation[0] * np.arange(kernel[0])
        columns = j * stride[1] + dilation[1] * np.arange(kernel[1])
        window = padded[n, c][np.ix_(rows, columns)]
        assert y[n, c, i, j] == window.max()
        row, column = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, rows[row], columns[column]] += dy[n, c, i, j] * np.isfinite(window.max())
    (top, _), (left, _) = padding
    expected = dx[:, :, top : top + size[0], left : left + size[1]]
    np.testing.assert_allclose(F.max_pool2d_backward(dy, cache), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda x: F.max_pool2d_forward(x, 3, 2, 1), F.max_pool2d_backward),
        (lambda x: F.avg_pool2d_forward(x, 3, 2, 1, True, False), F.avg_pool2d_backward),
        (F.adaptive_avg_pool2d_forward, F.adaptive_avg_pool2d_backward),
    ],
)
def test_gradients_are_derivatives(
    forward: Any, backward: Any, as_differences: Any, rng: np.random.Generator
) -> None:
    as_differences(forward, backward, rng.standard_normal((2, 2, 6, 5)))


def test_overlapping_windows_share_a_maximum() -> None:
    """The course's fast pooling raises NameError where windows overlap."""
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 1
    _, cache = F.max_pool2d_forward(x, 2, 1)
    dx = F.max_pool2d_backward(np.ones((1, 1, 2, 2)), cache)
    assert dx[0, 0, 1, 1] == 4
    assert dx.sum() == 4


def test_of_equal_maxima_the_first_gets_the_gradient() -> None:
    _, cache = F.max_pool2d_forward(np.ones((1, 1, 2, 2)), 2)
    dx = F.max_pool2d_backward(np.ones((1, 1, 1, 1)), cache)
    np.testing.assert_array_equal(dx[0, 0], [[1, 0], [0, 0]])


def test_nan_wins_its_window_only(torch: Any, rng: np.random.Generator) -> None:
    x = rng.standard_normal((1, 1, 4, 4))
    x[0, 0, 0, 1] = np.nan
    y, cache = F.max_pool2d_forward(x, 2)
    theirs, index = torch.nn.functional.max_pool2d(torch.tensor(x), 2, return_indices=True)
    np.testing.assert_array_equal(y, theirs.numpy())
    np.testing.assert_array_equal(cache.argmax, index.numpy())


def test_windows_of_2x2_side_by_side_say_where_their_maxima_stood_too(
    rng: np.random.Generator,
) -> None:
    x = rng.standard_normal((2, 3, 5, 7))
    _, cache = F.max_pool2d_forward(x, 2)
    assert cache.argmax.dtype == np.int32
    where = cache.argmax.reshape(2, 3, -1)
    y = np.take_along_axis(x.reshape(2, 3, -1), where, 2)
    windows = x[:, :, :4, :6].reshape(2, 3, 2, 2, 3, 2).max(axis=(3, 5))
    np.testing.assert_array_equal(y.reshape(windows.shape), windows)


def test_all_minus_infinity(torch: Any) -> None:
    x = np.full((1, 1, 4, 4), -np.inf)
    y, cache = F.max_pool2d_forward(x, 2)
    assert np.isneginf(y).all()
    assert F.max_pool2d_backward(np.ones_like(y), cache).sum() == 4


POOLS: list[tuple[str, Any]] = [
    ("MaxPool2d", F.max_pool2d_forward),
    ("AvgPool2d", F.avg_pool2d_forward),
]


@pytest.mark.parametrize(("layer", "pool"), POOLS)
@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((1, 1, 4, 4), {"kernel_size": 0}, "kernel_size must be an int or a pair of ints from 1"),
        ((1, 1, 4, 4), {"kernel_size": 2, "stride": 0}, "stride must be an int or a pair"),
        ((1, 1, 4, 4), {"kernel_size": 5}, r"kernel \(5, 5\) .* more than the padded image"),
        ((1, 1, 4, 4), {"kernel_size": 2, "padding": 2}, "padding .* more than half of what the"),
        ((1, 1, 4, 4), {"kernel_size": 3, "padding": ((0, 2), (0, 0))}, "more than half"),
        ((1, 4, 4), {"kernel_size": 2}, r"x must have shape \(N, C, H, W\)"),
        ((1, 0, 4, 4), {"kernel_size": 2}, "C, H and W at least 1"),
    ],
)
def test_wrong_arguments_are_refused(
    layer: str, pool: Any, shape: Any, options: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{layer}: .*{message}"):
        pool(np.ones(shape), **options)


def test_other_settings_that_are_refused() -> None:
    with pytest.raises(ValueError, match="MaxPool2d: dilation must be"):
        F.max_pool2d_forward(np.ones((1, 1, 4, 4)), 2, dilation=0)
    with pytest.raises(ValueError, match=r"AdaptiveAvgPool2d: output_size .* got \(2, 0\)"):
        F.adaptive_avg_pool2d_forward(np.ones((1, 1, 4, 4)), (2, 0))


def test_a_plane_too_large_for_the_index_is_refused() -> None:
    plane = np.broadcast_to(np.float32(1), (1, 1, 2**16, 2**15 + 1))
    with pytest.raises(ValueError, match="MaxPool2d: x has 65536 x 32769 pixels in a plane"):
        F.max_pool2d_forward(plane, 2)


@pytest.mark.filterwarnings("error")
def test_adaptive_pooling_of_infinities_and_of_tiny_gradients_does_not_warn() -> None:
    x = np.array([np.inf, -np.inf, np.inf, 1, 3e38, 3e38], np.float32).reshape(3, 1, 1, 2)
    y, cache = F.adaptive_avg_pool2d_forward(x)
    np.testing.assert_array_equal(y.ravel(), [np.nan, np.inf, np.inf])
    dy = np.full_like(y, np.finfo(np.float32).smallest_subnormal)
    with np.errstate(all="raise"):  # whatever the caller asked for
        F.adaptive_avg_pool2d_backward(dy, cache)

"""Sums of a million terms in float32: each is within a relative 1e-5 of the same in float64."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from cnnlite import functional as F
from cnnlite.autodiff import arrays
from cnnlite.functional.normalization import RowNormCache

MILLION = 10**6
SIDE = 1000  # of a plane of a million pixels
KINDS = ["equal", "alternating", "random"]


def terms(kind: str, dtype: type, *shape: int) -> np.ndarray:
    """Numbers of one sign: equal ones lose the most digits when they are added one by one."""
    return numbers(kind, int(np.prod(shape))).astype(dtype).reshape(shape)


@lru_cache(maxsize=8)
def numbers(kind: str, size: int) -> np.ndarray:
    """The same in a row, in float32: many tests take a million of them, in both dtypes."""
    if kind == "equal":
        return np.full(size, 0.1, np.float32)
    if kind == "alternating":
        values = np.full(size, 1000.3)
        values[::2] += 0.5
        values[1::2] -= 0.5
    else:
        values = np.random.default_rng(0).random(size)
    return values.astype(np.float32)


def close(case, *arguments) -> None:
    """Compare what `case` returns in float32 with what it returns in float64."""
    found = case(*arguments, np.float32)
    right = case(*arguments, np.float64)
    assert len(found) == len(right) > 0
    for ours, exact in zip(found, right, strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-5)


def linear(n, inputs, outputs, kind, dtype):
    x, weight = terms(kind, dtype, n, inputs), np.full((outputs, inputs), 0.1, np.float32)
    y, cache = F.linear_forward(x, weight.astype(dtype), None)
    dy = terms(kind, dtype, n, outputs)
    return y, *F.linear_backward(dy, cache._replace(has_bias=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "shape",
    [
        (MILLION, 3, 2),
        (1, MILLION, 2),  # inner products: few rows
        (5, MILLION, 3),
        (2, 3, MILLION),
        (6, 2, MILLION),
        (4000, 130, 800),  # deep and large: no part of the depth is a job of its own
        (700, 1, 1),
    ],
)
def test_linear_layers_over_a_million_rows_or_features(shape, kind):
    """dbias of a million times 0.1 was 100958."""
    close(linear, *shape, kind)


def conv_gradients(algorithm, x_shape, weight_shape, settings, kind, dtype):
    x = terms(kind, dtype, *x_shape)
    weight = np.full(weight_shape, 0.1, dtype)
    y, cache = F.conv2d_forward(x, weight, np.zeros(len(weight), dtype), **settings)
    passes = type(cache.passes)(*[algorithm] * 3) if algorithm else cache.passes
    dy = terms(kind, dtype, *y.shape)
    return F.conv2d_backward(dy, cache._replace(passes=passes), need_dx=False)[1:]


PLANE = (1, 1, SIDE, SIDE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("algorithm", "x_shape", "weight_shape", "settings"),
    [
        (None, PLANE, (1, 1, 1, 1), {}),
        ("im2col", PLANE, (1, 1, 1, 1), {}),
        ("tiled", PLANE, (1, 1, 3, 3), {}),
        ("winograd", PLANE, (1, 1, 3, 3), {}),
        ("im2col", PLANE, (1, 1, 3, 3), {}),
        ("winograd", (1, 16, SIDE, SIDE // 2), (16, 16, 3, 3), {}),
        (None, PLANE, (1, 1, 5, 5), {}),
        (None, PLANE, (1, 1, 7, 7), {}),
        (None, (1, 1, 2 * SIDE, 2 * SIDE), (1, 1, 3, 3), {"stride": 2}),
        (None, PLANE, (1, 1, 3, 3), {"dilation": 2}),
        (None, (1, 2, SIDE, SIDE), (2, 1, 3, 3), {"groups": 2}),
        (None, (1, 20, SIDE, SIDE // 4), (2, 20, 5, 5), {}),
        (None, (1, 1, 1, MILLION), (1, 1, 1, 3), {}),  # a row of a million
        (None, (1, 1, MILLION, 1), (1, 1, 3, 1), {}),
        ("tiled", (MILLION // 16, 1, 4, 4), (2, 1, 3, 3), {"padding": 1}),
        ("winograd", (MILLION // 16, 1, 4, 4), (2, 1, 3, 3), {"padding": 1}),
        ("tiled", (MILLION, 1, 1, 1), (1, 1, 1, 1), {}),
        ("depthwise", PLANE, (1, 1, 3, 3), {}),
        ("depthwise", PLANE, (1, 1, 5, 5), {"padding": 2}),
        ("depthwise", (1, 1, 1, MILLION), (1, 1, 1, 3), {}),
        ("depthwise", (1, 1, MILLION, 1), (1, 1, 3, 1), {}),
        ("depthwise", (MILLION // 16, 1, 4, 4), (2, 1, 3, 3), {"padding": 1}),
        ("depthwise", (MILLION, 1, 1, 1), (1, 1, 1, 1), {}),
        ("im2col", (5000, 1, 2, 2), (1, 1, 1, 1), {}),
        ("naive", (5000, 1, 2, 2), (1, 1, 1, 1), {}),
    ],
)
def test_gradients_of_filters_over_a_million_pixels(
    algorithm, x_shape, weight_shape, settings, kind
):
    close(conv_gradients, algorithm, x_shape, weight_shape, settings, kind)


def conv_sums(algorithm, x_shape, weight_shape, backwards, kind, dtype):
    x, weight = terms(kind, dtype, *x_shape), np.full(weight_shape, 0.1, np.float32).astype(dtype)
    padding = weight_shape[2] // 2 if weight_shape[2] == 3 else 0
    if not backwards:
        return F.conv2d_forward(x, weight, padding=padding, algorithm=algorithm)[:1]
    turned = weight.swapaxes(0, 1)
    image = np.zeros((x_shape[0], turned.shape[1], *x_shape[2:]), dtype)
    cache = F.conv2d_forward(image, turned, padding=padding, algorithm=algorithm)[1]
    return F.conv2d_backward(x, cache)[:1]


CHANNELS = MILLION // 9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("algorithm", "x_shape", "weight_shape"),
    [
        ("tiled", (1, MILLION, 1, 1), (1, MILLION, 1, 1)),
        ("im2col", (1, MILLION, 1, 1), (1, MILLION, 1, 1)),
        ("naive", (1, MILLION // 100, 1, 1), (1, MILLION // 100, 1, 1)),
        ("tiled", (1, CHANNELS, 3, 3), (1, CHANNELS, 3, 3)),
        ("tiled", (2, CHANNELS // 2, 9, 9), (1, CHANNELS // 2, 3, 3)),
        ("winograd", (1, CHANNELS, 3, 3), (1, CHANNELS, 3, 3)),
        ("im2col", (1, CHANNELS, 3, 3), (1, CHANNELS, 3, 3)),
    ],
)
def test_convolutions_that_sum_over_a_million_products(
    algorithm, x_shape, weight_shape, backwards, kind
):
    close(conv_sums, algorithm, x_shape, weight_shape, backwards, kind)


def wide_kernel(algorithm, stride, kind, dtype):
    """A kernel of a million, and dx of one of 3000, where a pixel is in as many windows."""
    y = F.conv2d_forward(
        terms(kind, dtype, 1, 1, SIDE, SIDE),
        np.full((1, 1, SIDE, SIDE), 0.1, dtype),
        algorithm=algorithm,
    )[0]
    weight = np.full((1, 1, 1, 3000), 0.1, dtype)
    x = np.zeros((1, 1, 1, 6000), dtype)
    windows, cache = F.conv2d_forward(x, weight, stride=(1, stride), algorithm=algorithm)
    dx = F.conv2d_backward(terms(kind, dtype, *windows.shape), cache)[0]
    return y, dx[..., 1000:5000]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("algorithm", ["tiled", "im2col", "naive"])
def test_convolutions_with_wide_kernels(algorithm, stride, kind):
    close(wide_kernel, algorithm, stride, kind)


@pytest.mark.parametrize("kind", ["alternating", "random"])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("shape", [(MILLION, 2), (1, 2, SIDE, SIDE), (SIDE, 2, SIDE)])
def test_batch_norm_over_a_million(shape, train, kind):
    def case(dtype):
        x, ones = terms(kind, dtype, *shape), np.ones(2, dtype)
        mean, variance = np.zeros(2, dtype), np.ones(2, dtype)
        _, cache = F.batch_norm_forward(x, ones, ones, mean, variance, train, momentum=1.0)
        # xhat is around 0, so what sums to dgamma has both signs; a dy of x's sign gives it one.
        dy = terms("random", dtype, *shape)
        dgamma = F.batch_norm_backward(np.where(x > x.mean(), dy, 0), cache)[1]
        dbeta = F.batch_norm_backward(terms(kind, dtype, *shape), cache)[2]
        return mean, variance, cache.inverse_std, dgamma, dbeta

    close(case)


@pytest.mark.parametrize("kind", KINDS)
def test_dbeta_of_batch_norm_over_a_million_equal_gradients(kind):
    def case(dtype):
        x = terms("random", dtype, MILLION, 1)
        cache = F.batch_norm_forward(x, np.ones(1, dtype), np.ones(1, dtype), None, None, True)[1]
        return (F.batch_norm_backward(terms(kind, dtype, MILLION, 1), cache)[2],)

    close(case)


def statistics(cache: RowNormCache) -> tuple[np.ndarray, np.ndarray]:
    return cache.mean, cache.inverse_std


@pytest.mark.parametrize("kind", KINDS)
def test_layer_norm_over_a_million_features_and_rows(kind):
    """dbias of a million rows of 0.1 was 100958."""

    def case(dtype):
        _, wide = F.layer_norm_forward(terms(kind, dtype, 1, MILLION), MILLION)
        weight = np.ones(2, dtype)
        x = terms("random", dtype, MILLION, 2)
        _, cache = F.layer_norm_forward(x, 2, weight, weight)
        dbias = F.layer_norm_backward(terms(kind, dtype, MILLION, 2), cache)[2]
        larger = x > x.mean(axis=1, keepdims=True)
        dweight = F.layer_norm_backward(np.where(larger, x, 0).astype(dtype), cache)[1]
        return *statistics(wide), dweight, dbias

    close(case)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 2, SIDE, SIDE), (MILLION, 2), (SIDE, 2, SIDE)])
def test_group_norm_over_a_million(shape, kind):
    def case(dtype):
        x = terms(kind, dtype, *shape)
        weight = np.ones(2, dtype)
        _, cache = F.group_norm_forward(x, 1, weight, weight)
        return *statistics(cache), F.group_norm_backward(terms(kind, dtype, *shape), cache)[2]

    close(case)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"padding": 1, "count_include_pad": False}, {"ceil_mode": True, "stride": 3}],
)
def test_average_pooling_of_a_million_pixels(settings, kind):
    """The mean of a million times 0.1 was 0.10096."""

    def case(dtype):
        x = terms(kind, dtype, *PLANE)
        return (
            F.avg_pool2d_forward(x, SIDE, **settings)[0],
            F.adaptive_avg_pool2d_forward(x)[0],
        )

    close(case)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_pooling_where_a_pixel_is_in_many_windows(stride, kind):
    def case(dtype):
        x = np.zeros((1, 1, 1, 20000), dtype)
        x[..., 10000] = 1
        mean, cache = F.avg_pool2d_forward(x, (1, 5000), (1, stride))
        dy = terms(kind, dtype, *mean.shape)
        dx = F.avg_pool2d_backward(dy, cache)
        largest = F.max_pool2d_forward(x, (1, 5000), (1, stride))[1]
        return dx, F.max_pool2d_backward(dy, largest)

    close(case)


@pytest.mark.parametrize("kind", KINDS)
def test_losses_over_a_million_examples_and_classes(kind):
    def case(dtype):
        labels = np.zeros(MILLION, int)
        scores = np.stack([terms(kind, dtype, MILLION), np.zeros(MILLION, dtype)], axis=1)
        scores[:, 0] -= 1000 if kind == "alternating" else 0
        weight = np.full(2, 0.1, dtype)
        values = [
            F.cross_entropy_forward(scores, labels, weight, 0.1)[0],
            F.hinge_loss_forward(scores, labels)[0],
            F.focal_loss_forward(scores, labels, 2.0, weight)[0],
            F.mse_loss_forward(scores, np.zeros_like(scores))[0],
        ]
        row, first = scores[:, 0].reshape(1, -1).copy(), np.zeros(1, int)
        for forward, backward in (
            (F.cross_entropy_forward, F.cross_entropy_backward),
            (F.focal_loss_forward, F.focal_loss_backward),
            (F.hinge_loss_forward, F.hinge_loss_backward),
        ):
            value, cache = forward(row, first)
            values += [value, backward(cache)]
        return values

    close(case)


@pytest.mark.parametrize("kind", KINDS)
def test_sums_of_autodiff_over_a_million(kind):
    def case(dtype):
        x = arrays.Tensor(terms(kind, dtype, MILLION, 2))
        bias = arrays.Tensor(np.zeros(2, dtype))
        arrays.backward((x * (x + bias)).sum())
        return x.sum().data, x.mean().data, bias.grad

    close(case)


def test_col2im_of_many_patches_over_one_pixel():
    """The middle pixel, in 5000 patches, was a relative 4e-5 off."""
    close(lambda dtype: [F.col2im(terms("equal", dtype, 1, 5000, 5000), (1, 9999), (1, 5000))])


def test_a_dilated_pooling_whose_windows_all_meet_in_one_pixel():
    """With a stride equal to the dilation a pixel is in as many windows as the kernel has places;
    their number was taken for 1, and the sum ran in float32."""

    def pool(dtype: type) -> list[np.ndarray]:
        x = np.zeros((1, 1, 1, 29998), dtype)
        x[..., 14997] = 1
        y, cache = F.max_pool2d_forward(x, (1, 5000), (1, 3), 0, (1, 3))
        return [F.max_pool2d_backward(terms("equal", dtype, *y.shape), cache)]

    close(pool)


def test_the_product_of_tensors_a_million_deep():
    """Its adjoints too: NumPy's float32 product was a relative 1.5e-5 off."""

    def product(dtype: type) -> list[np.ndarray]:
        a = arrays.Tensor(terms("equal", dtype, 2, MILLION))
        b = arrays.Tensor(terms("equal", dtype, MILLION, 2))
        c = arrays.Tensor(terms("equal", dtype, 2, MILLION))
        y = a @ b
        wide = y @ c
        arrays.backward(wide, terms("equal", dtype, 2, MILLION))
        return [y.data, b.grad]

    close(product)

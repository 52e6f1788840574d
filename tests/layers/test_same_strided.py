"""`padding="same"` with strides: ceil(size / stride) windows, an odd remainder after.

TensorFlow's formula, written out here, is the judge: an image padded by hand, then "valid".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite import layers as nn
from cnnlite.checks.windows import same_padding
from cnnlite.functional import col2im, im2col
from cnnlite.gradcheck import check_layer
from cnnlite.interop.onnx import to_onnx
from cnnlite.interop.torch import to_torch

pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = [
    (size, kernel, stride, dilation)
    for size in (5, 6, 7, 8, 9)
    for kernel in (1, 2, 3, 4)
    for stride in (1, 2, 3)
    for dilation in (1, 2)
    if dilation * (kernel - 1) < size
]


def formula(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """The guide of TensorFlow's nn ops, "Notes on padding", with the kernel's span for its size."""
    span = (kernel - 1) * dilation + 1
    if size % stride == 0:
        along = max(span - stride, 0)
    else:
        along = max(span - size % stride, 0)
    return along // 2, along - along // 2


@pytest.mark.parametrize(("size", "kernel", "stride", "dilation"), SETTINGS)
def test_layers_do_as_with_the_padding_of_the_formula(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 4, size, size + 1))
    sides = [formula(n, kernel, stride, dilation) for n in x.shape[2:]]
    outs = tuple(-(-n // stride) for n in x.shape[2:])
    window: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "dilation": dilation}
    for mode in "zeros", "replicate":
        same, given = (
            nn.Conv2d(
                4, 3, padding=how, padding_mode=mode, bias=False, rng=1, dtype=np.float64, **window
            )
            for how in ("same", tuple(sides))
        )
        y, cache = same.forward(x)
        expected, other = given.forward(x)
        assert y.shape[2:] == outs
        np.testing.assert_array_equal(y, expected)
        dy = rng.standard_normal(y.shape)
        np.testing.assert_array_equal(same.backward(dy, cache)[0], given.backward(dy, other)[0])
    row = nn.Conv1d(4, 3, padding="same", rng=1, dtype=np.float64, **window)
    given_row = nn.Conv1d(4, 3, padding=sides[0], rng=1, dtype=np.float64, **window)
    np.testing.assert_array_equal(row(x[..., 0]), given_row(x[..., 0]))
    for pool in nn.MaxPool2d, nn.MaxPool1d:
        one = pool is nn.MaxPool1d
        pixels = x[..., 0] if one else x
        padding = sides[0] if one else tuple(sides)
        np.testing.assert_array_equal(
            pool(padding="same", **window)(pixels), pool(padding=padding, **window)(pixels)
        )


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("size", [5, 6, 7])
def test_average_pooling(size: int, count_include_pad: bool) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, size, size + 1))
    sides = tuple(formula(n, 3, 2, 1) for n in x.shape[2:])
    for pool, pixels, padding in (
        (nn.AvgPool2d, x, sides), (nn.AvgPool1d, x[..., 0], sides[0])
    ):  # fmt: skip
        same = pool(3, 2, "same", count_include_pad=count_include_pad)
        given = pool(3, 2, padding, count_include_pad=count_include_pad)
        np.testing.assert_array_equal(same(pixels), given(pixels))


def test_the_padding_is_asymmetric_where_pytorchs_is_not() -> None:
    """3x3, stride 2, an even size: TensorFlow pads after only, padding=1 before too."""
    assert same_padding(8, 3, 2, 1) == (0, 1)
    x = np.random.default_rng(0).standard_normal((1, 1, 8, 8)).astype(np.float32)
    same = nn.Conv2d(1, 1, 3, 2, "same", rng=0)(x)
    ones = nn.Conv2d(1, 1, 3, 2, 1, rng=0)(x)
    assert same.shape == ones.shape
    assert not np.allclose(same, ones)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(2, 3, 3, 2, "same", rng=0, dtype=np.float64), (2, 2, 6, 7)),
        (nn.Conv1d(2, 3, 4, 3, "same", rng=0, dtype=np.float64), (2, 2, 8)),
        (nn.MaxPool2d(3, 2, "same"), (2, 2, 6, 7)),
        (nn.MaxPool1d(3, 2, "same"), (2, 2, 8)),
        (nn.AvgPool2d(3, 2, "same"), (2, 2, 6, 7)),
        (nn.AvgPool1d(3, 2, "same"), (2, 2, 8)),
    ],
)
def test_gradients_and_export(layer: nn.Layer, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
    check_layer(layer, x)
    pytest.importorskip("torch")
    with pytest.raises(ValueError, match=r"padding 'same' with stride .* depends on the image's"):
        to_torch(layer)


def test_a_network_of_them_is_fused_to_the_same_bits() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, "same", rng=0), nn.ReLU(), nn.MaxPool2d(2, 2),
        nn.Conv2d(8, 8, 3, 2, "same", groups=8, rng=0), nn.GELU(),
    )  # fmt: skip
    x = np.random.default_rng(0).standard_normal((2, 3, 18, 15)).astype(np.float32)
    y = x
    for layer in network.children().values():
        y = layer(y)
    np.testing.assert_array_equal(network(x), y)
    assert y.shape == (2, 8, 2, 2)


def test_a_layer_takes_images_of_any_size() -> None:
    layer = nn.Conv2d(1, 1, 3, 2, "same", rng=0)
    for size in range(1, 9):
        assert layer(np.ones((1, 1, size, 9), np.float32)).shape[2:] == (-(-size // 2), 5)


def test_patches() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 8))
    cols = im2col(x, 3, 2, "same")
    sides = tuple(formula(n, 3, 2, 1) for n in (7, 8))
    np.testing.assert_array_equal(cols, im2col(x, 3, 2, sides))
    np.testing.assert_array_equal(
        col2im(cols, (7, 8), 3, 2, "same"), col2im(cols, (7, 8), 3, 2, sides)
    )


def test_a_transposed_convolution_has_no_such_size() -> None:
    with pytest.raises(ValueError, match="ConvTranspose2d: padding 'same' needs stride 1"):
        nn.ConvTranspose2d(1, 1, 3, 2, "same")


def test_onnx_has_other_borders_with_zeros_only() -> None:
    pytest.importorskip("onnx")
    layer = nn.Conv2d(1, 1, 3, 2, "same", padding_mode="reflect")
    with pytest.raises(ValueError, match="padding 'same' with a stride pads with zeros in ONNX"):
        to_onnx(layer, (1, 8, 8))

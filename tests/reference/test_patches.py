"""The specification of im2col and col2im against the plainest loops."""

from itertools import product

import numpy as np
import pytest

from cnnlite.checks.windows import windows_along
from cnnlite.reference import col2im, im2col

CASES = [
    ((2, 3, 5, 6), (3, 2), (1, 1), (0, 0, 0, 0), (1, 1)),
    ((1, 2, 6, 5), (2, 3), (2, 3), (2, 0, 1, 4), (2, 1)),
    ((2, 1, 4, 4), (1, 1), (3, 1), (0, 0, 0, 0), (1, 1)),
    ((1, 1, 2, 2), (2, 2), (1, 1), (3, 3, 3, 3), (3, 2)),
]


def visits(image, kernel, stride, padding, dilation):
    """Yield (n, row of cols, column of cols, c, h, w) of every tap that falls inside."""
    n, c, height, width = image
    oh = windows_along(height, kernel[0], stride[0], *padding[:2], dilation[0])
    ow = windows_along(width, kernel[1], stride[1], *padding[2:], dilation[1])
    for i, j, kh, kw, a, b in product(*map(range, (n, c, *kernel, oh, ow))):
        h = a * stride[0] + kh * dilation[0] - padding[0]
        w = b * stride[1] + kw * dilation[1] - padding[2]
        if 0 <= h < height and 0 <= w < width:
            yield i, (j * kernel[0] + kh) * kernel[1] + kw, a * ow + b, j, h, w


def columns(image, kernel, stride, padding, dilation):
    oh = windows_along(image[2], kernel[0], stride[0], *padding[:2], dilation[0])
    ow = windows_along(image[3], kernel[1], stride[1], *padding[2:], dilation[1])
    return image[0], image[1] * kernel[0] * kernel[1], oh * ow


@pytest.mark.parametrize("case", CASES, ids=str)
def test_im2col_is_the_definition(case, rng):
    x = rng.standard_normal(case[0])
    expected = np.zeros(columns(*case))
    for n, row, column, c, h, w in visits(*case):
        expected[n, row, column] = x[n, c, h, w]
    cols = np.full_like(expected, np.nan)
    im2col(x, cols, *case[1:])
    np.testing.assert_array_equal(cols, expected)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_col2im_is_the_definition(case, rng):
    cols = rng.standard_normal(columns(*case))
    expected = np.zeros(case[0])
    for n, row, column, c, h, w in visits(*case):
        expected[n, c, h, w] += cols[n, row, column]
    dx = np.full_like(expected, np.nan)
    col2im(cols, dx, *case[1:])
    np.testing.assert_allclose(dx, expected, rtol=1e-14, atol=1e-14)


def test_any_memory_order_will_do(rng):
    x = np.asfortranarray(rng.standard_normal((2, 3, 5, 5)))
    window = ((3, 3), (1, 1), (1, 1, 1, 1), (1, 1))
    cols, expected = np.empty((2, 27, 25), order="F"), np.empty((2, 27, 25))
    im2col(x, cols, *window)
    im2col(x.copy(order="C"), expected, *window)
    np.testing.assert_array_equal(cols, expected)
    dx, expected = np.empty_like(x), np.empty(x.shape)
    col2im(cols, dx, *window)
    col2im(cols.copy(order="C"), expected, *window)
    np.testing.assert_array_equal(dx, expected)

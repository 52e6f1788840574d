"""The naive convolution against seven loops, and against PyTorch."""

from itertools import product

import numpy as np
import pytest

from cnnlite.reference.conv import conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient

# x, weight, stride, padding (top, bottom, left, right), dilation, groups
CASES = [
    ((2, 3, 5, 5), (4, 3, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ((2, 3, 7, 6), (2, 3, 3, 2), (2, 1), (0, 0, 0, 0), (1, 1), 1),
    ((1, 4, 6, 7), (6, 2, 2, 3), (1, 2), (2, 0, 1, 3), (2, 2), 2),
    ((2, 4, 5, 4), (4, 1, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 4),
    ((2, 3, 4, 5), (2, 3, 1, 1), (3, 2), (0, 0, 0, 0), (1, 1), 1),
    ((0, 3, 4, 5), (2, 3, 2, 2), (1, 1), (0, 0, 0, 0), (1, 1), 1),
]


def by_seven_loops(x, weight, stride, padding, dilation, groups):
    """The definition, with the images padded beforehand."""
    top, bottom, left, right = padding
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    (out, channels, *kernel), batch = weight.shape, len(x)
    oh, ow = ((x.shape[2 + i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in (0, 1))
    y = np.zeros((batch, out, oh, ow))
    for n, o, i, j in product(*map(range, y.shape)):
        for c, kh, kw in product(range(channels), *map(range, kernel)):
            channel = o // (out // groups) * channels + c
            row, column = i * stride[0] + kh * dilation[0], j * stride[1] + kw * dilation[1]
            y[n, o, i, j] += x[n, channel, row, column] * weight[o, c, kh, kw]
    return y


@pytest.mark.parametrize(("x", "weight", "stride", "padding", "dilation", "groups"), CASES)
def test_forward_is_the_definition(rng, x, weight, stride, padding, dilation, groups):
    x, weight = rng.standard_normal(x), rng.standard_normal(weight)
    expected = by_seven_loops(x, weight, stride, padding, dilation, groups)
    y = np.full_like(expected, np.nan)
    conv2d_forward(x, weight, y, stride, padding, dilation, groups)
    np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("x", "weight", "stride", "padding", "dilation", "groups"), CASES)
def test_gradients_are_the_transposes_of_forward(rng, x, weight, stride, padding, dilation, groups):
    x, weight = rng.standard_normal(x), rng.standard_normal(weight)
    rest = (stride, padding, dilation, groups)
    y = by_seven_loops(x, weight, *rest)
    dy = rng.standard_normal(y.shape)
    dx, dweight = np.full_like(x, np.nan), np.full_like(weight, np.nan)
    conv2d_input_gradient(dy, weight, dx, *rest)
    conv2d_weight_gradient(x, dy, dweight, *rest)
    # y is linear in x and in weight, so <dy, y> = <dx, x> = <dweight, weight>.
    np.testing.assert_allclose(np.vdot(dx, x), np.vdot(dy, y), rtol=1e-12)
    np.testing.assert_allclose(np.vdot(dweight, weight), np.vdot(dy, y), rtol=1e-12)


@pytest.mark.parametrize(("x", "weight", "stride", "padding", "dilation", "groups"), CASES[:-1])
def test_everything_equals_torch(torch, rng, x, weight, stride, padding, dilation, groups):
    x, weight = rng.standard_normal(x), rng.standard_normal(weight)
    theirs = [torch.from_numpy(a.copy()).requires_grad_() for a in (x, weight)]
    top, bottom, left, right = padding
    padded = torch.nn.functional.pad(theirs[0], (left, right, top, bottom))
    expected = torch.nn.functional.conv2d(padded, theirs[1], None, stride, 0, dilation, groups)
    y, rest = np.empty(expected.shape), (stride, padding, dilation, groups)
    conv2d_forward(x, weight, y, *rest)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    dy = rng.standard_normal(y.shape)
    expected.backward(torch.from_numpy(dy))
    dx, dweight = np.empty_like(x), np.empty_like(weight)
    conv2d_input_gradient(dy, weight, dx, *rest)
    conv2d_weight_gradient(x, dy, dweight, *rest)
    np.testing.assert_allclose(dx, theirs[0].grad.numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dweight, theirs[1].grad.numpy(), rtol=1e-12, atol=1e-12)


def test_any_memory_order_will_do(rng):
    x = rng.standard_normal((5, 4, 3, 2)).T  # Fortran order
    weight = rng.standard_normal((4, 3, 2, 4))[::-1, :, :, ::2]  # strides of both signs
    rest = ((1, 1), (1, 1, 1, 1), (1, 1), 1)
    expected = by_seven_loops(x, weight, *rest)
    y = np.full(expected.shape, np.nan, order="F")
    conv2d_forward(x, weight, y, *rest)
    np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("x", "weight", "y", "groups", "message"),
    [
        ((1, 4, 5, 5), (2, 3, 3, 3), (1, 2, 3, 3), 1, r"weight has shape \(2, 3, 3, 3\)"),
        ((1, 4, 5, 5), (2, 4, 3, 3), (1, 2, 3, 4), 1, r"y has shape \(1, 2, 3, 4\)"),
        ((1, 4, 5, 5), (2, 4, 3, 3), (1, 2, 3, 3), 3, "3 groups do not divide 4 and 2"),
        ((1, 4, 5, 5), (2, 4, 3, 3), (1, 2, 3, 3), 0, "0 groups"),
    ],
)
def test_shapes_that_do_not_belong_together_are_refused(x, weight, y, groups, message):
    with pytest.raises(ValueError, match=message):
        conv2d_forward(
            np.zeros(x), np.zeros(weight), np.zeros(y), (1, 1), (0, 0, 0, 0), (1, 1), groups
        )

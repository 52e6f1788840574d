"""The compiled average-pooling against PyTorch's."""

import numpy as np
import pytest

from cnnlite import _ext

WINDOWS = [  # image, kernel, stride, padding, ceil_mode
    ((2, 3, 8, 8), (2, 2), (2, 2), (0, 0), False),
    ((2, 3, 7, 9), (2, 2), (2, 2), (0, 0), False),
    ((2, 3, 7, 9), (2, 2), (2, 2), (0, 0), True),
    ((2, 3, 9, 7), (3, 3), (2, 2), (1, 1), True),
    ((2, 3, 9, 7), (3, 2), (1, 3), (1, 1), True),
    ((2, 2, 8, 8), (8, 8), (8, 8), (0, 0), False),
    ((2, 2, 5, 4), (3, 3), (1, 1), (1, 1), False),
]


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("image", "kernel", "stride", "padding", "ceil_mode"), WINDOWS)
def test_both_directions_equal_torch(
    torch, rng, image, kernel, stride, padding, ceil_mode, dtype, count_include_pad
):
    tolerance = 8 * np.finfo(dtype).eps
    x = rng.standard_normal(image).astype(dtype)
    theirs = torch.from_numpy(x.copy()).requires_grad_()
    expected = torch.nn.functional.avg_pool2d(
        theirs, kernel, stride, padding, ceil_mode, count_include_pad
    )
    rest = (kernel, stride, (padding[0], padding[0], padding[1], padding[1]), count_include_pad)
    y = np.empty(expected.shape, dtype)
    _ext.avg_pool2d_forward(x, y, *rest)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=tolerance, atol=tolerance)
    dy = rng.standard_normal(y.shape).astype(dtype)
    expected.backward(torch.from_numpy(dy))
    dx = np.full_like(x, np.nan)
    _ext.avg_pool2d_backward(dy, dx, *rest)
    np.testing.assert_allclose(dx, theirs.grad.numpy(), rtol=tolerance, atol=tolerance)


def test_a_wrong_output_is_refused():
    with pytest.raises(ValueError, match="y has height 3, expected 2"):
        _ext.avg_pool2d_forward(
            np.zeros((1, 1, 4, 4)), np.zeros((1, 1, 3, 2)), (2, 2), (2, 2), (0, 0, 0, 0), True
        )
    with pytest.raises(ValueError, match="y has shape"):
        _ext.avg_pool2d_backward(
            np.zeros((2, 1, 2, 2)), np.zeros((1, 1, 4, 4)), (2, 2), (2, 2), (0, 0, 0, 0), True
        )

"""The compiled max-pooling: what tests/test_backend.py does not ask of both backends."""

import numpy as np
import pytest

from cnnlite import _ext

TORCH_WINDOWS = [  # image, kernel, stride, padding, dilation, ceil_mode
    ((2, 3, 8, 8), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 3, 9, 7), (3, 3), (2, 2), (1, 1), (1, 1), False),
    ((2, 3, 9, 7), (3, 3), (2, 2), (1, 1), (1, 1), True),
    ((2, 3, 10, 11), (3, 2), (2, 3), (1, 0), (2, 3), True),
    ((1, 2, 7, 7), (2, 2), (3, 3), (1, 1), (1, 1), True),
    ((2, 2, 5, 6), (3, 2), (1, 1), (0, 0), (1, 1), False),
    ((2, 2, 7, 9), (2, 2), (2, 2), (0, 0), (1, 1), True),
]


def pool(x, output, kernel, stride, padding, dilation=(1, 1)):
    y, argmax = np.empty(output, x.dtype), np.empty(output, np.int32)
    _ext.max_pool2d_forward(x, y, argmax, kernel, stride, padding, dilation)
    return y, argmax


@pytest.mark.parametrize(
    ("image", "kernel", "stride", "padding", "dilation", "ceil_mode"), TORCH_WINDOWS
)
@pytest.mark.parametrize("special", [None, np.nan, -np.inf])
def test_values_and_indices_equal_torch(
    torch, rng, image, kernel, stride, padding, dilation, ceil_mode, special
):
    x = rng.integers(-3, 4, image).astype(np.float32)
    if special is not None:
        x[rng.random(image) < 0.3] = special
    expected, indices = torch.nn.functional.max_pool2d(
        torch.from_numpy(x), kernel, stride, padding, dilation, ceil_mode, return_indices=True
    )
    sides = (padding[0], padding[0], padding[1], padding[1])
    y, argmax = pool(x, tuple(expected.shape), kernel, stride, sides, dilation)
    np.testing.assert_array_equal(y, expected.numpy())
    np.testing.assert_array_equal(argmax, indices.numpy())


def test_cs231n_overlapping_pooling_raised_a_name_error():
    x = np.arange(25.0).reshape(1, 1, 5, 5)
    y, argmax = pool(x, (1, 1, 3, 3), (3, 3), (1, 1), (0, 0, 0, 0))
    np.testing.assert_array_equal(y[0, 0], [[12, 13, 14], [17, 18, 19], [22, 23, 24]])
    dx = np.empty_like(x)
    _ext.max_pool2d_backward(np.ones_like(y), argmax, dx)
    assert dx.sum() == 9
    x[0, 0, 2, 2] = 99  # now one pixel is the maximum of all nine windows
    y, argmax = pool(x, (1, 1, 3, 3), (3, 3), (1, 1), (0, 0, 0, 0))
    _ext.max_pool2d_backward(np.ones_like(y), argmax, dx)
    assert dx[0, 0, 2, 2] == 9
    assert np.count_nonzero(dx) == 1


def test_windows_that_do_not_tile_leave_the_rest_without_gradient():
    x = np.arange(35.0).reshape(1, 1, 5, 7)
    y, argmax = pool(x, (1, 1, 2, 3), (2, 2), (2, 2), (0, 0, 0, 0))
    np.testing.assert_array_equal(argmax[0, 0], [[8, 10, 12], [22, 24, 26]])
    dx = np.full_like(x, 7)
    _ext.max_pool2d_backward(y, argmax, dx)
    assert not dx[0, 0, 4].any()
    assert not dx[0, 0, :, 6].any()


def test_the_first_of_equal_maxima_wins():
    _, argmax = pool(np.zeros((1, 1, 4, 4)), (1, 1, 2, 2), (2, 2), (2, 2), (0, 0, 0, 0))
    np.testing.assert_array_equal(argmax[0, 0], [[0, 2], [8, 10]])


def test_a_window_without_a_pixel_has_no_maximum_and_no_gradient():
    x = np.ones((1, 1, 1, 1))
    y, argmax = pool(x, (1, 1, 1, 1), (2, 2), (1, 1), (1, 1, 1, 1), (2, 2))
    assert y.item() == -np.inf
    assert argmax.item() == -1
    dx = np.full_like(x, 7)
    _ext.max_pool2d_backward(np.ones_like(y), argmax, dx)
    assert dx.item() == 0


@pytest.mark.parametrize("index", [-2, 16, 2**31 - 1, -(2**31)])
def test_an_index_outside_the_image_is_refused(index):
    argmax = np.array([[[[index]]]], np.int32)
    with pytest.raises(ValueError, match="argmax points outside the image"):
        _ext.max_pool2d_backward(np.ones((1, 1, 1, 1)), argmax, np.empty((1, 1, 4, 4)))


@pytest.mark.parametrize(
    ("dy", "argmax", "what"),
    [((1, 2, 2, 2), (1, 1, 2, 2), "dy"), ((2, 1, 2, 2), (1, 1, 2, 2), "dy"),
     ((1, 1, 2, 2), (1, 1, 2, 3), "argmax")],
)  # fmt: skip
def test_shapes_that_do_not_belong_together_are_refused(dy, argmax, what):
    with pytest.raises(ValueError, match=f"{what} has shape"):
        _ext.max_pool2d_backward(np.zeros(dy), np.zeros(argmax, np.int32), np.zeros((1, 1, 4, 4)))


def test_a_plane_too_big_for_an_index_is_refused():
    x = np.zeros((0, 1, 2**16, 2**15), np.float32)
    y, argmax = np.zeros((0, 1, 2**15, 2**14), np.float32), np.zeros((0, 1, 2**15, 2**14), np.int32)
    with pytest.raises(ValueError, match="too big for int32"):
        _ext.max_pool2d_forward(x, y, argmax, (2, 2), (2, 2), (0, 0, 0, 0), (1, 1))


def test_fortran_order_is_refused():
    x = np.asfortranarray(np.zeros((2, 3, 4, 4)))
    with pytest.raises(ValueError, match="contiguous"):
        pool(x, (2, 3, 2, 2), (2, 2), (2, 2), (0, 0, 0, 0))


def test_an_index_array_at_an_odd_address_is_refused():
    argmax = np.zeros(4 * 4 + 1, np.uint8)[1:].view(np.int32).reshape(1, 1, 2, 2)
    with pytest.raises(ValueError, match="argmax is not aligned to its 4-byte elements"):
        _ext.max_pool2d_backward(np.zeros((1, 1, 2, 2)), argmax, np.zeros((1, 1, 4, 4)))

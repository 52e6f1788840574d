"""The compiled shortcut without parameters against its twin in NumPy."""

import numpy as np
import pytest

from cnnlite import _ext, reference

CASES = [  # x, channels of y, stride
    ((2, 3, 8, 8), 6, 2),
    ((3, 16, 33, 31), 40, 2),
    ((2, 3, 5, 7), 3, 1),
    ((2, 3, 5, 7), 4, 3),
    ((1, 2, 3, 4), 5, 9),
    ((2, 4, 1, 1), 8, 2),
    ((0, 3, 4, 4), 6, 2),
    ((2, 0, 4, 4), 3, 2),
    ((2, 3, 0, 4), 6, 2),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "outputs", "stride"), CASES)
def test_both_directions_equal_the_reference(rng, shape, outputs, stride, dtype):
    x = rng.standard_normal(shape).astype(dtype)
    x[..., -1:] = np.nan
    x.flags.writeable = False
    size = shape[0], outputs, *(-(-side // stride) for side in shape[2:])
    y, expected = np.full(size, 7, dtype), np.full(size, 8, dtype)
    _ext.zero_pad_shortcut_forward(x, y, stride)
    reference.zero_pad_shortcut_forward(x, expected, stride)
    np.testing.assert_array_equal(y, expected)
    dx, expected_dx = np.full(shape, 7, dtype), np.full(shape, 8, dtype)
    _ext.zero_pad_shortcut_backward(y, dx, stride)
    reference.zero_pad_shortcut_backward(y, expected_dx, stride)
    np.testing.assert_array_equal(dx, expected_dx)


@pytest.mark.parametrize("module", [_ext, reference])
@pytest.mark.parametrize(
    ("x", "y", "stride", "message"),
    [
        ((2, 3, 4, 4), (2, 3, 2, 2), 0, "stride is 0, expected at least 1"),
        ((2, 3, 4, 4), (2, 2, 2, 2), 2, r"y has shape \(2, 2, 2, 2\), expected \(2, 3, 2, 2\)"),
        ((2, 3, 5, 4), (2, 6, 2, 2), 2, r"y has shape \(2, 6, 2, 2\), expected \(2, 6, 3, 2\)"),
        ((1, 3, 4, 4), (2, 6, 2, 2), 2, r"y has shape \(2, 6, 2, 2\), expected \(1, 6, 2, 2\)"),
    ],
)
def test_what_does_not_belong_together_is_refused(module, x, y, stride, message):
    x, y = np.zeros(x), np.zeros(y)
    with pytest.raises(ValueError, match=f"zero_pad_shortcut_forward: {message}"):
        module.zero_pad_shortcut_forward(x, y, stride)
    with pytest.raises(ValueError, match=f"zero_pad_shortcut_backward: {message}"):
        module.zero_pad_shortcut_backward(y, x, stride)


@pytest.mark.parametrize("name", ["zero_pad_shortcut_forward", "zero_pad_shortcut_backward"])
def test_unaligned_memory_is_refused(name):
    bytes_ = np.zeros(2 * 3 * 4 * 4 * 8 + 1, np.uint8)
    unaligned = bytes_[1:].view(np.float64).reshape(2, 3, 4, 4)
    with pytest.raises(ValueError, match=f"{name}: .* is not aligned to its 8-byte elements"):
        getattr(_ext, name)(unaligned, np.zeros((2, 3, 4, 4)), 1)

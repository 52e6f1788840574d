"""The compiled im2col and col2im: what tests/test_backend.py does not ask of both backends."""

import numpy as np
import pytest

from cnnlite import _ext, reference

ONE = ((1, 1), (0, 0, 0, 0), (1, 1))  # stride, padding, dilation


def test_cs231n_im2col_corrupts_memory_for_a_3x2_kernel(rng):
    x = rng.standard_normal((2, 3, 6, 5)).astype(np.float32)
    guarded = np.full((2, 18, 18), np.nan, np.float32)  # 2 * 3 * 3 * 2 rows: a guard on each side
    flat = guarded.reshape(-1)
    cols = flat[18 : 18 + 18 * 16 * 1].reshape(1, 18, 16)
    _ext.im2col(x[:1], cols, (3, 2), *ONE)
    expected = np.empty_like(cols)
    reference.im2col(x[:1], expected, (3, 2), *ONE)
    np.testing.assert_array_equal(cols, expected)
    assert np.isnan(flat[:18]).all()
    assert np.isnan(flat[18 + cols.size :]).all()


@pytest.mark.parametrize("kernel", [(3, 2), (2, 3), (1, 4), (4, 1)])
def test_a_kernel_with_swapped_sides_is_refused_for_the_same_columns(kernel, rng):
    x = rng.standard_normal((1, 2, 6, 6))
    rows = 6 - kernel[0] + 1, 6 - kernel[1] + 1
    cols = np.empty((1, 2 * kernel[0] * kernel[1], rows[0] * rows[1] + 1))
    with pytest.raises(ValueError, match=r"cols has shape .* expected"):
        _ext.im2col(x, cols, kernel, *ONE)


def test_cs231n_fortran_order_gave_silently_wrong_results(rng):
    x = np.asfortranarray(rng.standard_normal((2, 3, 5, 5)))
    cols = np.empty((2, 27, 9))
    with pytest.raises(ValueError, match="contiguous"):
        _ext.im2col(x, cols, (3, 3), *ONE)
    with pytest.raises(ValueError, match="contiguous"):
        _ext.im2col(np.ascontiguousarray(x), np.asfortranarray(cols), (3, 3), *ONE)
    with pytest.raises(ValueError, match="contiguous"):
        _ext.col2im(cols, x, (3, 3), *ONE)


def test_a_read_only_output_is_refused():
    cols = np.empty((1, 4, 9))
    cols.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        _ext.im2col(np.zeros((1, 1, 4, 4)), cols, (2, 2), *ONE)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("f4", "f8"), ("f8", "f4"), ("f2", "f2"), ("i4", "i4")]
)
def test_mixed_and_other_types_are_refused(ours, theirs):
    with pytest.raises((TypeError, ValueError)):
        _ext.im2col(np.zeros((1, 1, 4, 4), ours), np.zeros((1, 4, 9), theirs), (2, 2), *ONE)


def test_foreign_byte_order_is_refused():
    x = np.zeros((1, 1, 4, 4), np.dtype(np.float32).newbyteorder())
    with pytest.raises((TypeError, ValueError)):
        _ext.im2col(x, np.zeros((1, 4, 9), np.float32), (2, 2), *ONE)


def test_sizes_whose_product_overflows_are_refused():
    # 2**20 channels * 2**22 * 2**22 offsets are 2**64 rows, which is 0 in 64 bits.
    x, side = np.zeros((0, 2**20, 4, 4), np.float32), 2**22
    window = ((side, side), (1, 1), (side - 4, 0, side - 4, 0), (1, 1))
    with pytest.raises(ValueError, match=r"expected \(0, 18446744073709551616, 1\)"):
        _ext.im2col(x, np.zeros((0, 0, 1), np.float32), *window)
    with pytest.raises(ValueError, match=r"expected \(0, 18446744073709551616, 1\)"):
        _ext.col2im(np.zeros((0, 0, 1), np.float32), x, *window)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_col2im_is_the_transpose_of_im2col(dtype, rng):
    window = ((3, 2), (2, 1), (1, 0, 2, 1), (1, 2))
    x = rng.integers(-8, 9, (2, 3, 7, 6)).astype(dtype)
    cols = np.empty((2, 18, 3 * 7), dtype)
    _ext.im2col(x, cols, *window)
    other = rng.integers(-8, 9, cols.shape).astype(dtype)
    dx = np.empty_like(x)
    _ext.col2im(other, dx, *window)
    assert np.vdot(cols, other) == np.vdot(x, dx)  # whole numbers: no rounding


def test_im2col_equals_torch_unfold(torch, rng):
    x = rng.standard_normal((2, 3, 9, 8)).astype(np.float32)
    expected = torch.nn.functional.unfold(torch.from_numpy(x), (3, 2), (2, 1), (1, 2), (2, 3))
    cols = np.empty(expected.shape, np.float32)
    _ext.im2col(x, cols, (3, 2), (2, 3), (1, 1, 2, 2), (2, 1))
    np.testing.assert_array_equal(cols, expected.numpy())


def test_col2im_equals_torch_fold(torch, rng):
    cols = rng.standard_normal((2, 18, 4 * 4)).astype(np.float32)
    expected = torch.nn.functional.fold(
        torch.from_numpy(cols), (9, 8), (3, 2), dilation=(2, 1), padding=(1, 2), stride=(2, 3)
    )
    dx = np.empty(expected.shape, np.float32)
    _ext.col2im(cols, dx, (3, 2), (2, 3), (1, 1, 2, 2), (2, 1))
    np.testing.assert_allclose(dx, expected.numpy(), rtol=1e-6, atol=1e-6)


def test_an_array_at_an_odd_address_is_refused():
    x = np.zeros(4 * 25 + 1, np.uint8)[1:].view(np.float32).reshape(1, 1, 5, 5)
    cols = np.empty((1, 9, 9), np.float32)
    with pytest.raises(ValueError, match="im2col: x is not aligned to its 4-byte elements"):
        _ext.im2col(x, cols, (3, 3), *ONE)
    with pytest.raises(ValueError, match="col2im: dx is not aligned"):
        _ext.col2im(cols, x, (3, 3), *ONE)

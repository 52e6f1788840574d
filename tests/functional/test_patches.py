"""im2col and col2im against PyTorch's unfold and fold."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F

CASES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 6, 5), {"kernel_size": 2}),
    ((2, 3, 6, 5), {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)}),
    ((1, 2, 7, 7), {"kernel_size": 3, "dilation": (1, 2), "padding": 2, "stride": 3}),
    ((3, 1, 4, 4), {"kernel_size": 1, "stride": 3}),
]


@pytest.mark.parametrize(("shape", "options"), CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_as_torch(
    shape: Any, options: Any, dtype: type, torch: Any, rng: np.random.Generator
) -> None:
    x = rng.standard_normal(shape).astype(dtype)
    cols = F.im2col(x, **options)
    np.testing.assert_array_equal(cols, torch.nn.functional.unfold(torch.tensor(x), **options))
    moved = rng.standard_normal(cols.shape).astype(dtype)
    back = F.col2im(moved, shape[2:], **options)
    theirs = torch.nn.functional.fold(torch.tensor(moved), shape[2:], **options)
    np.testing.assert_allclose(back, theirs, rtol=1e-5, atol=1e-6)


def test_a_3x2_kernel_corrupts_no_memory(rng: np.random.Generator) -> None:
    """The course's Cython im2col writes beyond its buffer for this kernel."""
    x = rng.standard_normal((2, 3, 5, 4))
    cols = F.im2col(x, (3, 2))
    expected = [x[:, :, i : i + 3, j : j + 2].reshape(2, -1) for i in range(3) for j in range(3)]
    np.testing.assert_array_equal(cols, np.stack(expected, axis=2))


def test_fortran_order_gives_the_same(rng: np.random.Generator) -> None:
    """The course's Cython im2col is silently wrong for such an array."""
    x = rng.standard_normal((2, 3, 5, 4))
    np.testing.assert_array_equal(F.im2col(np.asfortranarray(x), 2), F.im2col(x, 2))
    cols = F.im2col(x, 2)
    np.testing.assert_array_equal(
        F.col2im(np.asfortranarray(cols), (5, 4), 2), F.col2im(cols, (5, 4), 2)
    )


def test_four_sides_of_padding() -> None:
    cols = F.im2col(np.ones((1, 1, 2, 2)), 2, padding=((1, 0), (0, 2)))
    assert cols.shape == (1, 4, 6)
    # The upper pixels are in two rows of windows, the right ones in two columns of them.
    assert cols.sum() == (2 + 1) * (1 + 2)
    counts = F.col2im(cols, 2, 2, padding=((1, 0), (0, 2)))
    np.testing.assert_array_equal(counts[0, 0], [[2, 4], [1, 2]])


def test_no_images() -> None:
    assert F.im2col(np.ones((0, 3, 4, 4)), 2).shape == (0, 12, 9)
    assert F.col2im(np.ones((0, 12, 9)), 4, 2).shape == (0, 3, 4, 4)


@pytest.mark.parametrize(
    ("cols", "options", "message"),
    [
        (np.ones((1, 5, 9)), {}, r"cols must have shape \(N, C\*4, L\) for kernel \(2, 2\), got"),
        (np.ones((1, 4, 8)), {}, r"cols has 8 columns, but 3 x 3 patches fit an image of \(4, 4\)"),
        (np.ones((4, 9)), {}, r"cols must have shape .* got \(4, 9\)"),
        (np.ones((1, 4, 9)), {"kernel_size": 9}, r"col2im: kernel \(9, 9\).*more than the padded"),
        (np.ones((1, 4, 9)), {"output_size": 0}, "output_size must be an int or a pair"),
    ],
)
def test_wrong_columns_are_refused(cols: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        F.col2im(cols, **{"output_size": 4, "kernel_size": 2, **options})


def test_wrong_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"im2col: x must have shape \(N, C, H, W\)"):
        F.im2col(np.ones((3, 3)), 2)
    with pytest.raises(TypeError, match="im2col: x must be float32 or float64, got uint8"):
        F.im2col(np.ones((1, 1, 3, 3), np.uint8), 2)
    with pytest.raises(ValueError, match=r"im2col: kernel \(5, 5\).*more than the padded image"):
        F.im2col(np.ones((1, 1, 3, 3)), 5)
    with pytest.raises(ValueError, match=r"would take \d+ bytes"):
        F.im2col(np.ones((1, 1, 1, 1)), 2, padding=2**31 - 1)

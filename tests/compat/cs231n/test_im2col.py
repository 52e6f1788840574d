"""The course's matrix of patches has images changing fastest."""

import numpy as np
import pytest

from cnnlite.compat.cs231n.im2col import col2im_indices, im2col_indices


def test_columns_are_patches_images_changing_fastest(rng: np.random.Generator) -> None:
    """A kernel of 3x2, with which the course's Cython corrupted memory."""
    x = rng.standard_normal((2, 3, 5, 4))
    cols = im2col_indices(x, 3, 2, padding=1, stride=2)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    patches = [
        padded[n, :, i : i + 3, j : j + 2].ravel()
        for i in range(0, 5, 2)
        for j in range(0, 5, 2)
        for n in range(2)
    ]
    np.testing.assert_array_equal(cols, np.stack(patches, axis=1))


def test_back_is_the_transpose(rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 3, 5, 4))
    cols = im2col_indices(x, 3, 2, 1, 2)
    other = rng.standard_normal(cols.shape)
    back = col2im_indices(other, x.shape, 3, 2, 1, 2)
    assert back.shape == x.shape
    np.testing.assert_allclose((back * x).sum(), (cols * other).sum(), rtol=1e-12)


def test_columns_that_are_no_whole_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"col2im_indices: cols must have shape .* got \(27, 7\)"):
        col2im_indices(np.ones((27, 7)), (2, 3, 5, 4))

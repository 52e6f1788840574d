"""Images in a grid."""

import numpy as np
import pytest

from cnnlite.compat.cs231n.vis_utils import visualize_grid


def test_each_image_is_scaled_by_itself() -> None:
    images = np.stack([np.arange(6.0).reshape(2, 3, 1) * k for k in (1, -2, 3, 4, 5)])
    grid = visualize_grid(images, ubound=10, padding=1)
    assert grid.shape == (3 * 2 + 2, 3 * 3 + 2, 1)
    np.testing.assert_allclose(grid[:2, :3, 0], [[0, 2, 4], [6, 8, 10]])
    np.testing.assert_allclose(grid[:2, 4:7, 0], [[10, 8, 6], [4, 2, 0]])
    assert not grid[2].any()
    assert not grid[6:].any()  # five images leave the last row empty


def test_an_image_of_one_colour_is_black_not_nan() -> None:
    assert not visualize_grid(np.full((1, 2, 2, 3), 7)).any()


def test_what_are_no_images_is_refused() -> None:
    with pytest.raises(ValueError, match=r"visualize_grid: Xs must have shape \(N, H, W, C\)"):
        visualize_grid(np.ones((2, 2)))

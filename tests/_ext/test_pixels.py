"""Planes and sums of pictures equal their NumPy twin's, and shapes are checked first."""

import numpy as np
import pytest

from cnnlite import reference
from cnnlite.backend import kernels


@pytest.mark.parametrize("count", [0, 1, 31, 2048, 2049, 300 * 300])
@pytest.mark.parametrize(("given", "channels"), [(4, 3), (3, 3), (1, 1), (4, 1)])
def test_split_planes_equals_its_twin(rng, count: int, given: int, channels: int) -> None:
    """White pictures of 300x300 have a sum of squares beyond 32 bits."""
    pixels = rng.integers(0, 256, (count, given), dtype=np.uint8)
    pixels[:, 0] = 255
    found, expected = (
        (np.full((channels, count), fill, np.uint8), np.full((2, channels), fill, np.uint64))
        for fill in (7, 9)
    )
    kernels.split_planes(pixels, *found)
    reference.split_planes(pixels, *expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    wide = pixels[:, :channels].astype(object)
    assert found[1].tolist() == [wide.sum(axis=0).tolist(), (wide**2).sum(axis=0).tolist()]


@pytest.mark.parametrize("module", [kernels, reference])
@pytest.mark.parametrize(
    ("planes", "sums", "named"),
    [((3, 9), (2, 3), "planes"), ((5, 10), (2, 5), "planes"), ((3, 10), (2, 2), "sums")],
)
def test_shapes_that_do_not_belong_together(module, planes, sums, named) -> None:
    pixels = np.zeros((10, 4), np.uint8)
    with pytest.raises(ValueError, match=f"split_planes: {named} is "):
        module.split_planes(pixels, np.zeros(planes, np.uint8), np.zeros(sums, np.uint64))

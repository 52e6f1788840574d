"""Both backends refuse what would read or write outside an array, in the same words."""

from typing import Any

import numpy as np
import pytest

from cnnlite import _ext, reference
from cnnlite.reference.winograd import transforms

both = pytest.mark.parametrize("kernels", [_ext, reference], ids=["compiled", "reference"])


@both
def test_operands_of_a_linear_product_that_do_not_fit(kernels: Any) -> None:
    x, weight, y = np.zeros((2, 3)), np.zeros((4, 5)), np.zeros((2, 4))
    with pytest.raises(ValueError, match=r"linear_forward: .*\(2, 3\).*\(4, 5\)"):
        kernels.linear_forward(x, weight, None, y, False)
    with pytest.raises(ValueError, match="linear_weight_gradient: "):
        kernels.linear_weight_gradient(x, y, weight, None)


@both
@pytest.mark.parametrize("position", [4, 2**31 - 1])
def test_a_maximum_outside_the_image(kernels: Any, position: int) -> None:
    dy = np.ones((1, 1, 1, 1))
    argmax = np.full(dy.shape, position, np.int32)
    with pytest.raises(ValueError, match="argmax points outside the image"):
        kernels.max_pool2d_backward(dy, argmax, np.zeros((1, 1, 2, 2)))


def test_a_tile_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="transforms: tile is 3, expected 4 or 2"):
        transforms(3)

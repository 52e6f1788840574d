"""Flatten and Identity."""

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import Flatten, Identity


def test_flatten_copies_nothing_it_need_not() -> None:
    x = np.zeros((2, 3, 4, 5))
    y, cache = Flatten().forward(x)
    assert y.shape == (2, 60)
    assert y.base is x
    dx, _ = Flatten().backward(y, cache)
    assert dx is not None
    assert dx.shape == x.shape


def test_flatten_of_an_empty_batch() -> None:
    y, cache = Flatten().forward(np.zeros((0, 3, 4)))
    assert y.shape == (0, 12)
    dx, _ = Flatten().backward(y, cache)
    assert dx is not None
    assert dx.shape == (0, 3, 4)


@pytest.mark.parametrize(
    ("layer", "shape"), [(Flatten(), (3,)), (Flatten(2, 1), (2, 3, 4)), (Flatten(0, 5), (2, 3))]
)
def test_axes_that_are_not_there(layer: Any, shape: Any) -> None:
    with pytest.raises(ValueError, match=r"Flatten: x \(.*\) has no axes from"):
        layer(np.zeros(shape))


def test_wrong_inputs_and_gradients() -> None:
    with pytest.raises(TypeError, match="Flatten: x must be a NumPy array, got list"):
        Flatten()([1.0])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"Flatten: dy has shape \(5,\), x had \(2, 3\)"):
        Flatten().backward(np.zeros(5), (2, 3))


def test_identity_hands_through() -> None:
    x = np.ones(3)
    assert Identity()(x) is x
    assert Identity().backward(x, None)[0] is x

"""Layer and group normalisation: what they refuse."""

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import GroupNorm, LayerNorm


def test_each_example_by_itself() -> None:
    x = np.random.default_rng(0).standard_normal((4, 6, 3, 3))
    for layer in (LayerNorm((6, 3, 3), dtype=np.float64), GroupNorm(3, 6, dtype=np.float64)):
        np.testing.assert_allclose(layer(x)[1:2], layer(x[1:2]), rtol=1e-12)
        assert abs(layer(x)[0].mean()) < 1e-12


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LayerNorm(0), ValueError, "LayerNorm: normalized_shape is 0"),
        (lambda: LayerNorm(()), ValueError, "LayerNorm: normalized_shape is empty"),
        (lambda: LayerNorm((3, 1.5)), TypeError, "LayerNorm: normalized_shape is 1.5"),
        (lambda: LayerNorm(3, eps=-1), ValueError, "LayerNorm: eps is -1"),
        (lambda: GroupNorm(0, 3), ValueError, "GroupNorm: num_groups is 0"),
        (lambda: GroupNorm(2, 3), ValueError, "num_groups is 2, expected a divisor of num_chan"),
    ],
)
def test_wrong_arguments(make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_wrong_inputs() -> None:
    with pytest.raises(ValueError, match=r"LayerNorm: the last axes of x must be .*\(3,\)"):
        LayerNorm(3)(np.zeros((2, 4), np.float32))
    with pytest.raises(ValueError, match=r"GroupNorm: x has 6 channels, expected 4"):
        GroupNorm(2, 4)(np.zeros((2, 6), np.float32))
    with pytest.raises(TypeError, match="GroupNorm: x must be a NumPy array, got int"):
        GroupNorm(2, 4)(1)  # type: ignore[arg-type]

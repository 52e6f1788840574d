"""Layer and group normalisation: what they refuse."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from cnnlite.layers import GroupNorm, InstanceNorm2d, LayerNorm


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


def test_instance_norm_is_refused_before_any_work() -> None:
    x, one, two = np.ones((2, 3, 4, 4)), np.ones(3), np.ones(3)
    one.flags.writeable = False
    cases: list[tuple[Any, str]] = [
        ((one, two), "InstanceNorm2d: running_mean is read-only"),
        ((two, None), "InstanceNorm2d: running_mean and running_var come together"),
        ((None, None, two), "InstanceNorm2d: weight and bias come together"),
        ((None, None, None, None, False), "use_input_stats is False, expected a running_mean"),
        ((np.ones(4), np.ones(4)), r"running_mean has shape \(4,\), expected \(3,\)"),
    ]
    for arguments, message in cases:
        with pytest.raises(ValueError, match=message):
            F.instance_norm_forward(x, *arguments)
    np.testing.assert_array_equal(two, 1)
    with pytest.raises(
        ValueError, match=r"a plane needs more than one pixel, got x \(2, 3, 1, 1\)"
    ):
        F.instance_norm_forward(x[:, :, :1, :1])
    with pytest.raises(ValueError, match="InstanceNorm2d: x has 3 channels, expected 4"):
        InstanceNorm2d(4)(x)

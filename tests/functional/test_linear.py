"""The linear layer against PyTorch."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lead", [(5,), (1,), (0,), (2, 3), (2, 0, 3)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_as_torch(
    lead: Any, dtype: type, with_bias: bool, as_torch: Any, torch: Any, rng: np.random.Generator
) -> None:
    x, weight, bias = (rng.standard_normal(s).astype(dtype) for s in ((*lead, 4), (3, 4), 3))
    as_torch(
        F.linear_forward,
        F.linear_backward,
        torch.nn.functional.linear,
        x,
        weight,
        bias if with_bias else None,
    )


def test_gradients_are_derivatives(as_differences: Any, rng: np.random.Generator) -> None:
    as_differences(
        F.linear_forward, F.linear_backward, *(rng.standard_normal(s) for s in ((5, 4), (3, 4), 3))
    )


def test_need_dx_false_leaves_dx_out(rng: np.random.Generator) -> None:
    y, cache = F.linear_forward(rng.standard_normal((5, 4)), rng.standard_normal((3, 4)))
    dx, dweight, dbias = F.linear_backward(y, cache, need_dx=False)
    assert dx is None
    assert dbias is None
    np.testing.assert_array_equal(dweight, F.linear_backward(y, cache)[1])


@pytest.mark.parametrize(
    ("operands", "message"),
    [
        ((np.ones((2, 3)), np.ones((4, 5))), r"x must have shape \(N, 5\) to fit weight \(4, 5\)"),
        ((np.ones((2, 3, 4, 4)), np.ones((4, 48))), r"got \(2, 3, 4, 4\); put a Flatten before it"),
        ((np.ones(3), np.ones((4, 3))), r"x must have shape \(N, 3\)"),
        ((np.ones((2, 3)), np.ones(3)), r"weight must have shape \(out_features, in_features\)"),
        ((np.ones((2, 3)), np.ones((4, 3)), np.ones(3)), r"bias has shape \(3,\), expected \(4,\)"),
    ],
)
def test_wrong_shapes_are_refused(operands: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^Linear: .*{message}"):
        F.linear_forward(*operands)


def test_mixed_types_are_refused() -> None:
    with pytest.raises(TypeError, match="Linear: weight is float64 but x is float32"):
        F.linear_forward(np.ones((2, 3), np.float32), np.ones((4, 3)))

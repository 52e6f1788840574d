"""Layer and group normalisation against PyTorch."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "normalized"),
    [
        ((5, 4), (4,)),
        ((2, 3, 4, 5), (4, 5)),
        ((2, 3, 4, 5), (3, 4, 5)),
        ((4,), (4,)),
        ((3, 2, 4), (4,)),
        ((2, 4, 1), (4, 1)),
        ((0, 4), (4,)),
    ],
)
@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm_as_torch(
    shape: Any,
    normalized: Any,
    dtype: type,
    affine: bool,
    as_torch: Any,
    torch: Any,
    rng: np.random.Generator,
) -> None:
    x, weight, bias = (
        (rng.standard_normal(s) + 1).astype(dtype) for s in (shape, normalized, normalized)
    )
    as_torch(
        lambda x, w, b: F.layer_norm_forward(x, normalized, w, b, 1e-3),
        F.layer_norm_backward,
        lambda x, w, b: torch.nn.functional.layer_norm(x, normalized, w, b, 1e-3),
        *((x, weight, bias) if affine else (x, None, None)),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "groups"),
    [
        ((2, 6, 3, 4), 3),
        ((2, 6, 3, 4), 1),
        ((2, 6, 3, 4), 6),
        ((1, 4, 5), 2),
        ((3, 1, 2, 2), 1),
        ((3, 4), 2),
        ((0, 4, 2, 2), 2),
    ],
)
@pytest.mark.parametrize("affine", [True, False])
def test_group_norm_as_torch(
    shape: Any,
    groups: int,
    dtype: type,
    affine: bool,
    as_torch: Any,
    torch: Any,
    rng: np.random.Generator,
) -> None:
    x, weight, bias = (
        (rng.standard_normal(s) + 1).astype(dtype) for s in (shape, shape[1], shape[1])
    )
    as_torch(
        lambda x, w, b: F.group_norm_forward(x, groups, w, b, 1e-3),
        F.group_norm_backward,
        lambda x, w, b: torch.nn.functional.group_norm(x, groups, w, b, 1e-3),
        *((x, weight, bias) if affine else (x, None, None)),
    )


def test_gradients_are_derivatives(as_differences: Any, rng: np.random.Generator) -> None:
    x = rng.standard_normal((3, 4, 2, 3))
    as_differences(
        lambda x, w, b: F.layer_norm_forward(x, (2, 3), w, b),
        F.layer_norm_backward,
        x,
        rng.standard_normal((2, 3)),
        rng.standard_normal((2, 3)),
        below=1e-6,
    )
    as_differences(
        lambda x, w, b: F.group_norm_forward(x, 2, w, b),
        F.group_norm_backward,
        x,
        rng.standard_normal(4),
        rng.standard_normal(4),
        below=1e-6,
    )


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (
            lambda x: F.layer_norm_forward(x, (4, 4)),
            r"LayerNorm: the last axes of x must be normalized_shape \(4, 4\), got x \(2, 3, 4\)",
        ),
        (lambda x: F.layer_norm_forward(x, ()), "LayerNorm: normalized_shape is empty"),
        (lambda x: F.layer_norm_forward(x, 4, np.ones(3)), r"weight has shape \(3,\), expected"),
        (lambda x: F.layer_norm_forward(x, 4, None, np.ones(3)), r"bias has shape \(3,\)"),
        (lambda x: F.group_norm_forward(x, 2), "num_groups=2 does not divide the 3 channels"),
        (lambda x: F.group_norm_forward(x, 0), "GroupNorm: num_groups is 0, expected an integer"),
        (lambda x: F.group_norm_forward(x[0, 0], 1), r"GroupNorm: x must have shape \(N, C, "),
        (lambda x: F.group_norm_forward(x, 3, np.ones(4)), r"GroupNorm: weight has shape \(4,\)"),
    ],
)
def test_wrong_arguments_are_refused(forward: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        forward(np.ones((2, 3, 4)))

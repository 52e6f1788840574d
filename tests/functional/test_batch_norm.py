"""Batch normalisation against PyTorch."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from cnnlite.post_ops import PostOps

SHAPES = [(8, 3), (2, 3), (4, 3, 5, 2), (1, 3, 2, 2), (3, 3, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_as_torch_with_its_running_statistics(
    shape: Any,
    dtype: type,
    train: bool,
    affine: bool,
    as_torch: Any,
    torch: Any,
    rng: np.random.Generator,
) -> None:
    x = (2 * rng.standard_normal(shape) + 1).astype(dtype)
    gamma, beta, mean = (rng.standard_normal(3).astype(dtype) for _ in range(3))
    var = (rng.random(3) + 0.5).astype(dtype)
    their_mean, their_var = torch.tensor(mean), torch.tensor(var)
    operands = (x, gamma, beta) if affine else (x, None, None)
    as_torch(
        lambda x, g, b: F.batch_norm_forward(x, g, b, mean, var, train, 0.3, 1e-3),
        F.batch_norm_backward,
        lambda x, g, b: torch.nn.functional.batch_norm(
            x, their_mean, their_var, g, b, train, 0.3, 1e-3
        ),
        *operands,
    )
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    np.testing.assert_allclose(mean, their_mean, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(var, their_var, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (3, 3, 2, 3)])
def test_gradients_are_derivatives(
    train: bool, shape: Any, as_differences: Any, rng: np.random.Generator
) -> None:
    as_differences(
        lambda x, g, b: F.batch_norm_forward(x, g, b, np.full(3, 0.5), np.full(3, 2.0), train),
        F.batch_norm_backward,
        rng.standard_normal(shape),
        rng.standard_normal(3),
        rng.standard_normal(3),
        below=1e-6,
    )


def test_statistics_of_images_with_different_means(rng: np.random.Generator) -> None:
    """Each plane has its own mean; merging them must not lose what lies between them."""
    x = rng.standard_normal((7, 3, 4, 5))
    x += 100 * np.arange(7)[:, None, None, None]
    mean, var = np.zeros(3), np.zeros(3)
    F.batch_norm_forward(x, None, None, mean, var, True, momentum=1.0)
    np.testing.assert_allclose(mean, x.mean(axis=(0, 2, 3)), rtol=1e-14)
    np.testing.assert_allclose(var, x.var(axis=(0, 2, 3), ddof=1), rtol=1e-13)


def test_float32_keeps_its_digits_far_from_zero(rng: np.random.Generator) -> None:
    """The mean of squares minus the squared mean would have none left."""
    x = (rng.standard_normal((64, 2, 8, 8)) + 1000).astype(np.float32)
    y, _ = F.batch_norm_forward(x, None, None, None, None, True)
    exact, _ = F.batch_norm_forward(x.astype(np.float64), None, None, None, None, True)
    np.testing.assert_allclose(y, exact, atol=1e-4)


def test_running_statistics_survive_a_batch_of_none() -> None:
    mean, var = np.ones(3), np.full(3, 2.0)
    y, cache = F.batch_norm_forward(np.ones((0, 3, 2, 2)), np.ones(3), np.ones(3), mean, var, True)
    assert y.shape == (0, 3, 2, 2)
    np.testing.assert_array_equal((mean, var), (np.ones(3), np.full(3, 2.0)))
    dx, dgamma, dbeta = F.batch_norm_backward(y, cache)
    assert dx.shape == y.shape
    np.testing.assert_array_equal((dgamma, dbeta), np.zeros((2, 3)))


def test_nothing_is_updated_without_train(rng: np.random.Generator) -> None:
    mean, var = np.ones(3), np.ones(3)
    mean.flags.writeable = var.flags.writeable = False
    F.batch_norm_forward(rng.standard_normal((4, 3)), None, None, mean, var, False)


def _read_only(n: int) -> Any:
    array = np.ones(n)
    array.flags.writeable = False
    return array


ONES = np.ones(3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (np.ones((4, 3, 2, 2, 2)), ONES, ONES, ONES, ONES, True),
            r"x must have shape .*2, 2, 2\)",
        ),
        ((np.ones((4, 0)), None, None, None, None, True), r"x must have shape .*\(4, 0\)"),
        (
            (np.ones((4, 3)), np.ones(2), ONES, ONES, ONES, True),
            r"gamma has shape \(2,\), but x has 3 channels \(x \(4, 3\)\)",
        ),
        (
            (np.ones((4, 3)), ONES, ONES, ONES, np.ones((1, 3)), True),
            r"running_var has shape \(1, 3\), but x has 3 channels",
        ),
        ((np.ones((4, 3)), ONES, ONES, ONES, None, True), "must both be given, or neither"),
        ((np.ones((4, 3)), ONES, ONES, None, None, False), "train=False needs running_mean"),
        ((np.ones((4, 3)), ONES, ONES, ONES, _read_only(3), True), "running_var is read-only"),
        (
            (np.ones((1, 3)), ONES, ONES, ONES.copy(), ONES.copy(), True),
            r"training needs more than one value per channel, got x \(1, 3\)",
        ),
        ((np.ones((1, 3, 1, 1)), ONES, ONES, None, None, True), "more than one value per channel"),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^BatchNorm: .*{message}"):
        F.batch_norm_forward(*arguments)
    np.testing.assert_array_equal(ONES, 1)


def test_mixed_types_are_refused() -> None:
    with pytest.raises(TypeError, match="BatchNorm: running_mean is float64 but x is float32"):
        F.batch_norm_forward(np.ones((4, 3), np.float32), None, None, ONES, ONES, True)


def test_an_addend_that_does_not_fit_changes_nothing() -> None:
    x = np.ones((4, 3, 2, 2))
    mean, var = np.zeros(3), np.ones(3)
    for addend, error, words in (
        (np.ones((4, 3, 2, 1)), ValueError, r"BatchNorm: addend has shape \(4, 3, 2, 1\)"),
        (np.ones(x.shape, np.float32), TypeError, "BatchNorm: addend is float32 but x is float64"),
    ):
        with pytest.raises(error, match=words):
            F.batch_norm_forward(x, None, None, mean, var, True, post=PostOps(addend))
    assert (mean == 0).all()
    assert (var == 1).all()


def test_an_addend_of_any_strides(rng: np.random.Generator) -> None:
    x, addend = rng.standard_normal((4, 3, 5, 2)), rng.standard_normal((2, 5, 3, 4)).T
    y, _ = F.batch_norm_forward(x, None, None, None, None, True)
    total, _ = F.batch_norm_forward(x, None, None, None, None, True, post=PostOps(addend))
    np.testing.assert_array_equal(total, y + addend)

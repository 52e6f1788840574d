"""Softmax and its logarithm where numbers get hard."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F

PAIRS: list[tuple[str, Any, Any]] = [
    ("softmax", F.softmax_forward, F.softmax_backward),
    ("log_softmax", F.log_softmax_forward, F.log_softmax_backward),
]


@pytest.mark.parametrize(("name", "forward", "backward"), PAIRS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_stay_in_their_row(
    name: str, forward: Any, backward: Any, bad: float, torch: Any
) -> None:
    x = np.array([[1.0, bad, 2.0], [0.0, 1.0, 2.0], [bad, bad, bad]])
    with np.errstate(all="raise"):
        y, cache = forward(x)
        dx = backward(np.ones((3, 3)), cache)
    tensor = torch.tensor(x, requires_grad=True)
    theirs = getattr(torch, name)(tensor, 1)
    theirs.sum().backward()
    np.testing.assert_allclose(y, theirs.detach())
    np.testing.assert_allclose(dx, tensor.grad, atol=1e-15)
    assert np.isfinite(y[1]).all()


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_axis_and_the_memory_order_change_no_bit(
    dim: int, order: Any, rng: np.random.Generator
) -> None:
    x = rng.standard_normal((40, 50, 60)).astype(np.float32)
    for _, forward, backward in PAIRS:
        rows = np.ascontiguousarray(np.moveaxis(x, dim, -1))
        expected, cache = forward(rows, -1)
        dx = backward(rows, cache)
        y, other = forward(np.array(x, order=order), dim)
        np.testing.assert_array_equal(np.moveaxis(y, dim, -1), expected)
        back = backward(np.array(x, order=order), other)
        np.testing.assert_array_equal(np.moveaxis(back, dim, -1), dx)
        assert y.flags.c_contiguous


def test_a_million_terms_keep_their_digits() -> None:
    """Along an axis that does not lie together NumPy adds one after the other."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 1_000_000, 1)).astype(np.float32)
    dy = rng.random(x.shape).astype(np.float32)
    for _, forward, backward in PAIRS:
        y, cache = forward(x)
        exact, exact_cache = forward(x.astype(np.float64))
        np.testing.assert_allclose(y, exact, rtol=1e-5)
        dx, exact_dx = backward(dy, cache), backward(dy.astype(np.float64), exact_cache)
        assert np.abs(dx - exact_dx).max() <= 1e-5 * np.abs(exact_dx).max()


def test_large_numbers_do_not_overflow() -> None:
    x = np.array([[3e38, -3e38, 3e38]], np.float32)
    np.testing.assert_array_equal(F.softmax_forward(x)[0], [[0.5, 0, 0.5]])
    small = F.log_softmax_forward(np.array([[0.0, -1e4]]))[0]
    np.testing.assert_array_equal(small, [[0, -1e4]])


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (1, 5), (0, 3, 2)])
def test_no_rows_and_one(shape: Any) -> None:
    for _, forward, backward in PAIRS:
        y, cache = forward(np.zeros(shape, np.float32))
        dx = backward(np.ones(shape, np.float32), cache)
        assert y.shape == dx.shape == shape
        assert y.dtype == dx.dtype == np.float32


def test_log_softmax_and_nll_are_cross_entropy(rng: np.random.Generator) -> None:
    scores, targets = rng.standard_normal((5, 4, 3)), rng.integers(0, 4, (5, 3))
    log_p, cache = F.log_softmax_forward(scores)
    value, loss_cache = F.nll_loss_forward(log_p, targets)
    expected, expected_cache = F.cross_entropy_forward(scores, targets)
    np.testing.assert_allclose(value, expected)
    dscores = F.log_softmax_backward(F.nll_loss_backward(loss_cache), cache)
    np.testing.assert_allclose(dscores, F.cross_entropy_backward(expected_cache), atol=1e-16)


@pytest.mark.parametrize(
    ("x", "dim", "error", "message"),
    [
        (np.ones((2, 3)), 2, ValueError, r"dim is 2, but x has 2 axes \(x \(2, 3\)\)"),
        (np.ones((2, 3)), -3, ValueError, r"dim is -3, but x has 2 axes"),
        (np.ones(()), 0, ValueError, r"dim is 0, but x has 0 axes"),
        (np.ones((2, 0)), 1, ValueError, r"x has nothing along dim 1 \(x \(2, 0\)\)"),
        (np.ones((2, 3)), 1.0, TypeError, r"dim is 1\.0, expected an integer"),
        (np.ones((2, 3), int), 1, TypeError, "x must be float32 or float64, got int64"),
    ],
)
def test_what_is_refused(x: Any, dim: Any, error: Any, message: str) -> None:
    for name, forward in (("Softmax", F.softmax_forward), ("LogSoftmax", F.log_softmax_forward)):
        with pytest.raises(error, match=f"^{name}: {message}"):
            forward(x, dim)

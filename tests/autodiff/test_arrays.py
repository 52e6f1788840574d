"""The tape over arrays, PyTorch as the judge."""

from typing import Any

import numpy as np
import pytest

from cnnlite.autodiff import arrays
from cnnlite.autodiff.arrays import Tensor


def both(torch: Any, function: Any, *inputs: np.ndarray) -> None:
    """Same value and gradients for tensors of ours and of PyTorch's."""
    ours = [Tensor(a) for a in inputs]
    theirs = [torch.tensor(a, requires_grad=True) for a in inputs]
    y = function(arrays, *ours)
    expected = function(torch, *theirs)
    arrays.backward(y)
    expected.backward()
    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad is not None
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    "function",
    [
        lambda m, a, b: ((a + b) * (a - b) / (b * b + 2.0)).sum(),
        lambda m, a, b: (m.exp(a * 0.5) * m.log(b * b + 1.0)).mean(),
        lambda m, a, b: ((1.0 - a) ** 3 + 2.0 / (b**2 + 1.0) + 0.5 * -a).sum(),
        lambda m, a, b: ((a @ b.reshape(4, 3)) ** 2).sum(),
        lambda m, a, b: (a * a * a).sum() + a.sum() * b.sum(),
        lambda m, a, b: (2.0 + a + (3.0 - b)).sum(),
    ],
)
def test_expressions(torch: Any, rng: np.random.Generator, function: Any) -> None:
    both(torch, function, rng.standard_normal((3, 4)), rng.standard_normal((3, 4)))


@pytest.mark.parametrize(
    ("a", "b"),
    [((3, 4), (4,)), ((3, 4), (3, 1)), ((2, 1, 4), (3, 1)), ((), (2, 3)), ((1,), (1, 1))],
)
def test_broadcasting_is_undone(torch: Any, rng: np.random.Generator, a: Any, b: Any) -> None:
    """And the shape of a gradient is that of its array."""
    both(
        torch,
        lambda m, x, y: ((x * y) ** 2 + x / (y * y + 1.0) - y).sum(),
        np.asarray(rng.standard_normal(a)),
        np.asarray(rng.standard_normal(b)),
    )


def test_a_softmax_loss_written_out(torch: Any, rng: np.random.Generator) -> None:
    weights, images = rng.standard_normal((4, 3)), rng.standard_normal((5, 4))
    one_hot = np.eye(3)[[0, 2, 1, 1, 0]]

    def loss(m: Any, w: Any, x: Any) -> Any:
        e = m.exp(x @ w)
        ones = np.ones((3, 1))
        total = e @ (Tensor(ones) if m is arrays else m.tensor(ones))
        chosen = e * (one_hot if m is arrays else m.tensor(one_hot))
        return -m.log((chosen / total) @ (Tensor(ones) if m is arrays else m.tensor(ones))).mean()

    both(torch, loss, weights, images)


def test_numbers_keep_the_dtype() -> None:
    x = Tensor(np.ones(3, np.float32))
    y = ((2 * x + 1) / 3 - 0.5) ** 2
    arrays.backward(y.sum())
    assert y.data.dtype == np.float32
    assert x.grad is not None
    assert x.grad.dtype == np.float32


def test_arrays_and_tensors_may_meet_in_any_order() -> None:
    x = Tensor(np.array([1.0, 2.0]))
    y = np.array([3.0, 4.0]) * x
    assert isinstance(y, Tensor)
    arrays.backward(y, [1.0, 1.0])
    assert x.grad is not None
    assert x.grad.tolist() == [3, 4]


def test_a_second_backward_starts_anew() -> None:
    x = Tensor(np.array(3.0))
    y = x * x
    arrays.backward(y)
    arrays.backward(y)
    assert x.grad == 6


def test_adjoints_of_two_inputs_never_share_what_is_added_to() -> None:
    """x + y hands one array to both: adding to x's adjoint in place would change y's."""
    x, y = Tensor(np.ones(2)), Tensor(np.ones(2))
    arrays.backward(((x + y) + x * 5.0).sum())
    assert x.grad is not None
    assert y.grad is not None
    assert (x.grad.tolist(), y.grad.tolist()) == ([6, 6], [1, 1])


def test_seed() -> None:
    y = Tensor(np.ones(3)) * 2.0
    with pytest.raises(ValueError, match=r"shape \(3,\) needs a seed"):
        arrays.backward(y)
    with pytest.raises(ValueError, match=r"seed has shape \(2,\), expected \(3,\)"):
        arrays.backward(y, np.ones(2))


def test_matrix_product_wants_matrices() -> None:
    with pytest.raises(ValueError, match=r"needs two matrices, got shapes \(3,\) and \(3, 2\)"):
        Tensor(np.ones(3)) @ Tensor(np.ones((3, 2)))


def test_a_long_tape_does_not_exhaust_the_stack() -> None:
    y = x = Tensor(np.array(1.0))
    for _ in range(5000):
        y = y + 1.0
    arrays.backward(y)
    assert x.grad == 1


def test_listing() -> None:
    x = Tensor(np.ones((2, 3)))
    lines = arrays.listing((x * x).sum()).splitlines()
    assert [line.split() for line in lines] == [
        ["v0", "=", "input", "(2,", "3)"],
        ["v1", "=", "*(v0,", "v0)", "(2,", "3)"],
        ["v2", "=", "sum(v1)", "()"],
    ]


def test_a_tensor_says_what_it_is() -> None:
    a = Tensor(np.ones((2, 3)))
    assert repr(a) == "Tensor(input, shape (2, 3), float64)"
    assert repr(a.sum()) == "Tensor(sum, shape (), float64)"


def test_a_pullback_may_give_nothing_for_a_parent() -> None:
    a, mask = Tensor(np.ones(3)), Tensor(np.array([1.0, 0.0, 1.0]))
    y = arrays.record_operation(
        "masked", a.data * mask.data, (a, mask), lambda dy: (dy * mask.data, None)
    )
    arrays.backward(y.sum())
    assert a.grad is not None
    np.testing.assert_array_equal(a.grad, mask.data)
    assert mask.grad is None


def test_plain_arrays_on_either_side_of_a_product() -> None:
    x = Tensor(np.arange(6.0).reshape(2, 3))
    left, right = np.ones((4, 2)), np.ones((3, 5))
    arrays.backward((left @ x @ right).sum())
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad, np.full((2, 3), 20.0))


def test_what_is_no_number_is_refused() -> None:
    x = Tensor(np.ones(3))
    with pytest.raises(TypeError, match="needs a number, got Tensor"):
        x**x  # type: ignore[operator]
    with pytest.raises(TypeError, match="None is no number"):
        x + None

"""Corners of the tape over arrays, PyTorch as the judge: integers, zeros, axes, shared memory."""

import gc
import itertools
from typing import Any

import numpy as np
import pytest

from cnnlite.autodiff import arrays, networks
from cnnlite.autodiff.arrays import Tensor

DTYPES = [np.int64, np.int8, np.uint8, np.bool_, np.float32, np.float64]


def gradients(y: Tensor, *of: Tensor, seed: Any = None) -> list[np.ndarray]:
    arrays.backward(y, seed)
    found = []
    for tensor in of:
        assert tensor.grad is not None
        assert tensor.grad.dtype == tensor.data.dtype
        assert tensor.grad.shape == tensor.shape
        found.append(tensor.grad)
    return found


OPERATIONS: dict[str, Any] = {
    "a + b": lambda m, a, b: a + b,
    "a - b": lambda m, a, b: a - b,
    "a * b": lambda m, a, b: a * b,
    "a / b": lambda m, a, b: a / b,
    "a @ b.T": lambda m, a, b: a @ b.reshape(3, 2),
    "a * 0.5": lambda m, a, b: a * 0.5 + b * 0,
    "0.5 + a": lambda m, a, b: 0.5 + a + b * 0,
    "1 - a": lambda m, a, b: 1 - a + b * 0,
    "2 / (a + 1)": lambda m, a, b: 2 / (a + 1) + b * 0,
    "a ** 2": lambda m, a, b: a**2 + b * 0,
    "a ** 0": lambda m, a, b: a**0 + b * 0,
    "b ** -1": lambda m, a, b: b**-1 + a * 0,
    "b ** 0.5": lambda m, a, b: b**0.5 + a * 0,
    "2 ** a": lambda m, a, b: 2**a + b * 0,
    "abs": lambda m, a, b: abs(a - b),
    "exp log": lambda m, a, b: m.exp(a) * m.log(b),
    "-a": lambda m, a, b: -a * b,
    "sum": lambda m, a, b: a.sum() + b,
    "mean": lambda m, a, b: a.mean() * b,
}


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_operation_truncates(torch: Any, name: str, dtype: Any) -> None:
    """Integers count as floats from the start: no product is cut, no byte overflows."""
    inputs = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype), np.ones((2, 3)).astype(dtype)
    if dtype is not np.bool_:
        inputs = np.array([[0, 1, 3], [100, 7, 2]]).astype(dtype), inputs[1] * 2 + inputs[1]
    if name in ("exp log", "2 ** a"):
        inputs = inputs[0] // 2 if dtype is not np.bool_ else inputs[0], inputs[1]
    ours = [Tensor(a) for a in inputs]
    wide = np.float32 if dtype is np.float32 else np.float64
    theirs = [torch.tensor(a.astype(wide), requires_grad=True) for a in inputs]
    y, expected = OPERATIONS[name](arrays, *ours), OPERATIONS[name](torch, *theirs)
    assert y.data.dtype == wide
    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=1e-6)
    expected.sum().backward()
    seed = np.ones(y.shape, dtype)
    for grad, tensor in zip(gradients(y, *ours, seed=seed), theirs, strict=True):
        np.testing.assert_allclose(grad, tensor.grad.numpy(), rtol=1e-5)


def test_integers_times_a_half() -> None:
    """It was [0 0 0]."""
    assert (Tensor([1, 2, 3]) * 0.5).data.tolist() == [0.5, 1.0, 1.5]
    assert (np.array([1, 2, 3]) * Tensor(np.float32([0.5, 0.5, 0.5]))).data.dtype == np.float32


@pytest.mark.parametrize("seed", [[0.5, 0.25], np.float32([0.5, 0.25])])
def test_a_seed_of_an_integer_tensor_is_not_truncated(seed: Any) -> None:
    (grad,) = gradients((x := Tensor([1, 2])) * 3, x, seed=seed)
    assert grad.tolist() == [1.5, 0.75]


@pytest.mark.parametrize(
    "bad", [np.array([1j]), np.array([None]), ["a"], np.array(["2020"], "M8[Y]"), Tensor([1.0])]
)
def test_what_has_no_derivative_is_refused_everywhere(bad: Any) -> None:
    x = Tensor([1.0])
    if not isinstance(bad, Tensor):
        for combine in (lambda: x + bad, lambda: x @ bad, lambda: arrays.backward(x, bad)):
            with pytest.raises(TypeError, match="expected real numbers"):
                combine()
    with pytest.raises(TypeError, match=r"Tensor: data is .*, expected real numbers"):
        Tensor(bad)


POWERS = [0, 0.0, 1, 2, 3, 0.5, -1, -0.5, 1.5, True, np.int64(2), np.float32(0.5)]


@pytest.mark.parametrize("power", POWERS, ids=str)
def test_powers_of_zero_and_of_negative_numbers(torch: Any, power: Any) -> None:
    """0 ** 0 has derivative 0; it was NaN.  0 ** 0.5 has infinity, (-2) ** 0.5 NaN, unwarned."""
    numbers = np.array([0.0, 1.0, 2.0, -2.0, np.inf, np.nan])
    x, theirs = Tensor(numbers), torch.tensor(numbers, requires_grad=True)
    y, expected = x**power, theirs ** float(power)
    expected.sum().backward()
    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(*gradients(y, x, seed=np.ones(6)), theirs.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("base", [0, 2, -2.0, 0.5, 1])
def test_a_number_to_a_tensor(torch: Any, base: float) -> None:
    numbers = np.array([0.0, 1.0, 2.0, -1.0, 0.5])
    x, theirs = Tensor(numbers), torch.tensor(numbers, requires_grad=True)
    y, expected = base**x, base**theirs
    expected.sum().backward()
    np.testing.assert_allclose(y.data, expected.detach().numpy())
    np.testing.assert_allclose(*gradients(y, x, seed=np.ones(5)), theirs.grad.numpy())


@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: m.log(x),
        lambda m, x: 1 / x,
        lambda m, x: x / x,
        lambda m, x: m.exp(x * 1000),
        lambda m, x: abs(x),
        lambda m, x: (x * 1e200) * 1e200,
    ],
)
def test_what_is_not_finite_is_as_in_torch_and_no_warning(torch: Any, function: Any) -> None:
    numbers = np.array([0.0, -1.0, 2.0, np.nan, np.inf])
    x, theirs = Tensor(numbers), torch.tensor(numbers, requires_grad=True)
    y, expected = function(arrays, x), function(torch, theirs)
    expected.sum().backward()
    with np.errstate(all="raise"):
        found = gradients(function(arrays, x), x, seed=np.ones(5))
    assert x.grad is not None
    np.testing.assert_allclose(y.data, expected.detach().numpy())
    np.testing.assert_allclose(found[0], theirs.grad.numpy())


class TestEachGradientIsItsOwn:
    @pytest.mark.parametrize(
        "function",
        [
            lambda a, b: a + b,
            lambda a, b: a - b,
            lambda a, b: (a + b).sum(),
            lambda a, b: a.sum() + b.sum(),
            lambda a, b: a.sum(axis=0) + b.mean(axis=0),
            lambda a, b: a.reshape(6) + b.reshape(6),
            lambda a, b: abs(a) + (-b),
            lambda a, b: a.reshape(6).reshape(2, 3) + b,
        ],
    )
    def test_and_may_be_written_to(self, function: Any) -> None:
        a, b = Tensor(np.ones((2, 3))), Tensor(np.full((2, 3), 2.0))
        y = function(a, b)
        seed = np.ones(y.shape)
        arrays.backward(y, seed)
        found = [t.grad for t in arrays.tape_of(y) if t.grad is not None]
        assert len(found) >= 3
        memory = [seed, a.data, b.data, *found]
        for one, other in itertools.combinations(memory, 2):
            assert not np.shares_memory(one, other)
        for array in found:
            array *= 2  # it was read-only after sum()

    def test_of_a_pullback_that_keeps_what_it_gave(self) -> None:
        kept = np.ones(3)
        x = Tensor(np.zeros(3))
        y = arrays.record_operation("kept", x.data, (x,), lambda dy: (kept,))
        (grad,) = gradients(y.sum(), x)
        grad += 1
        assert kept.tolist() == [1, 1, 1]

    def test_without_axes_it_is_still_an_array(self) -> None:
        x = Tensor(3.0)
        (grad,) = gradients(x * 2.0 + x, x)
        assert isinstance(grad, np.ndarray)
        assert grad == 3


AXES = [None, 0, 1, -1, (0,), (0, 2), (-1, 0), (0, 1, 2)]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("method", ["sum", "mean"])
def test_sums_over_axes(
    torch: Any, rng: np.random.Generator, method: str, axis: Any, keepdims: bool
) -> None:
    numbers = rng.standard_normal((2, 3, 4))
    x, theirs = Tensor(numbers), torch.tensor(numbers, requires_grad=True)
    y = getattr(x, method)(axis, keepdims)
    expected = getattr(theirs, method)(dim=axis, keepdim=keepdims)
    seed = rng.standard_normal(expected.shape)
    expected.backward(torch.tensor(seed))
    assert y.shape == tuple(expected.shape)
    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(*gradients(y, x, seed=seed), theirs.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("axis", [3, -4, (0, 0)])
def test_an_axis_that_is_not_there(axis: Any) -> None:
    with pytest.raises(ValueError, match="axis"):
        Tensor(np.ones((2, 3, 4))).sum(axis)


@pytest.mark.parametrize("function", [lambda x: x.sum(), lambda x: x.sum(0).sum()])
def test_a_long_sum_in_float32_keeps_its_digits(function: Any) -> None:
    x = Tensor(np.full((1_000_000, 1), 0.1, np.float32))
    assert float(function(x)) == pytest.approx(100_000, rel=1e-6)
    bias = Tensor(np.zeros(1, np.float32))
    (grad,) = gradients(bias + x, bias, seed=x.data)  # what broadcasting is undone by
    assert grad.item() == pytest.approx(100_000, rel=1e-6)


@pytest.mark.parametrize(
    ("a", "b"),
    [((0,), (0,)), ((0, 3), (3,)), ((0, 3), (1, 3)), ((2, 0), ()), ((1, 3), (2, 1, 1))],
)
def test_empty_arrays_and_leading_axes(torch: Any, a: Any, b: Any) -> None:
    ours = [Tensor(np.ones(a)), Tensor(np.full(b, 2.0))]
    theirs = [torch.ones(a, requires_grad=True), torch.full(b, 2.0, requires_grad=True)]
    expected = (theirs[0] * theirs[1] + theirs[1]).sum()
    expected.backward()
    y = (ours[0] * ours[1] + ours[1]).sum()
    assert float(y) == expected.item()
    for grad, tensor in zip(gradients(y, *ours), theirs, strict=True):
        np.testing.assert_array_equal(grad, tensor.grad.numpy())


def test_the_mean_of_nothing_is_nan_and_the_sum_0() -> None:
    assert np.isnan(Tensor(np.ones((0, 3))).mean(axis=0).data).all()
    assert Tensor(np.ones((0, 3))).sum(axis=0).data.tolist() == [0, 0, 0]


@pytest.mark.parametrize("a", [np.float32, np.float64])
@pytest.mark.parametrize("b", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,)], ids=str)
def test_dtypes_meet_as_in_torch_and_gradients_keep_their_own(
    torch: Any, a: Any, b: Any, shape: Any
) -> None:
    numbers = np.ones(3, a), np.ones(shape, b)
    ours, theirs = [Tensor(n) for n in numbers], [torch.tensor(n) for n in numbers]
    y = ours[0] * ours[1]
    assert y.data.dtype == (theirs[0] * theirs[1]).numpy().dtype
    gradients(y.sum(), *ours)  # checks their dtypes


def test_numbers_of_numpy_keep_the_dtype_too() -> None:
    x = Tensor(np.ones(3, np.float32))
    for number in (2, 2.0, True, np.float64(2), np.int64(2), np.array(2.0), 1e300):
        assert (x * number).data.dtype == (number / (x + 1)).data.dtype == np.float32


def test_a_tensor_used_by_two_results() -> None:
    x = Tensor([2.0])
    y, z = x * x, x * 5.0
    assert [gradients(r, x)[0].item() for r in (y, z, y)] == [4, 5, 4]


def test_an_input_alone() -> None:
    (grad,) = gradients(x := Tensor([2.0]), x)
    assert grad.tolist() == [1]


def test_augmented_assignment_changes_no_tensor() -> None:
    x = y = Tensor([2.0])
    y *= 3
    y += x
    assert (x.data.item(), y.data.item()) == (2, 8)
    array = np.array([1.0])
    with pytest.raises(TypeError, match="operand 'Tensor' does not support ufuncs"):
        array += x
    assert gradients(y, x)[0].tolist() == [4]


def test_comparisons_are_arrays_of_booleans() -> None:
    x = Tensor([-1, 0, 2])
    for other in (0, [0, 0, 0], np.zeros(3), Tensor([0, 0, 0])):
        assert [a.tolist() for a in (x < other, x <= other, x > other, x >= other)] == [
            [True, False, False], [True, True, False], [False, False, True], [False, True, True],
        ]  # fmt: skip
        assert [(x == other).tolist(), (x != other).tolist()] == [
            [False, True, False], [True, False, True],
        ]  # fmt: skip
    assert (np.zeros(3) < x).tolist() == [False, False, True]
    (grad,) = gradients((x * (x > 0)).sum(), x)
    assert grad.tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    assert Tensor(1.0)
    assert len({x, x, Tensor([1])}) == 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: arrays.backward(x.data), TypeError, "result is a ndarray, expected a Tensor"),
        (lambda x: arrays.backward(x, 1.0), ValueError, r"seed has shape \(\), expected \(2,\)"),
        (lambda x: x @ x, ValueError, "needs two matrices"),
        (
            lambda x: x.reshape(1, 2) @ x.reshape(1, 2),
            ValueError,
            r"got shapes \(1, 2\) and \(1, 2\), expected as many columns as rows",
        ),
        (lambda x: x + np.ones(3), ValueError, "broadcast"),
        (lambda x: x ** np.ones(2), TypeError, "needs a number, got ndarray"),
        (lambda x: x**1j, TypeError, "needs a number, got complex"),
        (
            lambda x: arrays.backward(
                arrays.record_operation("mine", x.data, [x], lambda dy: [np.ones(3)]), [1, 1]
            ),
            ValueError,
            r"mine: the gradient has shape \(3,\), expected \(2,\)",
        ),
        (
            lambda x: networks.linear(x.reshape(1, 2), Tensor(np.ones((3, 2))), bias=Tensor([1])),
            TypeError,
            "linear: bias is a Tensor: give tensors by their place",
        ),
    ],
)
def test_what_is_wrong_is_said(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(Tensor([1.0, 2.0]))


def test_a_chain_of_100000_operations() -> None:
    y = x = Tensor(1.0)
    for _ in range(100_000):
        y = y + 1.0
    assert gradients(y, x)[0] == 1
    del y
    gc.collect()


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_mean_of_unreduced_losses(
    torch: Any, rng: np.random.Generator, reduction: str, dtype: Any
) -> None:
    """It ended in a TypeError of float()."""
    numbers, targets = rng.standard_normal((5, 3)).astype(dtype), np.array([0, 2, 1, 1, 0])
    weights = rng.random(5).astype(dtype) if reduction == "none" else np.ones(1, dtype)
    x, theirs = Tensor(numbers), torch.tensor(numbers, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(theirs, torch.tensor(targets), reduction=reduction)
    (expected * torch.tensor(weights)).mean().backward()
    loss = networks.cross_entropy(x, targets, reduction=reduction)
    assert loss.shape == tuple(expected.shape)
    (grad,) = gradients((loss * weights).mean(), x)
    np.testing.assert_allclose(grad, theirs.grad.numpy(), rtol=1e-5, atol=1e-7)


def test_an_unreduced_loss_needs_a_seed_of_its_shape() -> None:
    x = Tensor(np.zeros((2, 3)))
    loss = networks.cross_entropy(x, [0, 1], reduction="none")
    with pytest.raises(ValueError, match=r"a result of shape \(2,\) needs a seed"):
        arrays.backward(loss)
    (grad,) = gradients(loss, x, seed=[1, 0])
    assert not grad[1].any()


@pytest.mark.parametrize("method", ["sum", "mean"])
@pytest.mark.parametrize(
    ("axis", "error", "message"),
    [
        (2, ValueError, "Tensor: axis is 2, expected an integer from -2 to 1"),
        (True, TypeError, "Tensor: axis is True"),
        (1.0, TypeError, "Tensor: axis is 1.0"),
        ((0, -2), ValueError, r"Tensor: axis is \(0, -2\), expected each axis once"),
    ],
)
def test_a_wrong_axis_ended_in_a_raw_error_of_numpy(
    method: str, axis: Any, error: type[Exception], message: str
) -> None:
    x = Tensor(np.ones((2, 3)))
    with pytest.raises(error, match=message):
        getattr(x, method)(axis)
    assert getattr(x, method)([0, 1]).shape == ()

"""CS 7643's modules: state in the layer, the course's first weights, gradients."""

from typing import Any

import numpy as np
import pytest

from cnnlite.compat.cs7643.modules import (
    Conv2D,
    Linear,
    MaxPooling,
    ReLU,
    SoftmaxCrossEntropy,
    conv_classifier,
    convolution,
    linear,
    max_pool,
    relu,
    softmax_ce,
)
from cnnlite.compat.cs7643.optimizer import _base_optimizer, sgd
from cnnlite.gradcheck import numeric_gradient, relative_error

pytestmark = pytest.mark.usefixtures("course_seed")
Rng = np.random.Generator


def assert_gradients(module: Any, x: np.ndarray, rng: Rng) -> None:
    dout = rng.standard_normal(module.forward(x).shape)
    module.backward(dout)
    dx, dw, db = module.dx, getattr(module, "dw", None), getattr(module, "db", None)
    pairs = [(x, dx)] if dw is None else [(x, dx), (module.weight, dw), (module.bias, db)]
    for array, gradient in pairs:
        numeric = numeric_gradient(lambda _: module.forward(x), array, dout)
        assert relative_error(numeric, gradient, floor=1e-5) < 1e-6


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: Conv2D(in_channels=3, out_channels=2, stride=1, padding=1), (4, 3, 5, 5)),
        (lambda: Conv2D(3, 3, 4, 2, 1), (2, 3, 4, 4)),
        (lambda: Linear(6, 5), (10, 2, 3)),
        (lambda: MaxPooling(kernel_size=2, stride=2), (3, 2, 8, 8)),
        (lambda: MaxPooling(3, 1), (1, 2, 5, 5)),
        (ReLU, (7, 10)),
    ],
)  # fmt: skip
def test_gradients_are_derivatives(make: Any, shape: tuple[int, ...], rng: Rng) -> None:
    module = make()
    if hasattr(module, "weight"):  # set from outside, as the course's tests do
        module.weight = rng.standard_normal(module.weight.shape)
        module.bias = rng.standard_normal(module.bias.shape)
    assert_gradients(module, rng.standard_normal(shape), rng)


@pytest.mark.parametrize(
    ("make", "shape"), [(lambda: Conv2D(3, 4, 2), (4, 3, 2, 2)), (lambda: Linear(6, 5), (6, 5))]
)
def test_first_weights_are_the_courses(make: Any, shape: tuple[int, ...]) -> None:
    np.random.seed(7)  # noqa: NPY002 - whatever it was before
    module = make()
    np.random.seed(1024)  # noqa: NPY002
    np.testing.assert_array_equal(module.weight, 1e-3 * np.random.randn(*shape))  # noqa: NPY002
    assert not module.bias.any()
    assert module.cache is module.dx is module.dw is module.db is None


def test_linear_weights_are_in_by_out(rng: Rng) -> None:
    module = Linear(120, 3)
    x = rng.standard_normal((2, 4, 5, 6))
    np.testing.assert_allclose(
        module.forward(x), x.reshape(2, 120) @ module.weight + module.bias, rtol=1e-12
    )


def test_convolution_as_torch(torch: Any, rng: Rng) -> None:
    module = Conv2D(3, 3, 4, stride=2, padding=1)
    x = rng.standard_normal((2, 3, 4, 4))
    tensors = map(torch.tensor, (x, module.weight, module.bias))
    expected = torch.nn.functional.conv2d(*tensors, stride=2, padding=1)
    np.testing.assert_allclose(module.forward(x), expected.numpy(), rtol=1e-9, atol=1e-15)


def test_softmax_gives_probabilities_and_loss(rng: Rng) -> None:
    criterion = SoftmaxCrossEntropy()
    scores, y = rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    probs, loss = criterion.forward(scores, y)
    e = np.exp(scores)
    np.testing.assert_allclose(probs, e / e.sum(axis=1, keepdims=True), rtol=1e-12)
    assert loss == pytest.approx(-np.log(probs[np.arange(6), y]).mean())
    criterion.backward()
    np.testing.assert_allclose(criterion.dx, (probs - np.eye(4)[y]) / 6, rtol=1e-12)


@pytest.mark.parametrize("make", [lambda: Conv2D(3, 2), lambda: Linear(75, 2)])
def test_a_dx_that_waits_is_that_of_the_weights_that_forward_used(make: Any, rng: Rng) -> None:
    x = rng.standard_normal((2, 3, 5, 5))
    one, other = make(), make()
    dout = rng.standard_normal(one.forward(x).shape)
    other.forward(x)
    one.backward(dout)
    other.backward(dout, need_dx=False)
    other.weight += 1  # as a student's optimizer moves it
    np.testing.assert_array_equal(one.dx, other.dx)
    np.testing.assert_array_equal(one.dw, other.dw)


@pytest.mark.parametrize("module", [Conv2D(1, 1), Linear(1, 1), MaxPooling(2, 2), ReLU()])
def test_backward_without_forward_is_an_error(module: Any) -> None:
    name = type(module).__name__
    with pytest.raises(RuntimeError, match=f"{name}: backward needs a forward before it"):
        module.backward(np.ones((1, 1)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Conv2D(0, 1), "Conv2D: in_channels is 0"),
        (lambda: Conv2D(1, 1, padding=-1), "Conv2D: padding is -1"),
        (lambda: Linear(1, 0), "Linear: out_dim is 0"),
        (lambda: MaxPooling(2, 0), "MaxPooling: stride is 0"),
    ],
)
def test_wrong_arguments_are_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_every_file_greets_as_the_notebook_expects(capsys: pytest.CaptureFixture[str]) -> None:
    files = (
        conv_classifier, softmax_ce, linear, relu, max_pool, convolution, _base_optimizer, sgd,
    )  # fmt: skip
    for file in files:
        file.hello_do_you_copy()
    names = [file.__name__.rpartition(".")[2] for file in files]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"Roger that from {name}.py!" for name in names]

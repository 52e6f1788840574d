"""The course's convolutional network."""

from typing import Any

import numpy as np
import pytest

from cnnlite.compat.cs231n.classifiers import cnn
from cnnlite.compat.cs231n.classifiers.cnn import ThreeLayerConvNet
from cnnlite.gradcheck import numeric_gradient, relative_error

pytestmark = pytest.mark.usefixtures("course_seed")


def small(**options: Any) -> ThreeLayerConvNet:
    return ThreeLayerConvNet((3, 8, 8), 3, 3, 7, 5, weight_scale=0.3, dtype=np.float64, **options)


def test_loss_and_gradients_as_torch(torch: Any, rng: np.random.Generator) -> None:
    model = small(reg=0.1)
    X, y = rng.standard_normal((4, 3, 8, 8)), rng.integers(0, 5, 4)
    params = {key: torch.tensor(array, requires_grad=True) for key, array in model.params.items()}
    F = torch.nn.functional
    out = F.conv2d(torch.tensor(X), params["W1"], params["b1"], padding=1)
    out = F.max_pool2d(out.relu(), 2).flatten(1)
    out = (out @ params["W2"] + params["b2"]).relu() @ params["W3"] + params["b3"]
    squares = sum((params[key] ** 2).sum() for key in ("W1", "W2", "W3"))
    expected = F.cross_entropy(out, torch.tensor(y)) + 0.05 * squares
    expected.backward()
    loss, grads = model.loss(X, y)
    np.testing.assert_allclose(model.loss(X), out.detach().numpy(), rtol=1e-9)
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    for key, tensor in params.items():
        np.testing.assert_allclose(grads[key], tensor.grad.numpy(), rtol=1e-8, atol=1e-12)


def test_gradients_follow_parameters_that_change_in_place(rng: np.random.Generator) -> None:
    """As a numeric gradient changes them: nothing is prepared once and kept."""
    model = small()
    X, y = rng.standard_normal((2, 3, 8, 8)), rng.integers(0, 5, 2)
    _, grads = model.loss(X, y)
    for key, array in model.params.items():
        numeric = numeric_gradient(lambda _: model.loss(X, y)[0], array, h=1e-6)
        assert relative_error(numeric, grads[key], floor=1e-5) < 1e-4, key


def test_chance_costs_log_10_and_regularisation_adds(rng: np.random.Generator) -> None:
    model = ThreeLayerConvNet()
    X, y = rng.standard_normal((50, 3, 32, 32)), rng.integers(0, 10, 50)
    loss, grads = model.loss(X, y)
    assert loss == pytest.approx(np.log(10), abs=1e-3)
    model.reg = 0.5
    assert model.loss(X, y)[0] > loss + 0.1
    assert {array.dtype for array in (*model.params.values(), *grads.values())} == {
        np.dtype(np.float32)
    }
    assert model.params["W2"].shape == (32 * 16 * 16, 100)


def test_an_odd_image_is_halved_downwards(rng: np.random.Generator) -> None:
    model = ThreeLayerConvNet((1, 9, 7), 2, 5, 3, 4, dtype=np.float64)
    X, y = rng.standard_normal((2, 1, 9, 7)), np.array([0, 3])
    assert model.loss(X).shape == (2, 4)
    assert model.loss(X, y)[1]["W2"].shape == (2 * 4 * 3, 3)


def test_hands_on_the_layers_as_the_courses_file_does() -> None:
    names = {"conv_forward_naive", "conv_forward_fast", "conv_relu_pool_forward", "softmax_loss"}
    assert {"ThreeLayerConvNet", *names} <= set(cnn.__all__)
    assert all(hasattr(cnn, name) for name in cnn.__all__)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"num_filters": 0}, "num_filters is 0"), ({"input_dim": (3, 32, -1)}, "input_dim is -1")],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"ThreeLayerConvNet: {message}"):
        ThreeLayerConvNet(**options)


@pytest.mark.parametrize(
    ("size", "message"),
    [((3, 32), r"\(3, 32\), expected \(C, H, W\)"), ((3, 1, 8), "1, expected an integer from 2")],
)
def test_images_that_cannot_be_pooled_are_named(size: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^ThreeLayerConvNet: input_dim is {message}"):
        ThreeLayerConvNet(size)

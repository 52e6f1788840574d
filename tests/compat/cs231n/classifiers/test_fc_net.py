"""The course's fully connected networks: published losses made again, gradients, options."""

from typing import Any

import numpy as np
import pytest

from cnnlite.compat.cs231n.classifiers import fc_net
from cnnlite.compat.cs231n.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from cnnlite.gradcheck import numeric_gradient, relative_error

pytestmark = pytest.mark.usefixtures("course_seed")


def softmax_loss(scores: np.ndarray, y: np.ndarray) -> float:
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(y)), y].mean())


def assert_gradients(model: Any, X: np.ndarray, y: np.ndarray) -> None:
    _, grads = model.loss(X, y)
    assert grads.keys() == model.params.keys()
    for key, array in model.params.items():
        numeric = numeric_gradient(lambda _: model.loss(X, y)[0], array)
        assert grads[key].shape == array.shape
        assert relative_error(numeric, grads[key], floor=1e-5) < 1e-5, key


@pytest.mark.parametrize("reg", [0, 3.14])
def test_first_loss_is_that_of_the_courses_weights(reg: float) -> None:
    """np.random.randn layer by layer, times the scale; the notebook's seed and sizes."""
    X, y = np.random.randn(2, 15), np.random.randint(10, size=2)  # noqa: NPY002
    state = np.random.get_state()  # noqa: NPY002
    model = FullyConnectedNet(
        [20, 30], input_dim=15, num_classes=10, reg=reg, weight_scale=5e-2, dtype=np.float64
    )
    np.random.set_state(state)  # noqa: NPY002
    weights = [5e-2 * np.random.randn(*s) for s in ((15, 20), (20, 30), (30, 10))]  # noqa: NPY002
    scores = np.maximum(np.maximum(X @ weights[0], 0) @ weights[1], 0) @ weights[2]
    expected = softmax_loss(scores, y) + 0.5 * reg * sum((w**2).sum() for w in weights)
    np.testing.assert_allclose(model.loss(X), scores, rtol=1e-12)
    assert model.loss(X, y)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("reg", [0, 0.7])
@pytest.mark.parametrize("keep", [1, 0.75])
@pytest.mark.parametrize("normalization", [None, "batchnorm", "layernorm"])
def test_gradients_are_derivatives(
    normalization: str | None, keep: float, reg: float, rng: np.random.Generator
) -> None:
    X, y = rng.standard_normal((4, 3, 5)), rng.integers(0, 5, 4)
    model = FullyConnectedNet(
        [8, 7], 15, 5, keep, normalization, reg, weight_scale=0.5, dtype=np.float64, seed=123
    )
    assert_gradients(model, X, y)


def test_two_layers_are_their_formula(rng: np.random.Generator) -> None:
    model = TwoLayerNet(input_dim=5, hidden_dim=50, num_classes=7, weight_scale=0.3, reg=0.7)
    X, y = rng.standard_normal((5, 3)).T, np.array([0, 5, 1])  # not contiguous, as the notebook's
    w1, b1, w2, b2 = (model.params[key] for key in ("W1", "b1", "W2", "b2"))
    assert not b1.any()
    assert not b2.any()
    scores = np.maximum(X @ w1 + b1, 0) @ w2 + b2
    np.testing.assert_allclose(model.loss(X), scores, rtol=1e-12)
    expected = softmax_loss(scores, y) + 0.35 * ((w1**2).sum() + (w2**2).sum())
    assert model.loss(X, y)[0] == pytest.approx(expected, rel=1e-12)
    assert_gradients(model, X, y)


def test_first_weights_have_the_scale() -> None:
    model = TwoLayerNet(weight_scale=1e-3)
    assert model.params["W1"].dtype == np.float64
    assert model.params["W1"].shape == (3072, 100)
    assert abs(model.params["W1"].std() - 1e-3) < 1e-4
    assert abs(model.params["W2"].std() - 1e-3) < 1e-4


def test_dropout_is_the_name_until_2020(rng: np.random.Generator) -> None:
    X, y = rng.standard_normal((4, 15)), rng.integers(0, 5, 4)
    losses = []
    for options in ({"dropout": 0.5}, {"dropout_keep_ratio": 0.5}):
        np.random.seed(1)  # noqa: NPY002
        model = FullyConnectedNet([8], 15, 5, seed=3, **options)  # type: ignore[arg-type]
        losses.append(model.loss(X, y)[0])
    assert losses[0] == losses[1]
    assert not FullyConnectedNet([8], dropout=1).use_dropout


def test_without_y_it_is_inference(rng: np.random.Generator) -> None:
    X = rng.standard_normal((20, 6)) + 3
    model = FullyConnectedNet([5], 6, 3, 0.5, "batchnorm", weight_scale=1.0, dtype=np.float64)
    for _ in range(50):
        model.loss(X, rng.integers(0, 3, 20))
    statistics = dict(model.bn_params[0])
    np.testing.assert_array_equal(model.loss(X), model.loss(X))
    assert model.bn_params[0]["mode"] == model.dropout_param["mode"] == "test"
    np.testing.assert_array_equal(model.bn_params[0]["running_mean"], statistics["running_mean"])
    a = X @ model.params["W1"]
    np.testing.assert_allclose(statistics["running_var"], a.var(axis=0), rtol=0.01)


def test_computes_in_its_dtype_whatever_the_images_are(rng: np.random.Generator) -> None:
    model = FullyConnectedNet([8], 15, 5, normalization="batchnorm")
    _, grads = model.loss(rng.standard_normal((4, 15)), rng.integers(0, 5, 4))
    assert {array.dtype for array in (*grads.values(), *model.params.values())} == {
        np.dtype(np.float32)
    }
    assert model.loss(np.zeros((2, 15), np.uint8)).dtype == np.float32


def test_a_network_without_hidden_layers_is_a_classifier(rng: np.random.Generator) -> None:
    model = FullyConnectedNet([], 6, 3, weight_scale=1.0, dtype=np.float64)
    X = rng.standard_normal((4, 6))
    np.testing.assert_allclose(model.loss(X), X @ model.params["W1"], rtol=1e-12)
    assert_gradients(model, X, np.array([0, 1, 2, 0]))


def test_hands_on_the_layers_as_the_courses_file_does() -> None:
    names = {"affine_forward", "relu_backward", "batchnorm_backward_alt", "affine_relu_forward"}
    assert {"TwoLayerNet", "svm_loss", "dropout_forward", *names} <= set(fc_net.__all__)
    assert all(hasattr(fc_net, name) for name in fc_net.__all__)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"normalization": "instancenorm"}, ValueError, "normalization is 'instancenorm'"),
        ({"dropout": 0}, ValueError, "dropout_keep_ratio is 0"),
        ({"dtype": np.int64}, TypeError, "dtype is .*int64"),
        ({"input_dim": 0}, ValueError, "is 0"),
    ],
)
def test_wrong_options_are_named(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"FullyConnectedNet: .*{message}"):
        FullyConnectedNet([8], **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FullyConnectedNet(3), "FullyConnectedNet: hidden_dims is 3, expected a list"),
        (lambda: FullyConnectedNet([3], weight_scale="x"), "FullyConnectedNet: weight_scale is"),
        (lambda: TwoLayerNet(weight_scale=None), "TwoLayerNet: weight_scale is None, expected"),
    ],
)
def test_sizes_and_scales_that_are_none_are_named(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        make()

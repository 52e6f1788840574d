"""The numbers that CS231n's public notebooks print for their seeds, and the names they import.

They are those of assignment 2, 2018 to 2026: FullyConnectedNets, BatchNormalization, Dropout and
ConvolutionalNetworks; the cells in question are the same in all years.
"""

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from cnnlite.compat.cs231n.classifiers.cnn import ThreeLayerConvNet
from cnnlite.compat.cs231n.classifiers.fc_net import (
    FullyConnectedNet,
    TwoLayerNet,
    batchnorm_forward,
    dropout_forward,
    softmax_loss,
    spatial_batchnorm_forward,
    svm_loss,
)

pytestmark = pytest.mark.usefixtures("course_seed")

NAMES = {
    "classifiers.fc_net": "FullyConnectedNet TwoLayerNet affine_forward batchnorm_forward",
    "classifiers.cnn": "ThreeLayerConvNet conv_forward_naive conv_forward_fast",
    "data_utils": "get_CIFAR10_data",
    "gradient_check": "eval_numerical_gradient eval_numerical_gradient_array",
    "solver": "Solver",
    "layers": "affine_backward batchnorm_backward_alt layernorm_backward dropout_backward "
    "spatial_batchnorm_backward spatial_groupnorm_backward spatial_groupnorm_quick_backward",
    "layer_utils": "affine_relu_forward affine_relu_backward conv_relu_forward conv_relu_backward "
    "conv_relu_pool_forward conv_relu_pool_backward conv_bn_relu_forward conv_bn_relu_backward "
    "affine_forward relu_backward batchnorm_forward conv_forward_fast max_pool_backward_fast",
    "fast_layers": "conv_forward_fast conv_backward_fast max_pool_forward_fast "
    "max_pool_backward_fast",
    "optim": "sgd sgd_momentum rmsprop adam",
    "vis_utils": "visualize_grid",
}


def randn(*shape: int) -> Any:
    return np.random.randn(*shape)  # noqa: NPY002


def randint(high: int, size: Any) -> Any:
    return np.random.randint(high, size=size)  # noqa: NPY002


@pytest.mark.parametrize("module", NAMES)
def test_what_the_notebooks_import_is_there(module: str) -> None:
    found = import_module(f"cnnlite.compat.cs231n.{module}")
    assert set(NAMES[module].split()) <= set(found.__all__)
    assert all(hasattr(found, name) for name in found.__all__)


@pytest.mark.parametrize(
    ("loss", "printed"), [(svm_loss, 8.999602749096233), (softmax_loss, 2.302545844500738)]
)
def test_losses(loss: Any, printed: float) -> None:
    x = 0.001 * randn(50, 10)
    assert loss(x, randint(10, 50))[0] == pytest.approx(printed, rel=1e-14)


def test_two_layers() -> None:
    model = TwoLayerNet(input_dim=5, hidden_dim=50, num_classes=7, weight_scale=1e-3)
    model.params["W1"] = np.linspace(-0.7, 0.3, num=250).reshape(5, 50)
    model.params["b1"] = np.linspace(-0.1, 0.9, num=50)
    model.params["W2"] = np.linspace(-0.3, 0.4, num=350).reshape(50, 7)
    model.params["b2"] = np.linspace(-0.9, 0.1, num=7)
    X, y = np.linspace(-5.5, 4.5, num=15).reshape(5, 3).T, np.asarray([0, 5, 1])
    np.testing.assert_allclose(model.loss(X)[0, :3], [11.53165108, 12.2917344, 13.05181771])
    assert model.loss(X, y)[0] == pytest.approx(3.4702243556, abs=1e-10)
    model.reg = 1.0
    assert model.loss(X, y)[0] == pytest.approx(26.5948426952, abs=1e-10)


def test_first_losses_of_deep_networks() -> None:
    X, y = randn(2, 15), randint(10, (2,))
    for reg, printed in ((0, 2.3004790897684924), (3.14, 7.052114776533016)):
        model = FullyConnectedNet(
            [20, 30], 15, 10, reg=reg, weight_scale=5e-2, dtype=np.float64
        )  # fmt: skip
        assert model.loss(X, y)[0] == pytest.approx(printed, rel=1e-14)


def test_first_losses_with_batch_normalisation() -> None:
    X, y = randn(2, 15), randint(10, (2,))
    for reg, printed in ((0, 2.2611955101340957), (3.14, 6.996533220108303)):
        model = FullyConnectedNet(
            [20, 30], 15, 10, reg=reg, weight_scale=5e-2, dtype=np.float64,
            normalization="batchnorm",
        )  # fmt: skip
        assert model.loss(X, y)[0] == pytest.approx(printed, rel=1e-12)


@pytest.mark.parametrize("name", ["dropout", "dropout_keep_ratio"])
def test_first_losses_with_dropout(name: str) -> None:
    X, y = randn(2, 15), randint(10, (2,))
    printed = {1: 2.3004790897684924, 0.75: 2.302371489704412, 0.5: 2.3042759220785896}
    for keep, loss in printed.items():
        options: dict[str, Any] = {"weight_scale": 5e-2, "dtype": np.float64, "seed": 123}
        model = FullyConnectedNet([20, 30], input_dim=15, **options, **{name: keep})
        assert model.loss(X, y)[0] == pytest.approx(loss, rel=1e-14)


def test_dropout() -> None:
    x = randn(500, 500) + 10
    out, _ = dropout_forward(x, {"mode": "train", "p": 0.25})
    assert out.mean() == pytest.approx(10.014059116977283, rel=1e-12)
    assert (out == 0).mean() == 0.749784


def test_batch_normalisation_after_training() -> None:
    W1, W2 = randn(50, 60), randn(60, 3)
    settings: dict[str, Any] = {"mode": "train"}
    for mode in ["train"] * 50 + ["test"]:
        settings["mode"] = mode
        a = np.maximum(0, randn(200, 50).dot(W1)).dot(W2)
        out, _ = batchnorm_forward(a, np.ones(3), np.zeros(3), settings)
    np.testing.assert_allclose(out.mean(axis=0), [-0.03927354, -0.04349152, -0.10452688], atol=1e-8)
    np.testing.assert_allclose(out.std(axis=0), [1.01531428, 1.01238373, 0.97819988], atol=1e-8)


def test_batch_normalisation_of_images_after_training() -> None:
    settings: dict[str, Any] = {"mode": "train"}
    for mode in ["train"] * 50 + ["test"]:
        settings["mode"] = mode
        x = 2.3 * randn(10, 4, 11, 12) + 13
        out, _ = spatial_batchnorm_forward(x, np.ones(4), np.zeros(4), settings)
    means, deviations = out.mean(axis=(0, 2, 3)), out.std(axis=(0, 2, 3))
    np.testing.assert_allclose(means, [-0.08034406, 0.07562881, 0.05716371, 0.04378383], atol=1e-8)
    expected = [0.96718744, 1.0299714, 1.02887624, 1.00585577]
    np.testing.assert_allclose(deviations, expected, atol=1e-8)


def test_regularisation_of_the_convolutional_network_adds_what_it_did() -> None:
    """2.302586 and 2.508255, with weights and images of other seeds."""
    model = ThreeLayerConvNet()
    X, y = randn(50, 3, 32, 32), randint(10, 50)
    assert model.loss(X, y)[0] == pytest.approx(2.302586, abs=1e-4)
    model.reg = 0.5
    assert model.loss(X, y)[0] == pytest.approx(2.508255, abs=5e-4)

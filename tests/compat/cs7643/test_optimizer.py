"""CS 7643's SGD: L2 on weights only, the learning rate inside the velocity."""

import numpy as np
import pytest

from cnnlite.compat.cs7643.modules import ConvNet, Linear
from cnnlite.compat.cs7643.optimizer import SGD, _BaseOptimizer

pytestmark = pytest.mark.usefixtures("course_seed")
LINEAR = [{"type": "Linear", "in_dim": 128, "out_dim": 10}]
CRITERION = {"type": "SoftmaxCrossEntropy"}


def test_two_updates_are_the_courses() -> None:
    """Its unit test's network and batches, with its formulas written out."""
    model = ConvNet(LINEAR, CRITERION)
    layer = model.modules[0]
    w, b = layer.weight.copy(), layer.bias.copy()
    optimizer = SGD(model)
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for seed in (1024, 512):
        np.random.seed(seed)  # noqa: NPY002
        x = np.random.randn(32, 128)  # noqa: NPY002
        np.random.seed(seed)  # noqa: NPY002
        y = np.random.randint(10, size=32)  # noqa: NPY002
        model.forward(x, y)
        model.backward()
        optimizer.update(model)
        e = np.exp(x @ w + b)
        dscores = (e / e.sum(axis=1, keepdims=True) - np.eye(10)[y]) / 32
        vw = 0.9 * vw - 1e-4 * (x.T @ dscores + 1e-3 * w)
        vb = 0.9 * vb - 1e-4 * dscores.sum(axis=0)
        w, b = w + vw, b + vb
    assert np.abs(layer.weight - w).sum() < 1e-12
    assert np.abs(layer.bias - b).sum() < 1e-14


def test_regularisation_is_written_into_dw_and_spares_biases() -> None:
    model = ConvNet(LINEAR, CRITERION)
    layer = model.modules[0]
    layer.dw, layer.db = np.zeros((128, 10)), np.zeros(10)
    layer.bias = np.ones(10)
    SGD(model, learning_rate=0, reg=2).update(model)
    np.testing.assert_array_equal(layer.dw, 2 * layer.weight)
    np.testing.assert_array_equal(layer.db, 0)


def test_a_trainer_may_change_the_learning_rate() -> None:
    model = ConvNet(LINEAR, CRITERION)
    layer = model.modules[0]
    optimizer = SGD(model, learning_rate=1.0, reg=0, momentum=0.5)
    for rate in (1.0, 0.1):
        optimizer.learning_rate = rate
        layer.dw, layer.db = np.zeros((128, 10)), np.ones(10)
        optimizer.update(model)
    np.testing.assert_allclose(layer.bias, np.full(10, -1.6))


def test_an_optimizer_of_ones_own_builds_on_the_base() -> None:
    class Plain(_BaseOptimizer):
        def update(self, model: ConvNet) -> None:
            self.apply_regularization(model)
            for module in model.modules:
                module.weight += -self.learning_rate * module.dw

    model = ConvNet(LINEAR, CRITERION)
    before = model.modules[0].weight.copy()
    model.modules[0].dw = np.ones((128, 10))
    Plain(model, 0.1, 0).update(model)
    np.testing.assert_allclose(model.modules[0].weight, before - 0.1)


def test_an_update_without_gradients_is_refused_before_anything_moves() -> None:
    model = ConvNet(LINEAR, CRITERION)
    model.modules.append(Linear(10, 2))
    model.modules[0].dw = np.ones((128, 10))
    with pytest.raises(RuntimeError, match="SGD: Linear has no dw"):
        SGD(model).update(model)
    np.testing.assert_array_equal(model.modules[0].dw, 1)


def test_numbers_are_checked() -> None:
    model = ConvNet(LINEAR, CRITERION)
    with pytest.raises(ValueError, match="SGD: learning_rate is nan"):
        SGD(model, learning_rate=np.nan)

"""ConvNet: a network from dicts, whose modules end as if they had run one by one."""

from typing import Any

import numpy as np
import pytest

from cnnlite.compat.cs7643.modules import ConvNet, ReLU
from cnnlite.gradcheck import numeric_gradient, relative_error

pytestmark = pytest.mark.usefixtures("course_seed")
Rng = np.random.Generator

CRITERION = {"type": "SoftmaxCrossEntropy"}
CONV = {
    "type": "Conv2D", "in_channels": 2, "out_channels": 3, "kernel_size": 3, "stride": 1,
    "padding": 1,
}  # fmt: skip
SECOND = CONV | {"in_channels": 3}
HALVES = {"type": "MaxPooling", "kernel_size": 2, "stride": 2}
OVERLAPPING = {"type": "MaxPooling", "kernel_size": 3, "stride": 1}
RELU = {"type": "ReLU"}

NETWORKS = {
    "the notebook's": [CONV, RELU, HALVES, {"type": "Linear", "in_dim": 27, "out_dim": 4}],
    "two chains": [
        CONV, RELU, SECOND, RELU, HALVES, {"type": "Linear", "in_dim": 27, "out_dim": 4}
    ],
    "other windows": [
        CONV, RELU, OVERLAPPING, {"type": "Linear", "in_dim": 48, "out_dim": 4}
    ],
    "no ReLU behind": [CONV, HALVES, RELU, {"type": "Linear", "in_dim": 27, "out_dim": 4}],
    "ReLU first": [RELU, CONV, {"type": "Linear", "in_dim": 108, "out_dim": 4}],
    "pooling last": [CONV, RELU, HALVES, HALVES, {"type": "Linear", "in_dim": 3, "out_dim": 4}],
    "linear": [{"type": "Linear", "in_dim": 72, "out_dim": 4}],
}  # fmt: skip


@pytest.fixture
def batch(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_normal((5, 2, 6, 6)), rng.integers(0, 4, 5)


def stirred(modules: list[dict[str, Any]], rng: Rng) -> ConvNet:
    """Return a network with larger weights than the course's."""
    model = ConvNet(modules, CRITERION)
    for module in model.modules:
        if hasattr(module, "weight"):
            module.weight = 0.2 * rng.standard_normal(module.weight.shape)
            module.bias = rng.standard_normal(module.bias.shape)
    return model


@pytest.mark.parametrize("modules", NETWORKS.values(), ids=NETWORKS)
def test_modules_end_as_if_run_one_by_one(modules: Any, batch: Any, rng: Rng) -> None:
    x, y = batch
    model = stirred(modules, rng)
    probs, loss = model.forward(x, y)
    model.backward()
    alone = ConvNet(modules, CRITERION)
    out = x
    for module, twin in zip(alone.modules, model.modules, strict=True):
        vars(module).update({k: v for k, v in vars(twin).items() if k in ("weight", "bias")})
        out = module.forward(out)
    expected_probs, expected_loss = alone.criterion.forward(out, y)
    np.testing.assert_array_equal(probs, expected_probs)
    assert loss == expected_loss
    alone.criterion.backward()
    dout = alone.criterion.dx
    for module, twin in reversed(list(zip(alone.modules, model.modules, strict=True))):
        module.backward(dout)
        dout = module.dx
        for name in ("dx", "dw", "db"):
            if hasattr(module, name):
                np.testing.assert_array_equal(getattr(twin, name), getattr(module, name))
    for module, twin in zip(alone.modules, model.modules, strict=True):
        if isinstance(module, ReLU):
            np.testing.assert_array_equal(twin.cache, module.cache)


@pytest.mark.parametrize("modules", NETWORKS.values(), ids=NETWORKS)
def test_gradients_are_derivatives(modules: Any, batch: Any, rng: Rng) -> None:
    x, y = batch
    model = stirred(modules, rng)
    model.forward(x, y)
    model.backward()
    first = model.modules[0]
    found = {"x": (x, first.dx)}
    for number, module in enumerate(model.modules):
        if hasattr(module, "weight"):
            found[f"{number}.weight"] = module.weight, module.dw
            found[f"{number}.bias"] = module.bias, module.db
    for name, (array, gradient) in found.items():
        numeric = numeric_gradient(lambda _: model.forward(x, y)[1], array)
        assert relative_error(numeric, gradient, floor=1e-5) < 1e-5, name


def test_a_module_of_a_chain_can_go_back_alone(batch: Any, rng: Rng) -> None:
    """A student's own backward walks over the modules."""
    x, y = batch
    model = stirred(NETWORKS["the notebook's"], rng)
    model.forward(x, y)
    model.backward()
    expected = [(module.dx, getattr(module, "dw", None)) for module in model.modules]
    model.forward(x, y)
    model.criterion.backward()
    dout = model.criterion.dx
    for module, (dx, dw) in reversed(list(zip(model.modules, expected, strict=True))):
        module.backward(dout)
        dout = module.dx
        np.testing.assert_array_equal(dout, dx)
        if dw is not None:
            np.testing.assert_array_equal(module.dw, dw)


def test_what_waits_is_that_of_its_own_pass(batch: Any, rng: Rng) -> None:
    """Weights that move in place, and another forward, before dx is read."""
    x, y = batch
    modules = NETWORKS["the notebook's"]
    one, other = (stirred(modules, np.random.default_rng(3)) for _ in range(2))
    for model in (one, other):
        model.forward(x, y)
        model.backward()
    early = [module.dx for module in one.modules]
    for module in other.modules:
        if hasattr(module, "weight"):
            module.weight += 1
    other.forward(rng.standard_normal(x.shape), y)
    for module, dx in zip(other.modules, early, strict=True):
        np.testing.assert_array_equal(module.dx, dx)


def test_a_class_of_ones_own_runs_as_it_was_written(batch: Any, rng: Rng) -> None:
    class Doubled(ReLU):
        def forward(self, x: np.ndarray) -> np.ndarray:
            return 2 * super().forward(x)

    x, y = batch
    model = stirred(NETWORKS["the notebook's"], rng)
    before, _ = model.forward(x, y)
    model.modules[1] = Doubled()
    after, _ = model.forward(x, y)
    assert not np.array_equal(before, after)


@pytest.mark.parametrize(
    ("modules", "criterion", "message"),
    [
        ([{"type": "Conv3D"}], CRITERION, "type is 'Conv3D', expected one of 'Conv2D'"),
        ([{}], CRITERION, "type is None"),
        ([], {"type": "MSE"}, "type is 'MSE', expected one of 'SoftmaxCrossEntropy'"),
    ],
)
def test_an_unknown_type_is_named(modules: Any, criterion: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"ConvNet: {message}"):
        ConvNet(modules, criterion)


def test_a_module_that_is_no_dict_is_named() -> None:
    with pytest.raises(TypeError, match=r"^ConvNet: a module is 3, expected a dict with"):
        ConvNet([3], {"type": "SoftmaxCrossEntropy"})  # type: ignore[list-item]

"""The zoo beside the same networks in PyTorch, written out there by hand."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from cnnlite.layers import Linear, Sequential
from cnnlite.models import MODELS, resnet_cifar
from cnnlite.random import Rng

IMAGES = np.random.default_rng(0).standard_normal((2, 3, 32, 32))


def plain(nn: Any) -> dict[str, Any]:
    return {
        "softmax_classifier": [nn.Flatten(), nn.Linear(3072, 10)],
        "two_layer_net": [nn.Flatten(), nn.Linear(3072, 100), nn.ReLU(), nn.Linear(100, 10)],
        "three_layer_convnet": [
            *(nn.Conv2d(3, 32, 7, padding=3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * 16 * 16, 100), nn.ReLU(), nn.Linear(100, 10)),
        ],
        "vanilla_cnn": [
            *(nn.Conv2d(3, 32, 7), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * 13 * 13, 10)),
        ],
    }


def vgg(nn: Any, batch_norm: bool) -> Iterator[Any]:
    for block in ((3, 32, 32), (32, 64, 64), (64, 128, 128)):
        for inputs, outputs in pairwise(block):
            yield nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batch_norm)
            if batch_norm:
                yield nn.BatchNorm2d(outputs)
            yield nn.ReLU()
        yield nn.MaxPool2d(2)
    yield nn.Flatten()
    yield nn.Linear(128 * 4 * 4, 10)


def resnet(nn: Any, blocks: int, option: str) -> Iterator[Any]:
    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self, inputs: int, width: int) -> None:
            super().__init__()
            stride = 1 if inputs == width else 2
            self.extra = width - inputs
            self.body = nn.Sequential(
                nn.Conv2d(inputs, width, 3, stride, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, 1, 1, bias=False),
                nn.BatchNorm2d(width),
            )
            if option == "projection" and self.extra:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width)
                )

        def forward(self, x: Any) -> Any:
            short = x
            if hasattr(self, "shortcut"):
                short = self.shortcut(x)
            elif self.extra:
                short = nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.extra))
            return self.body(x) + short

    yield from (nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    inputs = 16
    for width in (16, 32, 64):
        for _ in range(blocks):
            yield Block(inputs, width)
            yield nn.ReLU()
            inputs = width
    yield from (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def in_torch(torch: Any, name: str) -> Any:
    """The network in PyTorch, in float64, with its first weights."""
    nn = torch.nn
    torch.manual_seed(0)
    layers = {
        **plain(nn),
        "small_vgg": list(vgg(nn, True)),
        "small_vgg without norm": list(vgg(nn, False)),
        "resnet20": list(resnet(nn, 3, "identity")),
        "resnet32": list(resnet(nn, 5, "identity")),
        "resnet20 projection": list(resnet(nn, 3, "projection")),
    }
    return nn.Sequential(*layers[name]).double()


OURS: dict[str, Callable[..., Sequential]] = {
    **MODELS,
    "small_vgg without norm": lambda **kwargs: MODELS["small_vgg"](batch_norm=False, **kwargs),
    "resnet20 projection": lambda **kwargs: MODELS["resnet20"](shortcut="projection", **kwargs),
}


def state_of(module: Any) -> dict[str, np.ndarray]:
    return {key: value.numpy().copy() for key, value in module.state_dict().items()}


def assert_close(ours: Any, theirs: Any, what: str) -> None:
    theirs = theirs.detach().numpy()
    atol = 1e-9 * max(float(np.abs(theirs).max()), 1e-3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=atol, err_msg=what)


@pytest.mark.parametrize("name", OURS)
def test_torchs_weights_give_torchs_outputs_and_gradients(name: str, torch: Any) -> None:
    module = in_torch(torch, name)
    state = state_of(module)
    model = OURS[name](dtype=np.float64)
    own = model.state_dict()
    assert {key: array.shape for key, array in own.items()} == {
        key: array.shape for key, array in state.items()
    }
    assert list(own) == list(state)
    model.load_state_dict(state)

    x = torch.from_numpy(IMAGES)
    scores = module(x)
    y, cache = model.forward(IMAGES)
    assert_close(y, scores, "scores")
    dy = np.random.default_rng(1).standard_normal(y.shape)
    scores.backward(torch.from_numpy(dy))
    dx, grads = model.backward(dy, cache, need_dx=False)
    assert dx is None
    assert set(grads) == {key for key, _ in module.named_parameters()}
    for key, parameter in module.named_parameters():
        assert_close(grads[key], parameter.grad, key)
    for key, buffer in module.named_buffers():
        assert_close(model.buffers[key], buffer, key)
        assert model.buffers[key].dtype == state[key].dtype
    assert_close(model(IMAGES), module.eval()(x), "scores in evaluation")


@pytest.mark.parametrize("name", OURS)
def test_our_weights_give_our_outputs_in_torch(name: str, torch: Any) -> None:
    model = OURS[name](dtype=np.float64, rng=0)
    module = in_torch(torch, name)
    module.load_state_dict({k: torch.from_numpy(v) for k, v in model.state_dict().items()})
    assert_close(model(IMAGES), module.eval()(torch.from_numpy(IMAGES)), "scores")


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("softmax_classifier", 30_730),
        ("two_layer_net", 308_310),
        ("three_layer_convnet", 825_046),
        ("vanilla_cnn", 58_826),
        ("resnet20", 269_722),
        ("resnet32", 464_154),
    ],
)
def test_number_of_parameters(name: str, params: int) -> None:
    """For the residual networks table 6 of the paper says 0.27M and 0.46M."""
    assert MODELS[name]().num_params == params


@pytest.mark.parametrize("name", MODELS)
def test_other_classes_images_and_dtypes(name: str) -> None:
    model = MODELS[name](num_classes=7, input_shape=(1, 28, 24), dtype=np.float64, rng=0)
    assert isinstance(model, Sequential)
    assert {array.dtype for array in model.params.values()} == {np.dtype(np.float64)}
    y, cache = model.forward(np.ones((2, 1, 28, 24)), rng=Rng(0))
    assert y.shape == (2, 7)
    _, grads = model.backward(y, cache, need_dx=False)
    assert set(grads) == set(model.params)
    single = MODELS[name](rng=0)
    assert {array.dtype for array in single.params.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", MODELS)
def test_the_seed_decides_the_first_weights(name: str) -> None:
    first, again, other = (MODELS[name](rng=seed).state_dict() for seed in (0, 0, 1))
    np.testing.assert_equal(first, again)
    weights = [key for key in first if first[key].ndim > 1]
    assert all((first[key] != other[key]).any() for key in weights)
    values = [first[key].ravel()[0] for key in weights]
    assert len(set(values)) == len(values), "two layers drew the same numbers"


@pytest.mark.parametrize("name", MODELS)
def test_images_that_are_none(name: str) -> None:
    for shape in ((32, 32), (3, 0, 32), (3, 32, "32"), 3072):
        with pytest.raises(ValueError, match=r"input_shape is .*, expected \(channels, height,"):
            MODELS[name](input_shape=shape)
    with pytest.raises(TypeError, match="dtype is 'int8', expected float32 or float64"):
        MODELS[name](dtype="int8")


@pytest.mark.parametrize("name", MODELS)
def test_any_image_is_taken_or_the_smallest_size_is_named(name: str) -> None:
    smallest = {"three_layer_convnet": 2, "vanilla_cnn": 8, "small_vgg": 8}.get(name, 1)
    for shape in ((1, 1, 1), (2, 1, 40), (4, 7, 7), (3, 8, 9), (5, 20, 13)):
        if min(shape[1:]) < smallest:
            size = f"{shape[1]}x{shape[2]}"
            with pytest.raises(ValueError, match=f"{name}: images of {size} .* {smallest}x"):
                MODELS[name](input_shape=shape)
        else:
            model = MODELS[name](num_classes=3, input_shape=shape, rng=0)
            assert model(np.ones((2, *shape), np.float32)).shape == (2, 3)
    MODELS[name](input_shape=(3, smallest, smallest))


def test_summary_of_the_zoo() -> None:
    vgg = MODELS["small_vgg"]().summary((3, 32, 32))
    assert vgg.multiply_adds == 38_653_952
    assert vgg.params == 307_946
    deep = MODELS["resnet20"]().summary((3, 32, 32))
    assert deep.params == 269_722
    # Stem, stages of 16, 32 and 64 filters, classifier.
    stages = sum(
        (32 // s) ** 2 * w * 9 * (5 * w + i) for s, w, i in ((1, 16, 16), (2, 32, 16), (4, 64, 32))
    )
    assert deep.multiply_adds == 32 * 32 * 16 * 27 + stages + 640


@pytest.mark.parametrize("name", MODELS)
def test_a_small_step_against_the_gradient_lowers_the_loss_by_what_it_says(name: str) -> None:
    model = MODELS[name](num_classes=2, dtype=np.float64, rng=0)
    target = np.eye(2)

    def loss_and_slope() -> tuple[float, np.ndarray, Any]:
        y, cache = model.forward(IMAGES)
        return float(((y - target) ** 2).sum()), 2 * (y - target), cache

    loss, dy, cache = loss_and_slope()
    _, grads = model.backward(dy, cache, need_dx=False)
    norm = np.sqrt(sum(float((grad**2).sum()) for grad in grads.values() if grad is not None))
    for key, array in model.params.items():
        array -= 1e-6 * grads[key] / norm
    assert abs((loss - loss_and_slope()[0]) / (1e-6 * norm) - 1) < 0.01


@pytest.mark.parametrize(("depth", "error"), [(21, ValueError), (2, ValueError), ("20", TypeError)])
def test_depths_that_there_are_not(depth: Any, error: Any) -> None:
    with pytest.raises(error, match="resnet_cifar: depth is"):
        resnet_cifar(depth)


def test_unknown_shortcut() -> None:
    with pytest.raises(ValueError, match="shortcut is 'B', expected 'identity' or 'projection'"):
        resnet_cifar(8, shortcut="B")


def test_depth_counts_layers_with_weights() -> None:
    for depth in (8, 14, 20):
        keys = resnet_cifar(depth).params
        assert sum(key.endswith("weight") and keys[key].ndim > 1 for key in keys) == depth


def test_residual_networks_start_from_hes_weights() -> None:
    model = resnet_cifar(8, rng=0)
    weight = model.params["7.body.3.weight"]
    fan_in = weight[0].size
    assert abs(weight.std() * np.sqrt(fan_in / 2) - 1) < 0.05
    last = model[-1]
    assert isinstance(last, Linear)
    assert np.abs(last.params["weight"]).max() <= 1 / 8

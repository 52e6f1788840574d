"""What holds for every layer that cnnlite.layers exports, each in several settings."""

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from cnnlite import layers
from cnnlite.layers import Layer
from cnnlite.random import Rng

IMAGES = (3, 4, 5, 6)


class Case(NamedTuple):
    """A layer in one setting: PyTorch has the same name and arguments."""

    name: str
    args: tuple[Any, ...]
    settings: dict[str, Any]
    shape: tuple[int, ...]

    def make(self, dtype: Any = np.float64) -> Layer:
        settings = dict(self.settings)
        if self.name in WITH_WEIGHTS:
            settings |= {"dtype": dtype, "rng": 0}
        return getattr(layers, self.name)(*self.args, **settings)

    def __str__(self) -> str:
        return f"{self.name}{self.args}{self.settings or ''}"


WITH_WEIGHTS = {"Conv2d", "Linear", "BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm"}
CONTAINERS = {"Layer", "Container", "Sequential", "Residual"}  # these have files of their own
PRINTED_OTHERWISE = {"Dropout", "BatchNorm1d", "BatchNorm2d", "GroupNorm"}


def case(name: str, *args: Any, shape: tuple[int, ...] = IMAGES, **settings: Any) -> Case:
    return Case(name, args, settings, shape)


CASES = [
    case("Conv2d", 4, 5, 3),
    case("Conv2d", 4, 2, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), bias=False),
    case("Conv2d", 4, 4, 3, padding="same", groups=2),
    case("Conv2d", 4, 4, 3, padding=1, padding_mode="circular", groups=4),
    case("MaxPool2d", 2),
    case("MaxPool2d", (3, 2), stride=(1, 2), padding=(1, 0), ceil_mode=True),
    case("MaxPool2d", 2, stride=1, dilation=2),
    case("AvgPool2d", 2),
    case("AvgPool2d", 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    case("AdaptiveAvgPool2d", 1),
    case("Linear", 4, 3, shape=(5, 4)),
    case("Linear", 4, 3, bias=False, shape=(5, 4)),
    case("Flatten"),
    case("Flatten", 2, 3),
    case("Identity"),
    case("ReLU"),
    case("LeakyReLU", 0.2),
    case("Sigmoid"),
    case("Tanh"),
    case("Softsign"),
    case("GELU"),
    case("GELU", approximate="tanh"),
    case("SiLU"),
    case("Dropout", 0.0),
    case("BatchNorm1d", 4, shape=(6, 4)),
    case("BatchNorm1d", 4, affine=False, eps=1e-3, shape=(6, 4)),
    case("BatchNorm2d", 4),
    case("BatchNorm2d", 4, momentum=None),
    case("BatchNorm2d", 4, track_running_stats=False),
    case("LayerNorm", 6),
    case("LayerNorm", (5, 6), bias=False),
    case("LayerNorm", (4, 5, 6), elementwise_affine=False),
    case("GroupNorm", 2, 4),
    case("GroupNorm", 4, 4, affine=False),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def test_no_layer_escapes() -> None:
    assert {case.name for case in CASES} | CONTAINERS == set(layers.__all__)


@every_case
def test_gradients_are_those_of_the_forward_pass(case: Case, check_gradients: Any) -> None:
    check_gradients(case.make(), case.shape)
    check_gradients(case.make(), case.shape, train=False)


def test_gradient_of_dropout_with_its_mask_held(check_gradients: Any) -> None:
    check_gradients(layers.Dropout(0.4), IMAGES)


@every_case
@pytest.mark.parametrize("train", [True, False])
def test_agrees_with_torch(
    case: Case, train: bool, torch: Any, compare_with_torch: Callable[..., None]
) -> None:
    module = getattr(torch.nn, case.name)(*case.args, **case.settings)
    for parameter in module.parameters():  # ones and zeros would hide mistakes
        torch.nn.init.uniform_(parameter, 0.5, 1.5)
    compare_with_torch(case.make(), module, case.shape, train)


# Of the others PyTorch prints arguments that we do not have, or that came with a version.
@pytest.mark.parametrize("case", [c for c in CASES if c.name not in PRINTED_OTHERWISE], ids=str)
def test_prints_as_torch_does(case: Case, torch: Any) -> None:
    assert repr(case.make()) == repr(getattr(torch.nn, case.name)(*case.args, **case.settings))


@every_case
def test_float32_in_float32_out(case: Case) -> None:
    layer = case.make(np.float32)
    x = np.random.default_rng(0).standard_normal(case.shape).astype(np.float32)
    y, cache = layer.forward(x, rng=0)
    dx, grads = layer.backward(y, cache)
    assert y.dtype == np.float32
    assert dx is not None
    assert dx.dtype == np.float32
    assert all(grad is not None and grad.dtype == np.float32 for grad in grads.values())


@every_case
def test_copies_are_equal_and_independent(case: Case) -> None:
    layer = case.make()
    x = np.random.default_rng(0).standard_normal(case.shape)
    y = layer(x)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert repr(twin) == repr(layer)
        np.testing.assert_array_equal(twin(x), y)
        for array in twin.params.values():
            array += 1
        np.testing.assert_array_equal(layer(x), y)


@every_case
def test_any_memory_order_gives_the_same(case: Case) -> None:
    layer = case.make()
    x = np.random.default_rng(0).standard_normal(case.shape)
    wide = np.zeros((*case.shape[:-1], 2 * case.shape[-1]))
    wide[..., ::2] = x
    for other in (np.asfortranarray(x), wide[..., ::2]):
        np.testing.assert_array_equal(layer(other), layer(x))


@every_case
def test_a_layer_serves_several_threads_at_once(case: Case) -> None:
    layer = case.make()
    train = "BatchNorm" not in case.name  # training changes running statistics
    inputs = np.random.default_rng(0).standard_normal((4, *case.shape))
    expected = [both_ways(layer, x, train) for x in inputs]
    wrong: list[str] = []

    def work(i: int) -> None:
        try:
            for _ in range(5):
                for got, want in zip(both_ways(layer, inputs[i], train), expected[i], strict=True):
                    np.testing.assert_array_equal(got, want)
        except Exception as error:
            wrong.append(str(error))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong, wrong[0]


def both_ways(layer: Layer, x: np.ndarray, train: bool) -> list[np.ndarray | None]:
    y, cache = layer.forward(x, train, Rng(0))
    dx, grads = layer.backward(y, cache)
    return [y, dx, *grads.values()]


@every_case
def test_a_leafs_cache_serves_twice(case: Case) -> None:
    layer = case.make()
    y, cache = layer.forward(np.random.default_rng(0).standard_normal(case.shape), rng=0)
    first, again = layer.backward(y, cache), layer.backward(y, cache)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_equal(first[1], again[1])


@every_case
def test_summary_of_one_layer(case: Case) -> None:
    layer = case.make()
    summary = layer.summary(case.shape)
    assert [row.input_shape for row in summary.rows] == [case.shape]
    assert summary.params == layer.num_params


@pytest.mark.parametrize("name", sorted(WITH_WEIGHTS))
@pytest.mark.parametrize("dtype", [np.float16, np.int64, "complex64", None, "no dtype"])
def test_only_two_dtypes(name: str, dtype: Any) -> None:
    args = next(case.args for case in CASES if case.name == name)
    with pytest.raises(TypeError, match=rf"{name}: dtype is .*, expected float32 or float64"):
        getattr(layers, name)(*args, dtype=dtype)


@pytest.mark.parametrize("case", [c for c in CASES if c.name in WITH_WEIGHTS], ids=str)
def test_mixed_dtypes_are_refused(case: Case) -> None:
    layer = case.make(np.float32)
    if layer.params or layer.buffers:
        with pytest.raises(TypeError, match=r"float32.*float64|float64.*float32"):
            layer(np.zeros(case.shape))
        assert layer.astype(np.float64)(np.zeros(case.shape)).dtype == np.float64

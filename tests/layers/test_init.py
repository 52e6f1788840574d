"""What holds for every layer that cnnlite.layers exports, each in several settings."""

import copy
import pickle
import re
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from cnnlite import layers
from cnnlite.catalogue import LAYERS, Entry, Example
from cnnlite.layers import Layer
from cnnlite.random import Rng


class Case(NamedTuple):
    """A layer in one setting: PyTorch has the same name and arguments."""

    entry: Entry
    example: Example

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.example.shape

    def make(self, dtype: Any = np.float64) -> Layer:
        return self.entry.make(self.example, dtype)

    def torch(self, torch: Any) -> Any:
        return getattr(torch.nn, self.name)(*self.example.args, **self.example.settings)

    def __str__(self) -> str:
        return f"{self.name}({self.example})"


def drops(case: Case) -> bool:
    """Whether it draws random numbers in training: PyTorch draws others."""
    return case.entry.layer.random and case.make().p > 0


ALL = [
    Case(entry, example)
    for entry in LAYERS.values()
    if entry.twin is not None  # containers have files of their own
    for example in entry.examples
]
CASES = [case for case in ALL if not drops(case)]
WITH_WEIGHTS = sorted({case.name for case in ALL if "dtype" in case.entry.parameters})
# Of these PyTorch prints arguments that we do not have, or that came with a version.
PRINTED_OTHERWISE = re.compile("Dropout|(Batch|SyncBatch|Group|Instance)Norm")
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def test_no_layer_escapes() -> None:
    assert set(LAYERS) | {"Layer", "Container"} == set(layers.__all__)
    assert {case.name for case in CASES} == {case.name for case in ALL}


@pytest.mark.parametrize("case", ALL, ids=str)
def test_what_the_catalogue_says_of_shapes(case: Case) -> None:
    assert case.make()(np.ones(case.shape)).shape == case.example.gives


@every_case
def test_gradients_are_those_of_the_forward_pass(case: Case, check_gradients: Any) -> None:
    check_gradients(case.make(), case.shape)
    check_gradients(case.make(), case.shape, train=False)


@pytest.mark.parametrize("case", [case for case in ALL if drops(case)], ids=str)
def test_gradient_of_dropout_with_its_mask_held(case: Case, check_gradients: Any) -> None:
    check_gradients(case.make(), case.shape)


@every_case
@pytest.mark.parametrize("train", [True, False])
def test_agrees_with_torch(
    case: Case, train: bool, torch: Any, compare_with_torch: Callable[..., None]
) -> None:
    module = case.torch(torch)
    for parameter in module.parameters():  # ones and zeros would hide mistakes
        torch.nn.init.uniform_(parameter, 0.5, 1.5)
    compare_with_torch(case.make(), module, case.shape, train)


@pytest.mark.parametrize("case", [c for c in CASES if not PRINTED_OTHERWISE.match(c.name)], ids=str)
def test_prints_as_torch_does(case: Case, torch: Any) -> None:
    assert repr(case.make()) == repr(case.torch(torch))


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


@pytest.mark.parametrize("name", WITH_WEIGHTS)
@pytest.mark.parametrize("dtype", [np.float16, np.int64, "complex64", None, "no dtype"])
def test_only_two_dtypes(name: str, dtype: Any) -> None:
    args = LAYERS[name].examples[0].args
    with pytest.raises(TypeError, match=rf"{name}: dtype is .*, expected float32 or float64"):
        getattr(layers, name)(*args, dtype=dtype)


@pytest.mark.parametrize("case", [c for c in CASES if c.name in WITH_WEIGHTS], ids=str)
def test_mixed_dtypes_are_refused(case: Case) -> None:
    layer = case.make(np.float32)
    if layer.params or layer.buffers:
        with pytest.raises(TypeError, match=r"float32.*float64|float64.*float32"):
            layer(np.zeros(case.shape))
        assert layer.astype(np.float64)(np.zeros(case.shape)).dtype == np.float64

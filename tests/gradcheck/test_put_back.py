"""The layer under test stays as it was, and right layers of unusual make are called right."""

from contextlib import suppress
from typing import Any

import numpy as np
import pytest

import cnnlite as nn
from cnnlite.gradcheck import check_layer, check_loss, numeric_gradient


class Scale:
    """y = x * weight, with everything that a layer may have."""

    def __init__(self) -> None:
        self.params: Any = {"weight": np.array([1.0, -0.0, 2.0], np.float32)}
        self.buffers: Any = {"mean": np.zeros(3, np.float32), "steps": np.zeros((), np.int64)}

    def forward(self, x: Any, train: bool = True) -> Any:
        if train:
            self.buffers["mean"] += x.mean(axis=0)
            self.buffers["steps"] += 1
        return x * self.params["weight"], x

    def backward(self, dy: Any, cache: Any) -> Any:
        return dy * self.params["weight"], {"weight": (dy * cache).sum(axis=0)}


class OfTheClass(Scale):
    """Parameters that belong to the class: a copy of the layer has the very same dictionary."""

    params: Any = {"weight": np.ones(3, np.float32)}  # noqa: RUF012

    def __init__(self) -> None:
        self.buffers = {}

    def forward(self, x: Any, train: bool = True) -> Any:
        return x * self.params["weight"], x


class CopiesItself(Scale):
    """A copy is the layer itself."""

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class Raises(CopiesItself):
    calls = 0

    def __init__(self, error: Any, after: int) -> None:
        super().__init__()
        self.error, self.after = error, after

    def forward(self, x: Any, train: bool = True) -> Any:
        self.calls += 1
        if self.calls > self.after:
            raise self.error
        return super().forward(x, train)


def bits(layer: Any) -> list[Any]:
    return [
        (key, id(array), array.dtype, array.tobytes())
        for arrays in (layer.params, layer.buffers)
        for key, array in arrays.items()
    ]


@pytest.mark.parametrize("make", [Scale, OfTheClass, CopiesItself])
def test_the_same_arrays_with_the_same_bits(make: Any) -> None:
    layer = make()
    before = bits(layer)
    assert check_layer(layer, (4, 3)).passed
    assert bits(layer) == before


@pytest.mark.parametrize("after", [0, 1, 7, 60, 200])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), MemoryError()])
def test_whatever_is_raised(error: BaseException, after: int) -> None:
    layer = Raises(error, after)
    before = bits(layer)
    with suppress(type(error)):
        assert not check_layer(layer, (4, 3)).passed  # an error away from the first values
        assert not isinstance(error, KeyboardInterrupt | SystemExit)
    assert layer.calls > after
    assert bits(layer) == before


def test_x_and_targets_stay_too() -> None:
    x, targets = np.arange(12.0).reshape(4, 3), np.array([0, 1, 2, 0])
    assert check_layer(Scale(), x).passed
    assert check_loss(nn.CrossEntropyLoss(), x, targets).passed
    np.testing.assert_array_equal(x.ravel(), np.arange(12))
    assert targets.tolist() == [0, 1, 2, 0]


def test_numeric_gradient_puts_x_back_when_f_raises() -> None:
    x = np.array([1.0, -0.0, np.nan])
    before = x.tobytes()

    def f(v: Any) -> Any:
        if v[1] > 0:
            raise KeyboardInterrupt
        return v.sum()

    with pytest.raises(KeyboardInterrupt):
        numeric_gradient(f, x)
    assert x.tobytes() == before


class Alias(Scale):
    """The weight has two names, as in many a homework."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = self.params["weight"]

    def forward(self, x: Any, train: bool = True) -> Any:
        return x * self.weight, x

    def backward(self, dy: Any, cache: Any) -> Any:
        return dy * self.weight, {"weight": (dy * cache).sum(axis=0)}


class Property(Alias):
    """A dictionary that is made whenever it is asked for."""

    buffers: Any = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.weight = np.ones(3, np.float32)

    @property
    def params(self) -> Any:
        return {"weight": self.weight}


class PlainNumber(Scale):
    """A parameter that is a Python number, an integer at that."""

    def __init__(self) -> None:
        super().__init__()
        self.params = {"weight": 2}

    def backward(self, dy: Any, cache: Any) -> Any:
        return dy * self.params["weight"], {"weight": np.sum(dy * cache)}


class Parts(nn.Layer):
    """A layer that holds others without being a container, and shows their parameters."""

    def __init__(self) -> None:
        self.inner = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh())
        for key, array in self.inner.params.items():
            self.params[key] = array

    def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
        return self.inner.forward(x, train)

    def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
        return self.inner.backward(dy, cache, need_dx)


class RootOfVariance(Scale):
    """Its buffer and its parameter must stay positive."""

    def __init__(self) -> None:
        super().__init__()
        self.params, self.buffers = {"weight": np.ones(3)}, {"var": np.zeros(3)}

    def forward(self, x: Any, train: bool = True) -> Any:
        root = np.sqrt(self.params["weight"])
        y = x * root / np.sqrt(self.buffers["var"] + 1)
        return y, (x, root, np.sqrt(self.buffers["var"] + 1))

    def backward(self, dy: Any, cache: Any) -> Any:
        x, root, std = cache
        return dy * root / std, {"weight": (dy * x / std).sum(axis=0) / (2 * root)}


class NarrowWeight(Scale):
    """Refuses weights that are far from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.params["weight"][...] = 1

    def forward(self, x: Any, train: bool = True) -> Any:
        if np.abs(self.params["weight"] - 1).max() > 0.1:
            raise ValueError("the weight must be near 1")
        return super().forward(x, train)


class OneWeightForEachNumber(Scale):
    """No batch: a weight for each entry of x."""

    def __init__(self) -> None:
        super().__init__()
        self.params, self.buffers = {"weight": np.ones((4, 3))}, {}

    def forward(self, x: Any, train: bool = True) -> Any:
        return x * self.params["weight"], x

    def backward(self, dy: Any, cache: Any) -> Any:
        return dy * self.params["weight"], {"weight": dy * cache}


class SumOfSquares:
    """One number for the whole batch."""

    def forward(self, x: Any) -> Any:
        return np.sum(x**2), x

    def backward(self, dy: Any, cache: Any) -> Any:
        return 2 * dy * cache, {}


class Kept:
    """A cache that is an object."""

    def __init__(self, x: Any) -> None:
        self.x = x


class CacheObject(Scale):
    def forward(self, x: Any, train: bool = True) -> Any:
        y, cache = super().forward(x, train)
        return y, Kept(cache)

    def backward(self, dy: Any, cache: Any) -> Any:
        return super().backward(dy, cache.x)


class CacheObjectChanged(CacheObject):
    def backward(self, dy: Any, cache: Any) -> Any:
        result = super().backward(dy, cache)
        cache.x *= 2
        return result


def test_a_cache_that_is_an_object_is_watched_too() -> None:
    report = check_layer(CacheObjectChanged(), (4, 3))
    assert "backward changed its cache, so that it cannot be called twice" in report.problems


UNUSUAL = [
    Alias, Property, PlainNumber, Parts, RootOfVariance, NarrowWeight, OneWeightForEachNumber,
    SumOfSquares, CacheObject,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("make", UNUSUAL)
def test_a_right_layer_of_unusual_make(make: Any, seed: int) -> None:
    report = check_layer(make(), (4, 3), seed=seed)
    assert report.passed, report


@pytest.mark.parametrize("make", [Alias, Property, Parts])
def test_such_a_layer_may_be_wrong_too(make: Any) -> None:
    class DxIsDy(make):  # type: ignore[misc]
        def backward(self, *args: Any, **options: Any) -> Any:
            dx, grads = super().backward(*args, **options)
            return dx, {key: 2 * grad for key, grad in grads.items()}

    assert not check_layer(DxIsDy(), (4, 3)).passed


@pytest.mark.parametrize("kind", [int, np.uint8, bool, np.float32])
def test_an_input_of_another_type_is_checked_as_float64(kind: Any) -> None:
    assert check_layer(Scale(), (np.arange(12).reshape(4, 3) % 5).astype(kind)).passed


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ((0, 3), ValueError, r"x has shape \(0, 3\): there is nothing to check"),
        (np.ones((4, 3), complex), TypeError, "x is complex128, expected real numbers"),
        (np.array([[None] * 3]), TypeError, "x is object, expected real numbers"),
        ([["a"]], TypeError, "x is <U1, expected real numbers"),
    ],
)
def test_an_input_that_cannot_be_checked(x: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        check_layer(Scale(), x)


class Squares:
    """The mean of weighted squared scores."""

    def forward(self, scores: Any, targets: Any) -> Any:
        return np.sum(scores**2 * (1 + targets)[:, None]) / len(targets), (scores, targets)

    def backward(self, cache: Any, dvalue: float = 1.0) -> Any:
        scores, targets = cache
        return dvalue * 2 * scores * (1 + targets)[:, None] / len(targets)


class IgnoresDvalue(Squares):
    def backward(self, cache: Any, dvalue: float = 1.0) -> Any:
        return super().backward(cache)


class DividesByFour(Squares):
    def backward(self, cache: Any, dvalue: float = 1.0) -> Any:
        return super().backward(cache, dvalue) * len(cache[1]) / 4


class ChangesTargets(Squares):
    def forward(self, scores: Any, targets: Any) -> Any:
        targets = np.asarray(targets)
        targets += 1
        return super().forward(scores, targets)


class RemembersScores(Squares):
    def forward(self, scores: Any, targets: Any) -> Any:
        value, self.kept = super().forward(scores, targets)
        return value, None

    def backward(self, cache: Any, dvalue: float = 1.0) -> Any:
        return super().backward(self.kept, dvalue)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (IgnoresDvalue, "backward is not linear in dy"),
        (DividesByFour, "with a batch of 1: right but for a factor: it is 0.25 times"),
        (ChangesTargets, "targets were changed by forward or backward"),
        (RemembersScores, "must be in the cache, not in the layer"),
    ],
)
def test_losses_with_one_mistake(loss: Any, words: str) -> None:
    assert check_loss(Squares(), (4, 3)).passed
    report = check_loss(loss(), (4, 3))
    assert not report.passed
    assert words in str(report)


def test_scores_of_one_axis_need_targets() -> None:
    with pytest.raises(ValueError, match=r"scores has shape \(4,\), expected \(N, C\)"):
        check_loss(Squares(), (4,))

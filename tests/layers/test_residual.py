"""Residual: a sum, and gradients through both of its branches."""

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import (
    BatchNorm2d,
    Conv2d,
    Flatten,
    Identity,
    Layer,
    Linear,
    ReLU,
    Residual,
    Sequential,
)


def conv(inputs: int, outputs: int, size: int = 3, **settings: Any) -> Conv2d:
    return Conv2d(inputs, outputs, size, padding=size // 2, dtype=np.float64, rng=0, **settings)


def test_it_is_the_sum_of_both_branches() -> None:
    body, shortcut = conv(2, 3, stride=2), conv(2, 3, 1, stride=2)
    x = np.random.default_rng(0).standard_normal((2, 2, 5, 5))
    np.testing.assert_array_equal(Residual(body, shortcut)(x), body(x) + shortcut(x))
    np.testing.assert_array_equal(Residual(conv(2, 2))(x), conv(2, 2)(x) + x)


@pytest.mark.parametrize("shortcut", [None, Sequential(conv(2, 2, 1))], ids=["identity", "conv"])
def test_gradients(shortcut: Any, check_gradients: Any) -> None:
    body = Sequential(conv(2, 3), BatchNorm2d(3, dtype=np.float64), ReLU(), conv(3, 2))
    check_gradients(Residual(body, shortcut), (2, 2, 3, 4))
    check_gradients(Sequential(conv(2, 2), ReLU(), Residual(body, shortcut)), (2, 2, 3, 4))


@pytest.mark.parametrize("shortcut", [None, Sequential(conv(2, 2, 1))], ids=["identity", "conv"])
def test_gradients_of_a_block_that_ends_with_a_norm(shortcut: Any, check_gradients: Any) -> None:
    body = Sequential(conv(2, 3), ReLU(), conv(3, 2, bias=False), BatchNorm2d(2, dtype=np.float64))
    check_gradients(Residual(body, shortcut), (2, 2, 3, 4))
    check_gradients(Sequential(conv(2, 2), Residual(body, shortcut), ReLU()), (2, 2, 3, 4))


def test_keys() -> None:
    layer = Residual(Sequential(conv(2, 2)), Sequential(conv(2, 2, 1, bias=False)))
    assert list(layer.params) == ["body.0.weight", "body.0.bias", "shortcut.0.weight"]
    assert list(Residual(Linear(2, 2, rng=0)).params) == ["body.weight", "body.bias"]


def test_neither_the_input_nor_a_cache_is_added_to() -> None:
    x = np.ones((2, 3))
    y, _ = Residual(Identity()).forward(x)
    np.testing.assert_array_equal(y, 2 * x)
    assert (x == 1).all()
    dx, _ = Residual(Identity()).backward(x, Residual(Identity()).forward(x)[1])
    np.testing.assert_array_equal(dx, 2 * x)
    assert (x == 1).all()


def test_a_second_backward_through_its_networks_raises() -> None:
    layer = Residual(Sequential(ReLU()))
    y, cache = layer.forward(np.ones((1, 1)))
    layer.backward(y, cache)
    with pytest.raises(RuntimeError, match="each backward needs a forward of its own"):
        layer.backward(y, cache)


def test_fusing_may_not_be_turned_off_between_forward_and_backward() -> None:
    layer = Residual(Sequential(BatchNorm2d(2)))
    y, cache = layer.forward(np.ones((2, 2, 3, 3), np.float32))
    assert isinstance(layer.body, Sequential)
    layer.body.fuse = False
    with pytest.raises(RuntimeError, match="Sequential: the cache is of another network"):
        layer.backward(y, cache)


def test_shapes_and_dtypes_that_do_not_fit() -> None:
    x = np.ones((1, 2, 4, 4))
    with pytest.raises(
        ValueError, match=r"Residual: body gives \(1, 3, 4, 4\), shortcut gives \(1, 2, 4, 4\)"
    ):
        Residual(conv(2, 3)).forward(x)
    with pytest.raises(ValueError, match=r"body gives \(1, 32\), shortcut gives \(1, 2, 4, 4\)"):
        Residual(Flatten())(x)

    class Half(Identity):
        def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
            return x.astype(np.float32), None

    with pytest.raises(TypeError, match="Residual: body gives float32, shortcut gives float64"):
        Residual(Half()).forward(x)


def test_only_layers_are_taken() -> None:
    with pytest.raises(TypeError, match="Residual: body is None, expected a Layer"):
        Residual(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Residual: shortcut is 1, expected a Layer"):
        Residual(ReLU(), 1)  # type: ignore[arg-type]


def test_an_image_at_an_odd_address_can_be_added() -> None:
    """It was refused as being neither float32 nor float64."""
    raw = np.zeros(2 * 3 * 4 + 1, np.uint8)
    x = raw[1:].view(np.float32).reshape(2, 3)
    x[...] = [[1, 2, 3], [4, 5, 6]]
    assert not x.flags.aligned
    np.testing.assert_array_equal(Residual(Identity())(x), 2 * x)


def test_a_branch_that_forgets_dx_is_named() -> None:
    class Forgetful(Layer):
        def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
            return x, None

        def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
            return None, {}

    layer = Residual(Forgetful())
    y, cache = layer.forward(np.ones(2))
    with pytest.raises(TypeError, match="a branch returned no dx"):
        layer.backward(y, cache)
    assert layer.backward(y, cache, need_dx=False) == (None, {})


def test_prints_its_branches() -> None:
    assert repr(Residual(ReLU(), Identity())) == (
        "Residual(\n  (body): ReLU()\n  (shortcut): Identity()\n)"
    )

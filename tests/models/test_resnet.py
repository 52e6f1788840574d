"""The shortcut without parameters."""

from typing import Any

import numpy as np
import pytest

from cnnlite.models import ZeroPadShortcut


def test_it_takes_every_second_pixel_and_adds_empty_channels() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 6))
    y = ZeroPadShortcut(3, 5, stride=2)(x)
    assert y.shape == (2, 5, 3, 3)
    np.testing.assert_array_equal(y[:, :3], x[:, :, ::2, ::2])
    assert not y[:, 3:].any()


@pytest.mark.parametrize(("stride", "outputs"), [(1, 3), (2, 5), (3, 4)])
def test_backward_is_the_transpose_of_forward(stride: int, outputs: int) -> None:
    rng = np.random.default_rng(0)
    layer = ZeroPadShortcut(3, outputs, stride)
    x = rng.standard_normal((2, 3, 5, 6))
    y, cache = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    dx, grads = layer.backward(dy, cache)
    assert grads == {}
    assert dx is not None
    assert np.isclose((dx * x).sum(), (dy * y).sum(), rtol=1e-12)
    assert layer.backward(dy, cache, need_dx=False) == (None, {})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ZeroPadShortcut(0, 3), "in_channels is 0"),
        (lambda: ZeroPadShortcut(3, 2), "out_channels is 2, expected an integer from 3 up"),
        (lambda: ZeroPadShortcut(3, 3, 0), "stride is 0"),
        (lambda: ZeroPadShortcut(3, 6)(np.zeros((2, 4, 5, 5))), r"x has shape \(2, 4, 5, 5\)"),
        (lambda: ZeroPadShortcut(3, 6)(np.zeros((2, 3))), r"x has shape \(2, 3\)"),
        (
            lambda: ZeroPadShortcut(3, 6).backward(np.zeros((2, 6, 4, 4)), (2, 3, 5, 5)),
            r"dy has shape \(2, 6, 4, 4\), expected \(2, 6, 5, 5\)",
        ),
    ],
)
def test_wrong_input(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"ZeroPadShortcut: {message}"):
        make()

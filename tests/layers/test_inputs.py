"""Every layer and loss takes what the tables list, and refuses the rest in the words they give."""

import re
from typing import Any

import numpy as np
import pytest

import cnnlite
from cnnlite.layers import Layer
from cnnlite.losses import Loss
from cnnlite.losses.elementwise import ElementwiseLoss
from tests.layers.input_cases import (
    ACCEPTED,
    LOSSES_ACCEPTED,
    LOSSES_REJECTED,
    NOT_MADE,
    REJECTED,
    make,
)

NOT_CHECKED = {"Identity"}
"""Layers that take whatever comes, and say nothing."""


def array(value: Any, dtype: Any = np.float32) -> Any:
    """The array that a shape stands for; anything else as it is."""
    return np.ones(value, dtype) if isinstance(value, tuple) else value


def exactly(words: str) -> str:
    return f"^{re.escape(words)}$"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("call", "shape", "y_shape"), ACCEPTED)
def test_accepted(call: str, shape: Any, y_shape: Any, dtype: Any) -> None:
    layer, x = make(call).astype(dtype), np.ones(shape, dtype)
    y, cache = layer.forward(x, rng=0)
    assert (y.shape, y.dtype) == (y_shape, dtype)
    dx, _ = layer.backward(np.ones_like(y), cache)
    assert (dx.shape, dx.dtype) == (shape, dtype)
    assert layer(x).shape == y_shape


@pytest.mark.parametrize(("call", "shape", "dtype", "error", "words"), REJECTED)
def test_rejected(call: str, shape: Any, dtype: str, error: Any, words: str) -> None:
    layer = make(call)
    before = layer.state_dict()
    with pytest.raises(error, match=exactly(words)):
        layer.forward(np.ones(shape, dtype), rng=0)
    np.testing.assert_equal(layer.state_dict(), before)  # nothing is half done


@pytest.mark.parametrize("call", sorted({call for call, *_ in ACCEPTED if call[:3] != "Seq"}))
def test_a_list_is_no_array(call: str) -> None:
    name = call.partition("(")[0]
    if name not in NOT_CHECKED:
        with pytest.raises(TypeError, match=f"{name}: x must be a NumPy array, got list"):
            make(call).forward([[1.0, 2.0]], rng=0)


@pytest.mark.parametrize(("call", "error", "words"), NOT_MADE)
def test_not_made(call: str, error: Any, words: str) -> None:
    with pytest.raises(error, match=exactly(words)):
        make(call)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("call", "scores", "targets", "shape"), LOSSES_ACCEPTED)
def test_loss_accepted(call: str, scores: Any, targets: Any, shape: Any, dtype: Any) -> None:
    loss = make(call)
    if isinstance(loss, ElementwiseLoss):
        targets = array(targets, dtype)
    value, cache = loss.forward(np.ones(scores, dtype), targets)
    assert np.shape(value) == shape
    dscores = loss.backward(cache)
    assert (dscores.shape, dscores.dtype) == (scores, dtype)


@pytest.mark.parametrize(("call", "scores", "targets", "error", "words"), LOSSES_REJECTED)
def test_loss_rejected(call: str, scores: Any, targets: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=exactly(words)):
        make(call).forward(array(scores), array(targets))


def test_no_layer_and_no_loss_is_left_out() -> None:
    public = {name: getattr(cnnlite, name) for name in cnnlite.__all__}
    kinds = {name: item for name, item in public.items() if isinstance(item, type)}
    layers = {name for name, kind in kinds.items() if issubclass(kind, Layer)} - {"Layer"}
    losses = {name for name, kind in kinds.items() if issubclass(kind, Loss)}
    assert layers <= names(ACCEPTED) & (names(REJECTED) | NOT_CHECKED)
    assert losses <= names(LOSSES_ACCEPTED) & names(LOSSES_REJECTED) & names(NOT_MADE)


def names(table: list[Any]) -> set[str]:
    return {row[0].partition("(")[0] for row in table}

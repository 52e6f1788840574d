"""Dropout: how much is dropped, and by what it is decided."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F


def _generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_drops_p_and_keeps_the_mean(p: float) -> None:
    x = np.ones(300_000)
    y, _ = F.dropout_forward(x, p, True, _generator())
    dropped = np.mean(y == 0)
    assert abs(dropped - p) < 5 * np.sqrt(p * (1 - p) / x.size)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p))


def test_backward_uses_the_same_mask(rng: np.random.Generator) -> None:
    x, dy = rng.standard_normal((2, 4, 100))
    y, cache = F.dropout_forward(x, 0.3, True, _generator())
    np.testing.assert_array_equal(F.dropout_backward(dy, cache) == 0, y == 0)
    np.testing.assert_allclose(F.dropout_backward(x, cache), y)


def test_mask_depends_on_generator_and_position_only() -> None:
    """Not on the dtype, nor on what x holds, nor on its memory order."""
    x = np.ones((50, 40))
    mask = F.dropout_forward(x, 0.5, True, _generator())[0] == 0
    for other in (2 * x.astype(np.float32), np.asfortranarray(x)):
        np.testing.assert_array_equal(
            F.dropout_forward(other, 0.5, True, _generator())[0] == 0, mask
        )
    assert (F.dropout_forward(x, 0.5, True, _generator(1))[0] == 0).tolist() != mask.tolist()


def test_takes_anything_with_a_generator() -> None:
    class Rng:
        def generator(self) -> np.random.Generator:
            return _generator()

    x = np.ones(1000)
    np.testing.assert_array_equal(
        F.dropout_forward(x, 0.5, True, Rng())[0], F.dropout_forward(x, 0.5, True, _generator())[0]
    )


@pytest.mark.parametrize(("p", "train"), [(0.5, False), (0.0, True)])
def test_nothing_dropped_is_x_itself(p: float, train: bool) -> None:
    x, dy = np.ones(5), np.arange(5.0)
    y, cache = F.dropout_forward(x, p, train)
    assert y is x
    np.testing.assert_array_equal(F.dropout_backward(dy, cache), dy)


def test_p_one_drops_everything() -> None:
    y, cache = F.dropout_forward(np.ones(5), 1, True, _generator())
    assert not y.any()
    assert not F.dropout_backward(np.ones(5), cache).any()


@pytest.mark.parametrize("p", [-0.1, 1.5, np.nan])
def test_p_that_is_no_probability_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=f"Dropout: p is {p}, expected a number from 0 to 1"):
        F.dropout_forward(np.ones(5), p, True, _generator())


def test_training_without_rng_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Dropout: rng must be a numpy\.random\.Generator"):
        F.dropout_forward(np.ones(5), 0.5, True)


def test_float32_batch_stays_float32() -> None:
    y: Any = F.dropout_forward(np.ones(5, np.float32), 0.5, True, _generator())[0]
    assert y.dtype == np.float32

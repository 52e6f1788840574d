"""The course's rules beside its formulas, and beside our optimizers."""

from typing import Any

import numpy as np
import pytest

import cnnlite
from cnnlite.compat.cs231n import optim

RULES = (optim.sgd, optim.sgd_momentum, optim.rmsprop, optim.adam)


def arrays() -> tuple[np.ndarray, ...]:
    """The notebook's: evenly spaced numbers."""
    ends = ((-0.4, 0.6), (-0.6, 0.4), (0.6, 0.9), (0.7, 0.5))
    return tuple(np.linspace(*both, 20).reshape(4, 5) for both in ends)


def test_momentums_velocity_has_the_learning_rate_in_it() -> None:
    w, dw, v, _ = arrays()
    config: dict[str, Any] = {"learning_rate": 1e-3, "velocity": v}
    next_w, returned = optim.sgd_momentum(w, dw, config)
    assert returned is config
    np.testing.assert_allclose(config["velocity"], 0.9 * v - 1e-3 * dw, rtol=1e-14)
    np.testing.assert_allclose(next_w, w + 0.9 * v - 1e-3 * dw, rtol=1e-14)


def test_rmsprop_is_the_courses() -> None:
    w, dw, cache, _ = arrays()
    config: dict[str, Any] = {"learning_rate": 1e-2, "cache": cache}
    next_w, _ = optim.rmsprop(w, dw, config)
    squares = 0.99 * cache + 0.01 * dw**2
    np.testing.assert_allclose(config["cache"], squares, rtol=1e-14)
    np.testing.assert_allclose(next_w, w - 1e-2 * dw / (np.sqrt(squares) + 1e-8), rtol=1e-12)


def test_adam_counts_before_it_corrects() -> None:
    w, dw, m, v = arrays()
    config: dict[str, Any] = {"learning_rate": 1e-2, "m": m, "v": v, "t": 5}
    next_w, _ = optim.adam(w, dw, config)
    first, second = 0.9 * m + 0.1 * dw, 0.999 * v + 0.001 * dw**2
    move = first / (1 - 0.9**6) / (np.sqrt(second / (1 - 0.999**6)) + 1e-8)
    assert config["t"] == 6
    np.testing.assert_allclose(config["m"], first, rtol=1e-14)
    np.testing.assert_allclose(config["v"], second, rtol=1e-14)
    np.testing.assert_allclose(next_w, w - 1e-2 * move, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("rule", "ours"),
    [
        (optim.sgd, cnnlite.SGD(0.1)),
        (optim.sgd_momentum, cnnlite.SGD(0.1, momentum=0.9)),
        (optim.rmsprop, cnnlite.RMSprop(0.1)),
        (optim.adam, cnnlite.Adam(0.1)),
    ],
)
def test_several_steps_go_where_our_optimizers_go(
    rule: Any, ours: cnnlite.optim.Optimizer, dtype: type, rng: np.random.Generator
) -> None:
    ours.state.clear()
    w = rng.standard_normal((4, 5)).astype(dtype)
    params, config = {"w": w.copy()}, {"learning_rate": 0.1}
    for _ in range(5):
        dw = rng.standard_normal((4, 5)).astype(dtype)
        w, config = rule(w, dw, config)
        ours.step(params, {"w": dw})
        assert w.dtype == dtype
    np.testing.assert_allclose(w, params["w"], rtol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("rule", RULES[1:])
def test_what_was_given_is_left_as_it_is(rule: Any) -> None:
    w, dw, state, more = arrays()
    config = {"velocity": state, "cache": state, "m": more, "v": state}
    next_w, _ = rule(w, dw, config)
    assert next_w is not w
    for array, before in zip((w, dw, state, more), arrays(), strict=True):
        np.testing.assert_array_equal(array, before)


def test_sgd_moves_w_in_place() -> None:
    w, dw, *_ = arrays()
    next_w, config = optim.sgd(w, dw)
    assert next_w is w
    assert config == {"learning_rate": 1e-2}
    np.testing.assert_allclose(w, arrays()[0] - 1e-2 * dw, rtol=1e-15)


@pytest.mark.parametrize("rule", RULES)
def test_defaults_are_written_into_the_config(rule: Any) -> None:
    w, dw, *_ = arrays()
    _, config = rule(w, dw)
    assert config["learning_rate"] == (1e-3 if rule is optim.adam else 1e-2)


def test_the_learning_rate_may_change_between_steps() -> None:
    """What is in the velocity already keeps the rate of its own step."""
    dw = np.ones(1)
    w, config = optim.sgd_momentum(np.zeros(1), dw, {"learning_rate": 1.0, "momentum": 0.5})
    config["learning_rate"] = 0.1
    w, config = optim.sgd_momentum(w, dw, config)
    np.testing.assert_allclose(config["velocity"], [-0.6])
    np.testing.assert_allclose(w, [-1.6])


def test_mixed_dtypes_are_promoted() -> None:
    w, dw, *_ = arrays()
    next_w, _ = optim.adam(w.astype(np.float32), dw)
    assert next_w.dtype == np.float64
    moved, _ = optim.sgd(w.astype(np.float32), dw)
    assert moved.dtype == np.float32


def test_infinite_gradients_give_what_numpy_gives_without_warning() -> None:
    next_w, config = optim.sgd_momentum(np.zeros(2), np.array([np.inf, 1.0]))
    np.testing.assert_array_equal(next_w, [-np.inf, -0.01])
    np.testing.assert_array_equal(config["velocity"], [-np.inf, -0.01])


@pytest.mark.parametrize(
    ("w", "error"), [(np.arange(3), TypeError), (np.broadcast_to(1.0, 3), ValueError)]
)
def test_sgd_refuses_what_it_cannot_move(w: np.ndarray, error: type[Exception]) -> None:
    """Integers would have stayed where they are."""
    with pytest.raises(error, match="sgd: w "):
        optim.sgd(w, np.ones(3))


@pytest.mark.parametrize("rule", RULES)
def test_a_gradient_of_another_shape_is_refused(rule: Any) -> None:
    name = rule.__name__
    with pytest.raises(ValueError, match=rf"{name}: dw has shape \(2, 3\), expected \(3, 2\)"):
        rule(np.ones((3, 2)), np.ones((2, 3)))


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        (optim.sgd_momentum, "velocity"), (optim.rmsprop, "cache"), (optim.adam, "m"),
        (optim.adam, "v"),
    ],
)  # fmt: skip
def test_a_state_of_another_shape_is_named(rule: Any, key: str) -> None:
    with pytest.raises(ValueError, match=rf"config\['{key}'\] has shape \(4,\), expected \(3,\)"):
        rule(np.ones(3), np.ones(3), {key: np.ones(4)})


@pytest.mark.parametrize(
    "rule", [optim.sgd, optim.sgd_momentum, optim.rmsprop, optim.adam], ids=lambda f: f.__name__
)
def test_a_setting_that_is_no_number_is_named_before_w_moves(rule: Any) -> None:
    w = np.ones(3)
    with pytest.raises(TypeError, match=rf"^{rule.__name__}: config\['learning_rate'\] is 'x', e"):
        rule(w, np.ones(3), {"learning_rate": "x"})
    assert w.tolist() == [1, 1, 1]

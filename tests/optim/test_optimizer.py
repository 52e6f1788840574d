"""Groups, errors that leave everything as it was, and the state's round trip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite.optim import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, RMSprop, no_decay

ALL: list[Optimizer] = [
    SGD(0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
    RMSprop(momentum=0.9),
    Adam(weight_decay=0.01),
    SGD(0.1, momentum=0.9, dampening=0.1, maximize=True),
    RMSprop(centered=True),
    AdamW(amsgrad=True),
]


def two() -> dict[str, np.ndarray]:
    return {"a": np.ones((2, 3)), "b": np.full(3, 2.0)}


def test_parameters_change_in_place_and_gradients_do_not() -> None:
    for optimizer in ALL:
        params, grads = two(), two()
        array = params["a"]
        optimizer.step(params, grads)
        assert params["a"] is array
        assert not np.any(array == 1)
        np.testing.assert_equal(grads, two())


def test_any_strides_are_updated() -> None:
    """An assignment to a reshaped copy would leave a transposed parameter as it was."""
    whole = np.ones((6, 4))
    grad = np.arange(6.0).reshape(2, 3)
    SGD(1.0).step({"a": whole.T[::2, ::2]}, {"a": np.asfortranarray(grad)})
    np.testing.assert_array_equal(whole.T[::2, ::2], 1 - grad)
    assert np.sum(whole != 1) == 5  # grad's first entry is 0


def test_lr_factor_scales_every_group() -> None:
    params = two()
    optimizer = SGD(1.0, groups=[{"match": lambda key, array: key == "b", "lr": 0.5}])
    optimizer.step(params, {key: np.ones_like(array) for key, array in params.items()}, 0.25)
    np.testing.assert_array_equal(params["a"], 0.75)
    np.testing.assert_array_equal(params["b"], 2 - 0.125)


def test_first_match_wins() -> None:
    params = {"a": np.zeros((1, 1)), "b": np.zeros(1)}
    groups = [{"match": no_decay, "lr": 2.0}, {"match": lambda key, array: True, "lr": 3.0}]
    SGD(1.0, groups=groups).step(params, {"a": np.ones((1, 1)), "b": np.ones(1)})
    assert (params["a"].item(), params["b"].item()) == (-3, -2)


def test_scratch_serves_small_arrays_after_large_ones() -> None:
    params = {"small": np.ones(1), "large": np.ones((4, 4)), "again": np.ones((2, 2))}
    SGD(1.0, weight_decay=1.0).step(params, {key: array * 0 for key, array in params.items()})
    assert all(np.all(array == 0) for array in params.values())


@pytest.mark.parametrize(
    ("grads", "error", "message"),
    [
        ({"b": np.ones(4)}, ValueError, r"'b': gradient has shape \(4,\), parameter \(3,\)"),
        ({"b": np.ones(3, np.float32)}, TypeError, "'b': gradient is float32, parameter float64"),
        ({"c": np.ones(3)}, ValueError, "'c' has a gradient but no parameter"),
        ({"b": [1.0, 2.0, 3.0]}, TypeError, "'b': gradient must be an array, got list"),
    ],
)
def test_bad_gradient_is_named_and_nothing_has_changed(
    grads: dict[str, Any], error: type[Exception], message: str
) -> None:
    for optimizer in (SGD(0.1, momentum=0.9), RMSprop(), Adam()):
        params = two()
        with pytest.raises(error, match=message):
            optimizer.step(params, {"a": np.ones((2, 3)), **grads})
        np.testing.assert_equal(params, two())
        assert optimizer.state == {}


def test_bad_parameters_are_named() -> None:
    frozen = np.ones(3)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="SGD: 'b': parameter is read-only"):
        SGD(0.1).step({"b": frozen}, {"b": np.ones(3)})
    with pytest.raises(TypeError, match="SGD: 'b': parameter must be of floats, got int64"):
        SGD(0.1).step({"b": np.ones(3, int)}, {"b": np.ones(3, int)})


def test_state_of_another_model_is_named() -> None:
    optimizer = SGD(0.1, momentum=0.9)
    optimizer.step(two(), two())
    with pytest.raises(
        ValueError, match=r"'b': momentum_buffer has shape \(3,\), parameter \(5,\)"
    ):
        optimizer.step({"b": np.ones(5)}, {"b": np.ones(5)})
    with pytest.raises(TypeError, match="'b': momentum_buffer is float64, parameter float32"):
        optimizer.step({"b": np.ones(3, np.float32)}, {"b": np.ones(3, np.float32)})


@pytest.mark.parametrize("factor", [-0.1, np.nan, np.inf])
def test_bad_lr_factor(factor: float) -> None:
    params = two()
    with pytest.raises(ValueError, match=r"SGD: lr_factor is .*, expected a number from 0 up"):
        SGD(0.1).step(params, two(), factor)
    np.testing.assert_equal(params, two())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SGD(-1), ValueError, "SGD: lr is -1, expected a number from 0 up"),
        (lambda: SGD("fast"), TypeError, "SGD: lr is 'fast', expected a number"),
        (lambda: SGD(True), TypeError, "SGD: lr is True, expected a number"),
        (lambda: SGD(np.nan), ValueError, "SGD: lr is nan, expected a number"),
        (lambda: SGD(0.1, nesterov=True), ValueError, "SGD: nesterov needs a momentum above 0"),
        (lambda: SGD(0.1, 0.9, 0, 0, 1), TypeError, "SGD: nesterov is 1, expected True or False"),
        (lambda: SGD(0.1, 0.9, 0.1, nesterov=True), ValueError, "nesterov needs a dampening of 0"),
        (lambda: SGD(0.1, maximize=1), TypeError, "SGD: maximize is 1, expected True or False"),
        (lambda: Adam(amsgrad=1), TypeError, "Adam: amsgrad is 1, expected True or False"),
        (lambda: AdamW(weight_decay=-1), ValueError, "AdamW: weight_decay is -1, expected"),
        (lambda: RMSprop(centered=0), TypeError, "RMSprop: centered is 0, expected True or"),
        (lambda: SGD(0.1, weight_decay=-1), ValueError, "SGD: weight_decay is -1, expected"),
        (lambda: RMSprop(alpha=1), ValueError, "RMSprop: alpha is 1, expected a number from 0"),
        (lambda: Adam(betas=(0.9, 1.0)), ValueError, r"Adam: betas\[1\] is 1.0, expected a number"),
        (lambda: Adam(betas=0.9), TypeError, "Adam: betas must be a pair, got 0.9"),
        (lambda: Adam(groups=[{"lr": 1}]), TypeError, r"Adam: groups\[0\] must be a mapping with"),
        (
            lambda: SGD(0.1, groups=[{"match": no_decay, "decay": 0}]),
            ValueError,
            r"groups\[0\] has the unknown option 'decay'; known: lr, momentum, dampening, wei",
        ),
        (
            lambda: SGD(0.1, groups=[{"match": no_decay, "lr": -1}]),
            ValueError,
            r"SGD: groups\[0\]: lr is -1, expected a number from 0 up",
        ),
    ],
)
def test_bad_options(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


ROUNDS: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {"lr": 0.1, "momentum": 0.9}),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    ("rmsprop", {"momentum": 0.9}),
    ("rmsprop", {"centered": True}),
    ("adam", {}),
    ("adam", {"amsgrad": True}),
    ("adamw", {"amsgrad": True}),
    ("muon", {}),
]


@pytest.mark.parametrize(("name", "options"), ROUNDS)
def test_state_goes_round_bit_by_bit(name: str, options: dict[str, Any]) -> None:
    first, second = OPTIMIZERS[name](**options), OPTIMIZERS[name](**options)
    first.lr = 0.3
    params = two()
    for seed in range(3):
        grads = {"a": np.random.default_rng(seed).standard_normal((2, 3)), "b": np.ones(3)}
        first.step(params, grads)
    copies = {key: array.copy() for key, array in params.items()}
    state = first.state_dict()
    assert all(isinstance(array, np.ndarray) for array in state.values())
    second.load_state_dict(state)
    first.step(params, grads)
    assert not any(np.shares_memory(state[key], other) for key, other in first.state_dict().items())
    second.step(copies, grads)
    for key, array in params.items():
        assert array.tobytes() == copies[key].tobytes()


def test_state_of_another_optimizer_is_refused() -> None:
    adam = Adam()
    adam.step(two(), two())
    sgd = SGD(0.1, momentum=0.9)
    sgd.step(two(), two())
    before = sgd.state_dict()
    with pytest.raises(ValueError, match=r"SGD: the state of 'a' has .*expected .*momentum_buffer"):
        sgd.load_state_dict(adam.state_dict())
    np.testing.assert_equal(sgd.state_dict(), before)


def test_half_of_adams_state_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Adam: the state of 'a' has .*exp_avg"):
        Adam().load_state_dict({"a/exp_avg": np.ones(3)})


def test_config_is_plain_values() -> None:
    optimizer = SGD(np.float32(0.5), momentum=0.9, groups=[{"match": no_decay, "weight_decay": 0}])
    config = optimizer.config()
    assert config["name"] == "SGD"
    assert config["lr"] == 0.5
    assert type(config["lr"]) is float
    assert config["groups"][0]["match"] == "no_decay"
    assert config["groups"][0]["weight_decay"] == 0


def test_a_learning_rate_that_is_set_moves_the_groups_in_proportion() -> None:
    groups = [
        {"match": lambda key, array: key == "a", "lr": 0.5},
        {"match": lambda key, array: key == "b", "weight_decay": 0.0},
    ]
    optimizer, config = SGD(1.0, groups=groups), SGD(1.0, groups=groups).config()
    optimizer.lr = np.float32(0.25)
    params = {"a": np.zeros(1), "b": np.zeros(1), "c": np.zeros(1)}
    optimizer.step(params, {key: np.ones(1) for key in params}, 0.5)
    assert (params["a"], params["b"], params["c"]) == (-0.0625, -0.125, -0.125)
    assert optimizer.lr == 0.25
    assert type(optimizer.lr) is float
    assert optimizer.config() == config  # so that a checkpoint is still of this training


def test_a_learning_rate_of_0_can_be_left_again() -> None:
    optimizer = SGD(0.0, groups=[{"match": no_decay, "lr": 0.5}])
    optimizer.lr = 0.1
    params = {"a": np.zeros((1, 1)), "b": np.zeros(1)}
    optimizer.step(params, {"a": np.ones((1, 1)), "b": np.ones(1)})
    assert (params["a"], params["b"]) == (-0.1, -0.5)


@pytest.mark.parametrize("lr", [-1, np.nan, "fast", True, None])
def test_bad_learning_rate_is_not_set(lr: Any) -> None:
    optimizer = AdamW(0.1)
    with pytest.raises((TypeError, ValueError), match=r"AdamW: lr is .*, expected"):
        optimizer.lr = lr
    assert optimizer.lr == 0.1


def test_state_of_an_optimizer_whose_lr_was_never_set_sets_it_back() -> None:
    optimizer = Adam(0.1)
    optimizer.lr = 0.2
    state = optimizer.state_dict()
    optimizer.load_state_dict(Adam().state_dict())
    assert optimizer.lr == 0.1
    optimizer.load_state_dict(state)
    assert optimizer.lr == 0.2
    with pytest.raises(ValueError, match="Adam: lr is nan"):
        optimizer.load_state_dict({"lr": np.array(np.nan)})
    assert optimizer.lr == 0.2

"""A step happens wholly or not at all, and an optimizer's state belongs to one model."""

import copy
import pickle
import signal
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnlite import Linear, Sequential, Solver
from cnnlite.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from tests import trainings

Make = Callable[[], Optimizer]
MAKERS: list[Make] = [
    lambda: SGD(0.1),
    lambda: SGD(0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
    lambda: RMSprop(0.1),
    lambda: RMSprop(0.1, momentum=0.9),
    lambda: Adam(0.1, weight_decay=0.01),
    lambda: SGD(0.1, momentum=0.9, dampening=0.5, weight_decay=0.01),
    lambda: RMSprop(0.1, momentum=0.9, centered=True),
    lambda: Adam(0.1, amsgrad=True),
    lambda: AdamW(0.1, weight_decay=0.1),
]
every_optimizer = pytest.mark.parametrize("make", MAKERS)
with_state = pytest.mark.parametrize("make", MAKERS[1:])


def params() -> dict[str, Any]:
    return {"first": np.ones((2, 3)), "bad": np.ones(3), "last": np.ones(2)}


def grads() -> dict[str, Any]:
    return {key: np.full_like(array, 0.5) for key, array in params().items()}


def read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


BAD_PARAMETERS: dict[str, Any] = {
    "float16": np.ones(3, np.float16),
    "longdouble": np.ones(3, np.longdouble),
    "complex": np.ones(3, complex),
    "int": np.ones(3, int),
    "bool": np.ones(3, bool),
    "object": np.ones(3, object),
    "other byte order": np.ones(3, np.dtype(np.float64).newbyteorder("S")),
    "read-only": read_only(np.ones(3)),
    "read-only view": read_only(np.ones((3, 2))[:, 0]),
    "repeated": np.lib.stride_tricks.as_strided(np.ones(1), (3,), (0,)),
    "list": [1.0, 1.0, 1.0],
    "scalar": np.float64(1),
    "None": None,
}


@every_optimizer
@pytest.mark.parametrize("name", BAD_PARAMETERS)
def test_parameters_that_cannot_be_moved_gave_nan_or_half_a_step(make: Make, name: str) -> None:
    bad = BAD_PARAMETERS[name]
    given = {**params(), "bad": bad}
    gradient = np.asarray(bad) if isinstance(bad, np.ndarray) else np.ones(3)
    optimizer = make()
    with pytest.raises((TypeError, ValueError), match=r"^\w+: 'bad': parameter "):
        optimizer.step(given, {**grads(), "bad": gradient})
    np.testing.assert_array_equal(given["first"], 1)
    np.testing.assert_array_equal(given["last"], 1)
    assert optimizer.state == {}


@every_optimizer
@pytest.mark.parametrize(
    "gradient",
    [
        [0.5, 0.5, 0.5],
        0.5,
        np.float64(0.5),
        np.ones(4),
        np.ones((3, 1)),
        np.ones(()),
        np.ones(0),
        np.ones(3, np.float32),
        np.ones(3, np.float16),
        np.ones(3, complex),
        np.ones(3, object),
        np.ones(3, np.dtype(np.float64).newbyteorder("S")),
    ],
)
def test_one_bad_gradient_had_moved_the_parameters_before_it(make: Make, gradient: Any) -> None:
    given, optimizer = params(), make()
    with pytest.raises((TypeError, ValueError), match="'bad': gradient "):
        optimizer.step(given, {**grads(), "bad": gradient})
    np.testing.assert_equal(given, params())
    assert optimizer.state == {}


@every_optimizer
def test_bad_mappings_and_factors(make: Make) -> None:
    given, optimizer = params(), make()
    for arguments in (
        (None, grads()),
        (given, None),
        (list(given), grads()),
        (given, [1.0]),
        (given, grads(), "fast"),
        (given, grads(), True),
        (given, grads(), 10**400),
        (given, grads(), np.complex64(1)),
    ):
        with pytest.raises((TypeError, ValueError), match=type(optimizer).__name__):
            optimizer.step(*arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'typo' has a gradient but no parameter"):
        optimizer.step(given, {**grads(), "typo": np.ones(3)})
    np.testing.assert_equal(given, params())
    optimizer.step({}, {})
    optimizer.step(given, {})
    np.testing.assert_equal(given, params())


@with_state
def test_without_memory_for_the_state_nothing_moves(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, optimizer, made = params(), make(), []
    zeros = np.zeros

    def short(*arguments: Any, **options: Any) -> Any:
        made.append(arguments)
        if len(made) > 1:
            raise MemoryError
        return zeros(*arguments, **options)

    monkeypatch.setattr(np, "zeros", short)
    with pytest.raises(MemoryError):
        optimizer.step(given, grads())
    monkeypatch.undo()
    np.testing.assert_equal(given, params())
    assert optimizer.state == {}
    optimizer.step(given, grads())
    assert len(optimizer.state) == 3


@every_optimizer
def test_underflow_stopped_a_step_in_its_middle(make: Make) -> None:
    """Under np.seterr(all="raise") a gradient of 1e-20 has a square that float32 does not hold."""
    ends = []
    for settings in ({}, {"all": "raise"}):
        given = {key: array.astype(np.float32) for key, array in params().items()}
        optimizer = make()
        gradients = [
            {key: np.full(a.shape, size, np.float32) for key, a in given.items()}
            for size in (1e-20, 1e-40, 1e30, 1e-20)
        ]
        with np.errstate(**settings):  # type: ignore[arg-type]
            before = np.geterr()
            for small in gradients:
                optimizer.step(given, small)
            assert np.geterr() == before
        ends.append((given, optimizer.state_dict()))
    np.testing.assert_equal(ends[0], ends[1])


@every_optimizer
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gradients_that_are_not_finite_move_to_nan_as_in_pytorch(make: Make, value: float) -> None:
    given = params()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            make().step(given, {"bad": np.full(3, value)})
    assert not np.isfinite(given["bad"]).any()
    np.testing.assert_array_equal(given["first"], 1)


class Interrupted(SGD):
    """Gets Ctrl-C between its first parameter and its second."""

    calls = 0

    def update(self, *arguments: Any, **options: Any) -> None:
        super().update(*arguments, **options)
        self.calls += 1
        if self.calls == 1:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_waits_for_the_end_of_the_step() -> None:
    given, optimizer = params(), Interrupted(1.0)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        optimizer.step(given, grads())
    assert signal.getsignal(signal.SIGINT) is before
    for array in given.values():
        np.testing.assert_array_equal(array, 0.5)


def test_the_programs_own_answer_to_ctrl_c_is_given_after_the_step() -> None:
    given, moved = params(), []
    before = signal.signal(signal.SIGINT, lambda *_: moved.append(given["last"].copy()))
    try:
        Interrupted(1.0).step(given, grads())
    finally:
        signal.signal(signal.SIGINT, before)
    np.testing.assert_array_equal(moved, [[0.5, 0.5]])


def test_a_step_in_another_thread() -> None:
    from concurrent.futures import ThreadPoolExecutor

    given = params()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(SGD(1.0).step, given, grads()).result()
    np.testing.assert_array_equal(given["first"], 0.5)


@every_optimizer
def test_parameters_without_axes(make: Make) -> None:
    """The sum of two gradients without axes is a NumPy scalar, which was refused."""
    given = {"w": np.ones(())}
    optimizer = make()
    optimizer.step(given, {"w": np.ones(()) + np.ones(())})
    assert given["w"] < 1
    optimizer.step(given, {"w": np.ones(())})


@with_state
def test_the_momentum_of_one_model_moved_the_next_one(make: Make) -> None:
    first, second, optimizer = params(), params(), make()
    optimizer.step(first, grads())
    kept = optimizer.state_dict()
    with pytest.raises(ValueError, match=r"'first' is not the array .* state belongs to one model"):
        optimizer.step(second, grads())
    np.testing.assert_equal(second, params())
    np.testing.assert_equal(optimizer.state_dict(), kept)
    del first  # a notebook's cell that makes the model anew
    with pytest.raises(ValueError, match="make a new optimizer"):
        optimizer.step(params(), grads())
    optimizer.state.clear()
    optimizer.step(second, grads())
    fresh, expected = make(), params()
    fresh.step(expected, grads())
    np.testing.assert_equal(second, expected)


@with_state
def test_states_that_are_loaded_and_copies_belong_to_what_comes_next(make: Make) -> None:
    first, optimizer = params(), make()
    optimizer.step(first, grads())
    loaded = make()
    loaded.load_state_dict(optimizer.state_dict())
    for other in (loaded, copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        array = {key: value.copy() for key, value in first.items()}
        expected = {key: value.copy() for key, value in first.items()}
        reference = make()
        reference.load_state_dict(optimizer.state_dict())
        reference.step(expected, grads())
        other.step(array, grads())
        np.testing.assert_equal(array, expected)
        with pytest.raises(ValueError, match="is not the array"):
            other.step(params(), grads())


def test_without_state_nothing_is_carried_over() -> None:
    optimizer = SGD(0.1)
    optimizer.step(params(), grads())
    optimizer.step(params(), grads())


@with_state
def test_parameters_may_be_moved_in_turns(make: Make) -> None:
    given, whole = params(), params()
    optimizer, reference = make(), make()
    for _ in range(2):
        for key in given:
            optimizer.step({key: given[key]}, {key: grads()[key]})
        reference.step(whole, grads())
    np.testing.assert_equal(given, whole)


def test_tied_parameters_of_a_plain_dict_are_moved_once() -> None:
    weight = np.ones(3)
    given = {"a": weight, "b": np.ones(3), "c": weight}
    optimizer = SGD(0.25, momentum=0.5)
    optimizer.step(given, {"c": np.ones(3), "a": np.ones(3), "b": None})
    np.testing.assert_array_equal(weight, 0.5)
    optimizer.step(given, {"c": np.ones(3)})
    np.testing.assert_array_equal(weight, 0.5 - 0.25 * 2)
    assert set(optimizer.state) == {"a"}


@every_optimizer
def test_views_of_one_array_are_refused(make: Make) -> None:
    weight = np.ones((3, 3))
    given = {"encoder": weight, "decoder": weight.T}
    with pytest.raises(ValueError, match=r"decoder .* shares memory with encoder"):
        make().step(given, {key: np.ones((3, 3)) for key in given})
    np.testing.assert_array_equal(weight, 1)


@pytest.mark.parametrize("step", [-1, 1.5, "many", np.ones(2)])
def test_a_number_of_steps_that_is_none(step: Any) -> None:
    """-1 would divide by zero when some parameters have moved."""
    optimizer = Adam()
    optimizer.step(params(), grads())
    with pytest.raises(ValueError, match="Adam: 'bad': step must be an integer from 0 up"):
        optimizer.load_state_dict({**optimizer.state_dict(), "bad/step": step})
    given, optimizer = params(), Adam()
    optimizer.step(given, grads())
    before = copy.deepcopy(given)
    optimizer.state["bad"]["step"] = step
    with pytest.raises(ValueError, match="'bad': step must be"):
        optimizer.step(given, grads())
    np.testing.assert_equal(given, before)


def test_a_state_that_was_spoilt_by_hand() -> None:
    given, optimizer = params(), SGD(0.1, momentum=0.9)
    optimizer.step(given, grads())
    before = copy.deepcopy(given)
    for spoilt in ([0.0] * 3, np.zeros(4), np.zeros(3, np.float32), read_only(np.zeros(3))):
        optimizer.state["bad"]["momentum_buffer"] = spoilt
        with pytest.raises((TypeError, ValueError), match="'bad': momentum_buffer "):
            optimizer.step(given, grads())
        np.testing.assert_equal(given, before)


@pytest.mark.parametrize("groups", [None, 3, {"match": lambda key, array: True}])
def test_groups_that_are_no_list(groups: Any) -> None:
    with pytest.raises(TypeError, match=r"SGD: groups is .*, expected mappings in a list"):
        SGD(0.1, groups=groups)


@pytest.mark.parametrize("lr", [10**400, np.complex64(1), 1j, np.bool_(True), None, np.ones(1)])
def test_numbers_that_are_none(lr: Any) -> None:
    for kind in (SGD, RMSprop, Adam):
        with pytest.raises((TypeError, ValueError), match=rf"{kind.__name__}: lr is .*, expected"):
            kind(lr=lr)


def test_a_group_that_matches_nothing_changes_nothing() -> None:
    given, plain = params(), params()
    SGD(0.1, groups=[{"match": lambda key, array: False, "lr": 9}]).step(given, grads())
    SGD(0.1).step(plain, grads())
    np.testing.assert_equal(given, plain)


def test_a_solver_refuses_the_optimizer_of_another_model() -> None:
    optimizer = SGD(0.02, momentum=0.9)
    solver = trainings.solver(optimizer=optimizer, num_epochs=1)
    solver.train()
    trainings.solver(model=solver.model, optimizer=optimizer, num_epochs=1)  # the same model
    with pytest.raises(ValueError, match=r"SGD: .* is not the array .* make a new optimizer"):
        trainings.solver(optimizer=optimizer)
    other = Sequential(*list(trainings.model())[:-1], Linear(64, 4, bias=False))
    with pytest.raises(ValueError, match="SGD: "):
        Solver(other, trainings.data(), optimizer=optimizer, verbose=False)
    optimizer.state = {"gone": {"momentum_buffer": np.zeros(3)}}
    with pytest.raises(ValueError, match="it has a state for 'gone', which this model has not"):
        trainings.solver(optimizer=optimizer)


@every_optimizer
def test_a_parameter_whose_rows_overlap_was_moved_as_if_they_did_not(make: Make) -> None:
    base = np.ones(5)
    windows = np.lib.stride_tricks.as_strided(base, (3, 3), (8, 8), writeable=True)
    with pytest.raises(ValueError, match="parameter repeats its elements"):
        make().step({"w": windows}, {"w": np.ones((3, 3))})
    np.testing.assert_array_equal(base, 1)
    apart = np.ones((4, 5, 6))[::2, ::-2].transpose(2, 0, 1)
    make().step({"w": apart}, {"w": np.ones(apart.shape)})
    assert (apart < 1).all()

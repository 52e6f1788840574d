"""Each argument of each public function takes its spellings, and refuses the rest by name."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import cnnlite
import cnnlite.functional as F
from cnnlite import initializers, schedules
from cnnlite.catalogue import LAYERS
from cnnlite.data import Dataset
from cnnlite.layers import Layer
from cnnlite.optim import Optimizer
from tests.every_argument import BY_ANNOTATION, CALLS, KINDS, Call, Kind

IMAGES = ("convolution", "pooling", "resampling")
WINDOWS = tuple(entry.layer for entry in LAYERS.values() if entry.family in IMAGES)
ARGUMENTS = [
    pytest.param(call, argument, id=f"{getattr(call.function, '__name__', call.name)}-{argument}")
    for call in CALLS
    for argument in inspect.signature(call.function).parameters
    if call.kinds.get(argument, True) is not None
]


@pytest.fixture(autouse=True)
def nothing_stays_set() -> Any:
    threads = cnnlite.get_num_threads()
    yield
    cnnlite.set_num_threads(threads)
    cnnlite.manual_seed(0)


def kind_of(call: Call, argument: str) -> Kind:
    declared = inspect.signature(call.function).parameters[argument].annotation
    by_name = KINDS.get(argument, BY_ANNOTATION.get(declared))
    kind = call.kinds.get(argument, by_name)
    assert kind is not None, f"{call.name}: give {argument} a kind in tests/every_argument.py"
    return kind


def run(call: Call, argument: str, value: Any) -> Any:
    cnnlite.manual_seed(0)  # what is used where the call has no rng
    given = {**call.arguments, **call.together.get(argument, {})}
    given = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in given.items()}
    return call.function(**{**given, argument: value})


def seen(result: Any) -> Any:
    """What of a result two spellings of an argument must have in common."""
    if isinstance(result, WINDOWS):
        # Not as it is printed: 2 and (2, 2) stay as they were given.
        channels, weight = getattr(result, "in_channels", 1), result.params.get("weight")
        dtype = np.float32 if weight is None else weight.dtype
        shape = (1, channels, *[7] * LAYERS[type(result).__name__].axes)
        return result(np.arange(np.prod(shape), dtype=dtype).reshape(shape))
    if isinstance(result, Layer):
        return repr(result), list(result.state_dict().values())
    if isinstance(result, np.random.Generator):
        return result.random(3)
    if isinstance(result, tuple) and not isinstance(result[0], int):
        return result[0]
    if isinstance(result, Optimizer):
        return result.options
    if isinstance(result, Dataset):
        return dict(result)
    return getattr(result, "__dict__", result)


def refusal(call: Call, argument: str, value: Any) -> str:
    try:
        run(call, argument, value)
    except (TypeError, ValueError) as error:
        return str(error)
    return f"{value!r} was taken"


@pytest.mark.parametrize(("call", "argument"), ARGUMENTS)
def test_every_spelling_means_the_same(call: Call, argument: str) -> None:
    kind = kind_of(call, argument)
    if not kind.spellings:
        return
    expected = seen(run(call, argument, kind.plain))
    for value in kind.spellings:
        np.testing.assert_equal(seen(run(call, argument, value)), expected, err_msg=repr(value))


@pytest.mark.parametrize(("call", "argument"), ARGUMENTS)
def test_what_an_argument_is_not_is_refused_by_name(call: Call, argument: str) -> None:
    default = inspect.signature(call.function).parameters[argument].default
    for value in kind_of(call, argument).refused:
        if value is None and default is None:
            continue  # it stands for the default
        message = refusal(call, argument, value)
        assert message.startswith(f"{call.name}: "), (value, message)
        assert argument in message, (value, message)


def test_no_public_function_is_left_out() -> None:
    functions = {getattr(F, name) for name in F.__all__ if name[0].islower()}
    functions |= {getattr(initializers, name) for name in initializers.__all__}
    functions |= set(schedules.SCHEDULES.values())
    public = [getattr(cnnlite, name) for name in cnnlite.__all__]
    functions |= {thing for thing in public if isinstance(thing, type)}
    settings = {"x", "dy", "cache"}  # arrays only: tests/functional and tests/layers have them
    left = {
        function.__name__
        for function in functions - {call.function for call in CALLS}
        if set(inspect.signature(function).parameters) - settings
    }
    elsewhere = {"Solver", "Checkpoint", "Layer", "Residual"}
    assert left - elsewhere == set()

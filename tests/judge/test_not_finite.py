"""Infinities and NaN go exactly where PyTorch's go, forward and backward, in every operation."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.judge.cases import Array, Case, Maker, arrange, judged, tensor
from tests.judge.operations import CASES, OPERATIONS

SPECIAL = (np.inf, -np.inf, np.nan)


def sprinkled(make: Maker, x: Array | None, often: bool) -> Array | None:
    """A copy of x in which one or two numbers, if any, are special."""
    if x is None or not x.size or not often:
        return x
    x = np.array(x)
    for _ in range(make.size(1, 2)):
        x.flat[make.size(0, x.size - 1)] = make.one_of(*SPECIAL)
    return x


def kinds(x: Any) -> Array:
    """0 where a number is finite, else which of the special ones it is."""
    x = np.asarray(x)
    return np.isfinite(x)


def agree(torch: Any, make: Maker, case: Case) -> None:
    which = make.size(0, len(case.inputs))  # one of the inputs, or dy
    inputs = [sprinkled(make, x, i == which) for i, x in enumerate(case.inputs)]
    value, cache = case.forward(*inputs)
    known = case.cache(cache)
    tensors = [tensor(torch, x) for x in inputs]
    truth = case.judge(torch, *(tensors if known is None else [known, *tensors]))
    np.testing.assert_array_equal(kinds(value), kinds(truth.detach().numpy()), err_msg="y")
    dy = np.asarray(np.random.default_rng(0).standard_normal(np.shape(value)))
    dtype = next(x.dtype for x in inputs if x is not None)
    dy = np.asarray(sprinkled(make, dy.astype(dtype), which == len(inputs)))
    truth.backward(tensor(torch, dy, grad=False))
    given = arrange(dy, "C") if isinstance(value, np.ndarray) else float(dy)
    gradients = case.backward(given, cache)
    gradients = gradients if type(gradients) is tuple else (gradients,)
    for i, (gradient, twin) in enumerate(zip(gradients, tensors, strict=True)):
        if gradient is not None:
            want = kinds(twin.grad.numpy())
            np.testing.assert_array_equal(kinds(gradient), want, err_msg=f"gradient {i}")


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_not_finite_is_where_pytorch_has_it(torch: Any, name: str) -> None:
    @judged(4 * CASES.get(name, 25))
    @given(st.data())
    def check(data: Any) -> None:
        make = Maker(data.draw)
        agree(torch, make, OPERATIONS[name](make))

    check()

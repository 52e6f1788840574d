"""Infinities and NaN go exactly where PyTorch's go, forward and backward, in every operation."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.judge.cases import Array, Case, Maker, arrange, judged, tensor
from tests.judge.operations import CASES, OPERATIONS

SPECIAL = (np.inf, -np.inf, np.nan)
EXACT = (
    "im2col", "col2im", "conv", "max_pool", "avg_pool", "adaptive_avg_pool", "linear", "relu",
    "leaky_relu",
)  # fmt: skip
"""Where rounding cannot turn infinity, or a zero beside it, into something else: first words."""

JUDGED = [name for name in OPERATIONS if name not in ("hinge_loss", "focal_loss")]
"""PyTorch's multi_margin_loss takes no notice of NaN; its focal loss here is made of steps, whose
derivatives are NaN where that of the whole is not."""

INPUTS = {"batch_norm": (0, 3)}
"""What is sprinkled; of other norms x alone: an infinite gamma is multiplied with other
numbers first in PyTorch."""


NO_NAN = ("elu", "hardswish", "l1_loss", "smooth_l1_loss")
"""Of the first two, PyTorch's gradient at NaN is NaN or dy, as the number stands in its vectors or
behind; of the others it is 0, because PyTorch's sign(NaN) there is 0."""


def sprinkled(make: Maker, name: str, x: Array | None, often: bool) -> Array | None:
    """A copy of x in which one or two numbers, if any, are special."""
    if x is None or not x.size or not often:
        return x
    x = np.array(x)
    for _ in range(make.size(1, 2)):
        x.flat[make.size(0, x.size - 1)] = make.one_of(*SPECIAL[: 2 if name in NO_NAN else 3])
    return x


def kinds(name: str, x: Any) -> Array:
    """Which of the special numbers are where; of all but sums and choices, only where they are."""
    x = np.asarray(x)
    which = np.select([np.isnan(x), x == np.inf, x == -np.inf], [3, 1, 2], 0)
    return which if name.startswith(EXACT) else which > 0


@np.errstate(invalid="ignore", over="ignore")
def agree(torch: Any, make: Maker, name: str, case: Case) -> None:
    inputs = INPUTS.get(name, (0,) if name.endswith("_norm") else range(len(case.inputs)))
    which = make.one_of(*inputs, len(case.inputs))  # one of the inputs, or dy
    inputs = [sprinkled(make, name, x, i == which) for i, x in enumerate(case.inputs)]
    value, cache = case.forward(*inputs)
    known = case.cache(cache)
    tensors = [tensor(torch, x) for x in inputs]
    truth = case.judge(torch, *(tensors if known is None else [known, *tensors]))
    np.testing.assert_array_equal(
        kinds(name, value), kinds(name, truth.detach().numpy()), err_msg="y"
    )
    dy = np.asarray(np.random.default_rng(0).standard_normal(np.shape(value)))
    dtype = next(x.dtype for x in inputs if x is not None)
    dy = np.asarray(sprinkled(make, name, dy.astype(dtype), which == len(inputs)))
    truth.backward(tensor(torch, dy, grad=False))
    given = arrange(dy, "C") if isinstance(value, np.ndarray) else float(dy)
    gradients = case.backward(given, cache)
    gradients = gradients if type(gradients) is tuple else (gradients,)
    for i, (gradient, twin) in enumerate(zip(gradients, tensors, strict=True)):
        if gradient is not None:
            want = kinds(name, twin.grad.numpy())
            np.testing.assert_array_equal(kinds(name, gradient), want, err_msg=f"gradient {i}")


@pytest.mark.parametrize("name", JUDGED)
def test_what_is_not_finite_is_where_pytorch_has_it(torch: Any, name: str) -> None:
    @judged(CASES.get(name, 25))
    @given(st.data())
    def check(data: Any) -> None:
        make = Maker(data.draw)
        agree(torch, make, name, OPERATIONS[name](make))

    check()

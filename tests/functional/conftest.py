"""Two judges of a forward/backward pair: PyTorch, and central differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnlite.gradcheck import numeric_gradient, relative_error

Forward = Callable[..., tuple[Any, Any]]


def _tuple(result: Any) -> tuple[Any, ...]:
    return result if type(result) is tuple else (result,)


def _assert_close(ours: Any, theirs: Any, what: str) -> None:
    assert ours.shape == theirs.shape, what
    assert ours.dtype == theirs.dtype, what
    tolerance = 1e-11 if ours.dtype == np.float64 else 3e-5
    scale = max(1.0, float(np.max(np.abs(theirs), initial=0.0, where=np.isfinite(theirs))))
    np.testing.assert_allclose(
        ours, theirs, rtol=tolerance, atol=tolerance * scale, err_msg=what, equal_nan=True
    )


@pytest.fixture
def as_torch(torch: Any, rng: np.random.Generator) -> Callable[..., None]:
    """as_torch(forward, backward, theirs, *inputs): same outputs and gradients as PyTorch.

    Inputs that are None stay None; the others get a gradient, in their order.
    """

    def check(forward: Forward, backward: Callable[..., Any], theirs: Any, *inputs: Any) -> None:
        y, cache = forward(*inputs)
        tensors = [None if a is None else torch.tensor(a, requires_grad=True) for a in inputs]
        expected = theirs(*tensors)
        _assert_close(y, expected.detach().numpy(), "y")
        dy = rng.standard_normal(y.shape).astype(y.dtype)
        expected.backward(torch.tensor(dy))
        gradients = _tuple(backward(dy, cache))
        for i, (gradient, tensor) in enumerate(zip(gradients, tensors, strict=True)):
            assert (gradient is None) == (tensor is None)
            if tensor is not None:
                _assert_close(gradient, tensor.grad.numpy(), f"gradient {i}")

    return check


@pytest.fixture
def as_differences(rng: np.random.Generator) -> Callable[..., None]:
    """as_differences(forward, backward, *inputs, below=..., h=...): gradients equal differences."""

    def check(
        forward: Forward,
        backward: Callable[..., Any],
        *inputs: Any,
        below: float = 1e-7,
        h: float = 1e-5,
    ) -> None:
        y, cache = forward(*inputs)
        dy = rng.standard_normal(y.shape)
        for x, gradient in zip(inputs, _tuple(backward(dy, cache)), strict=True):
            numeric = numeric_gradient(lambda _: forward(*inputs)[0], x, dy, h)
            # Differences of outputs near 1 carry errors near 1e-10, much for a small number.
            assert relative_error(gradient, numeric, floor=1e-2) < below

    return check

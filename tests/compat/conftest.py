"""What the tests of course code share."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cnnlite.gradcheck import numeric_gradient, relative_error


@pytest.fixture
def course_seed() -> Iterator[None]:
    """NumPy's global stream, begun as the notebooks begin it, and put back."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(231)  # noqa: NPY002
    yield
    np.random.set_state(state)  # noqa: NPY002


@pytest.fixture
def assert_derivatives(rng: np.random.Generator) -> Callable[..., None]:
    """Compare what a backward pass returns with differences of its forward pass."""

    def check(
        forward: Callable[..., Any], backward: Callable[..., Any], *arrays: np.ndarray
    ) -> None:
        out, cache = forward(*arrays)
        dout = rng.standard_normal(out.shape)
        found = backward(dout, cache)
        found = found if isinstance(found, tuple) else (found,)
        assert len(found) == len(arrays)
        for array, gradient in zip(arrays, found, strict=True):
            numeric = numeric_gradient(lambda _: forward(*arrays)[0], array, dout)
            assert gradient.shape == array.shape
            assert relative_error(numeric, gradient, floor=1e-5) < 1e-6

    return check

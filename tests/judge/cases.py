"""One generated case: inputs of any memory order, our pair of functions, and the judge's.

The judge computes in float64 whatever our dtype is, from the same numbers: it is the truth, and
what float32 may differ by is stated once, in TOLERANCE.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from cnnlite import environment
from tests.generated import generated

Array = np.ndarray[Any, Any]
Draw = Callable[..., Any]

ASKED = environment.JUDGE_CASES.value()
"""Cases of each operation and layer; 0: the suite's own numbers, the same cases in every run."""

TOLERANCE = {"float32": 5e-5, "float64": 1e-10}
"""Of the largest number of an array, or of 1 if that is larger."""

done: dict[str, int] = {}
"""How many cases each suite has judged, for the summary."""


def judged(cases: int) -> settings:
    """Hypothesis's settings for so many cases: always the same, or as many new ones as asked."""
    return generated(cases, ASKED)


class Case(NamedTuple):
    """What is compared; `inputs` in the order of the gradients, None where there is none."""

    inputs: tuple[Array | None, ...]
    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[[Any, Any], Any]
    judge: Callable[..., Any]  # the same of torch and tensors, float64
    cache: Callable[[Any], Any] = lambda cache: None  # what the judge must know of the cache


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": lambda x: x.copy(),
    "Fortran": lambda x: np.asfortranarray(x),
    "every second": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "channels last": lambda x: np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1),
    "odd address": lambda x: _at_an_odd_address(x),
    "read-only": lambda x: _read_only(x),
}


def arrange(x: Array, layout: str) -> Array:
    """The same numbers in another memory order, where the array has axes enough for it."""
    enough = {"Fortran": 1, "channels last": 3, "every second": 1, "backwards": 1}.get(layout, 0)
    return LAYOUTS[layout](x) if x.ndim >= enough else x.copy()


def _at_an_odd_address(x: Array) -> Array:
    raw = np.zeros(x.nbytes + 1, np.uint8)
    view = raw[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


def _read_only(x: Array) -> Array:
    x = np.array(x)
    x.flags.writeable = False
    return x


class Maker:
    """Draws a case's numbers: one seed, one dtype, a memory order for each array."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.dtype = np.dtype(draw(st.sampled_from(["float32", "float64"])))
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def one_of(self, *values: Any) -> Any:
        """One of the values."""
        return self.draw(st.sampled_from(values))

    def size(self, least: int, most: int) -> int:
        """A number from least to most."""
        return int(self.draw(st.integers(least, most)))

    def layout(self, x: Array) -> Array:
        """x in the case's dtype and some memory order."""
        return arrange(np.asarray(x, self.dtype), self.one_of(*LAYOUTS))

    def normal(self, *shape: int) -> Array:
        """Normally distributed numbers."""
        return self.layout(np.asarray(self.rng.standard_normal(shape)))

    def few(self, *shape: int) -> Array:
        """Small integers, many of them equal."""
        return self.layout(self.rng.integers(-2, 3, shape))

    def maybe(self, array: Array) -> Array | None:
        """The array, or none."""
        return array if self.draw(st.booleans()) else None


def tensor(torch: Any, x: Array | None, grad: bool = True) -> Any:
    """A float64 copy for the judge."""
    return None if x is None else torch.tensor(np.array(x, np.float64), requires_grad=grad)


def agree(torch: Any, case: Case, suite: str) -> None:
    """Fail unless forward, backward and what forward moves are the judge's, in any memory order."""
    value, cache = case.forward(*case.inputs)
    y = np.asarray(value)
    dtype = next(x.dtype for x in case.inputs if x is not None)
    if case.cache(cache) is not None:
        case = case._replace(judge=_with(case.judge, case.cache(cache)))
    tensors = [tensor(torch, x) for x in case.inputs]
    truth = case.judge(torch, *tensors)
    close(y, truth, dtype, "y")
    dy = np.asarray(np.random.default_rng(y.size).standard_normal(y.shape)).astype(dtype)
    truth.backward(tensor(torch, dy, grad=False))
    # The gradient of a loss is a number, that of an array an array, also without axes.
    given = arrange(dy, "Fortran") if isinstance(value, np.ndarray) else float(dy)
    gradients = _tuple(case.backward(given, cache))
    assert len(gradients) == len(tensors)
    for i, (gradient, twin) in enumerate(zip(gradients, tensors, strict=True)):
        assert (gradient is None) == (twin is None), f"gradient {i}"
        if gradient is not None:
            assert gradient.dtype == dtype, f"gradient {i}"
            close(gradient, twin.grad, dtype, f"gradient {i}")
    for layout in LAYOUTS:
        inputs = (None if x is None else arrange(x, layout) for x in case.inputs)
        again, cache = case.forward(*inputs)
        given = arrange(dy, layout) if isinstance(value, np.ndarray) else float(dy)
        same_bits((again, *_tuple(case.backward(given, cache))), (value, *gradients), layout)
    done[suite] = done.get(suite, 0) + 1


def same_bits(ours: Any, wanted: Any, layout: str) -> None:
    """Fail unless all arrays are the same to the bit."""
    for i, (a, b) in enumerate(zip(ours, wanted, strict=True)):
        np.testing.assert_array_equal(a, b, err_msg=f"{layout}: array {i}")


def _tuple(gradients: Any) -> tuple[Any, ...]:
    return gradients if type(gradients) is tuple else (gradients,)


def _with(judge: Callable[..., Any], known: Any) -> Callable[..., Any]:
    return lambda torch, *tensors: judge(torch, known, *tensors)


def close(ours: Any, truth: Any, dtype: Any, what: str, tolerance: float | None = None) -> None:
    """Fail unless ours has the truth's shape and, within the tolerance, its numbers."""
    truth = np.asarray(truth.detach().numpy())
    assert np.shape(ours) == truth.shape, what
    tolerance = tolerance or TOLERANCE[np.dtype(dtype).name]
    largest = float(np.max(np.abs(truth), initial=1.0, where=np.isfinite(truth)))
    np.testing.assert_allclose(ours, truth, tolerance, tolerance * largest, err_msg=what)

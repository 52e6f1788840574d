"""Gradient clipping: PyTorch as the judge, digits of long sums, and nothing half done."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import cnnlite
from cnnlite import clip_grad_norm, clip_grad_value

SHAPES = {"0.weight": (4, 3, 2, 2), "0.bias": (4,), "1.weight": (5, 7), "scale": ()}


def make(dtype: Any = np.float64, size: float = 1.0) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    grads = {key: np.asarray(size * rng.standard_normal(s)) for key, s in SHAPES.items()}
    return {key: array.astype(dtype) for key, array in grads.items()} | {"frozen": None}


def twins(torch: Any, grads: dict[str, Any]) -> list[Any]:
    found = [torch.zeros(0)]  # without a gradient
    for array in grads.values():
        if array is not None:
            found.append(torch.zeros(array.shape, dtype=torch.from_numpy(array).dtype))
            found[-1].grad = torch.tensor(array)
    return found


def check(grads: dict[str, Any], judge: list[Any], tolerance: float) -> None:
    for array, twin in zip((a for a in grads.values() if a is not None), judge[1:], strict=True):
        np.testing.assert_allclose(array, twin.grad.numpy(), tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("norm_type", [0.5, 1, 1.5, 2, 3, 4, math.inf, "inf"])
@pytest.mark.parametrize("max_norm", [0, 0.1, 1, 2.5, 1e9, math.inf])
def test_norm_as_pytorch(
    torch: Any, max_norm: float, norm_type: Any, dtype: Any, tolerance: float
) -> None:
    grads = make(dtype)
    judge = twins(torch, grads)
    arrays = dict(grads)
    norm = clip_grad_norm(grads, max_norm, norm_type)
    theirs = torch.nn.utils.clip_grad_norm_(judge, max_norm, norm_type)
    assert norm == pytest.approx(float(theirs), rel=tolerance)
    assert type(norm) is float
    assert all(grads[key] is array for key, array in arrays.items())
    check(grads, judge, tolerance)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", [0, 0.1, 1, 1e9, math.inf])
def test_value_as_pytorch(torch: Any, value: float, dtype: Any) -> None:
    grads = make(dtype)
    grads["0.bias"][:3] = np.nan, np.inf, -np.inf
    judge = twins(torch, grads)
    clip_grad_value(grads, value)
    torch.nn.utils.clip_grad_value_(judge, value)
    check(grads, judge, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("norm_type", [1, 2, math.inf])
@pytest.mark.parametrize("max_norm", [1.0, math.inf])
def test_norm_that_is_not_finite_as_pytorch(
    torch: Any, bad: float, norm_type: float, max_norm: float
) -> None:
    grads = make()
    grads["1.weight"][2, 3] = bad
    judge, before = twins(torch, grads), {k: a.copy() for k, a in grads.items() if a is not None}
    with pytest.raises(RuntimeError, match="clip_grad_norm: the norm of order"):
        clip_grad_norm(grads, max_norm, norm_type, error_if_nonfinite=True)
    np.testing.assert_equal({k: grads[k] for k in before}, before)
    norm = clip_grad_norm(grads, max_norm, norm_type)
    theirs = torch.nn.utils.clip_grad_norm_(judge, max_norm, norm_type)
    np.testing.assert_equal(norm, float(theirs))
    check(grads, judge, 0)


def test_long_sums_of_float32_keep_their_digits() -> None:
    grad = np.full(3_000_001, 0.1, np.float32)
    exact = float(np.float32(0.1)) * math.sqrt(grad.size)
    assert clip_grad_norm([grad], math.inf) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("size", [1e-200, 1e200])
@pytest.mark.parametrize("norm_type", [0.5, 2, 3, 100])
def test_squares_that_float64_does_not_hold(size: float, norm_type: float) -> None:
    usual = clip_grad_norm(make(), math.inf, norm_type)
    assert clip_grad_norm(make(size=size), math.inf, norm_type) == pytest.approx(size * usual)


@pytest.mark.usefixtures("one_thread")  # it puts their number back
def test_the_same_bits_for_any_number_of_threads() -> None:
    found = set()
    for count in (1, 2, 3):
        cnnlite.set_num_threads(count)
        grads = make(np.float32)
        found.add((clip_grad_norm(grads, 0.5), grads["1.weight"].tobytes()))
    assert len(found) == 1


def test_strided_gradients_are_clipped_in_place() -> None:
    whole = np.full((4, 6), 3.0)
    assert clip_grad_norm({"w": whole.T[::2, ::2]}, 1.0) == pytest.approx(3 * math.sqrt(6))
    assert np.sum(whole == 3) == 18


def test_an_array_under_two_keys_is_scaled_once() -> None:
    grad = np.ones(2)
    assert clip_grad_norm({"a": grad, "b": grad}, 1.0) == 2
    np.testing.assert_allclose(grad, 0.5, 1e-6)


def test_a_gradient_without_axes_may_be_a_scalar() -> None:
    grads = {"scale": np.float64(4.0)}
    clip_grad_norm(grads, 1.0)  # type: ignore[arg-type]
    assert grads["scale"] == pytest.approx(1)
    grads = {"scale": np.float64(4.0)}
    clip_grad_value(grads, 1.0)  # type: ignore[arg-type]
    assert grads["scale"] == 1


def test_no_gradients_have_no_norm() -> None:
    assert clip_grad_norm({}, 1.0) == clip_grad_norm([None], 1.0) == 0
    assert clip_grad_norm([np.zeros((0, 3)), np.zeros(0)], 1.0, math.inf) == 0
    assert clip_grad_norm(np.array([3.0, 4.0]), 10) == 5


def test_warnings_do_not_stop_clipping_in_its_middle() -> None:
    subnormal = np.full(3, 1e-40, np.float32)
    with np.errstate(all="raise"):
        clip_grad_norm({"a": np.full(3, 1e-300), "b": np.full(3, np.inf)}, 1.0)
        clip_grad_norm({"a": subnormal}, 1e-45)


def read_only() -> np.ndarray:
    array = np.ones(2)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("clip", [clip_grad_norm, clip_grad_value])
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ([1.0], TypeError, r"grads\['b'\] must be an array, got list"),
        (np.ones(2, int), TypeError, r"grads\['b'\] must be float32 or float64, got int64"),
        (np.ones(2, np.float16), TypeError, r"grads\['b'\] must be float32 or float64, got"),
        (read_only(), ValueError, r"grads\['b'\] is read-only"),
    ],
)
def test_what_cannot_be_clipped_is_named_and_nothing_has_changed(
    clip: Any, bad: Any, error: type[Exception], message: str
) -> None:
    first = np.full(2, 5.0)
    with pytest.raises(error, match=f"{clip.__name__}: {message}"):
        clip({"a": first, "b": bad}, 1.0)
    np.testing.assert_array_equal(first, 5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: clip_grad_norm({}, -1), ValueError, "clip_grad_norm: max_norm is -1, expected"),
        (lambda: clip_grad_norm({}, math.nan), ValueError, "clip_grad_norm: max_norm is nan"),
        (lambda: clip_grad_norm({}, None), TypeError, "clip_grad_norm: max_norm is None"),
        (lambda: clip_grad_norm({}, 1, 0), ValueError, "clip_grad_norm: norm_type is 0, expected"),
        (lambda: clip_grad_norm({}, 1, -2), ValueError, "clip_grad_norm: norm_type is -2"),
        (lambda: clip_grad_norm({}, 1, "two"), TypeError, "clip_grad_norm: norm_type is 'two'"),
        (lambda: clip_grad_norm({}, 1, 2, 1), TypeError, "error_if_nonfinite is 1, expected True"),
        (lambda: clip_grad_norm(3, 1), TypeError, "clip_grad_norm: grads is 3, expected a mapping"),
        (lambda: clip_grad_value({}, -1), ValueError, "clip_grad_value: clip_value is -1"),
        (lambda: clip_grad_value("ab", 1), TypeError, "clip_grad_value: grads is 'ab', expected"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_clipping_is_public() -> None:
    assert cnnlite.optim.clip_grad_norm is clip_grad_norm

"""The affine layer: weights (in, out), inputs of any shape."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from cnnlite.compat.affine import affine_backward, affine_forward

Rng = np.random.Generator


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(10, 6), (10, 2, 3), (2, 3, 1, 2), (0, 6), (1, 6)])
def test_is_the_matrix_product(shape: tuple[int, ...], dtype: type, rng: Rng) -> None:
    x, w, b = (rng.standard_normal(size).astype(dtype) for size in (shape, (6, 5), 5))
    out, cache = affine_forward(x, w, b)
    dout = rng.standard_normal(out.shape).astype(dtype)
    dx, dw, db = affine_backward(dout, cache)
    rows = x.reshape(len(x), 6)
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == np.float32 else {"rtol": 1e-12}
    np.testing.assert_allclose(out, rows @ w + b, **tolerance)
    np.testing.assert_allclose(dx, (dout @ w.T).reshape(shape), **tolerance)
    np.testing.assert_allclose(dw, rows.T @ dout, **tolerance)
    np.testing.assert_allclose(db, dout.sum(axis=0), **tolerance)
    assert {array.dtype for array in (out, dx, dw, db)} == {np.dtype(dtype)}


def test_agrees_with_the_linear_layer_on_a_cifar_sized_input(rng: Rng) -> None:
    x, w, b = (rng.standard_normal(size).astype("f") for size in ((7, 3, 32, 32), (3072, 100), 100))
    y, _ = F.linear_forward(x.reshape(7, -1), np.ascontiguousarray(w.T), b)
    np.testing.assert_allclose(affine_forward(x, w, b)[0], y, rtol=1e-4, atol=1e-4)


def test_gradients_are_derivatives(assert_derivatives: Callable[..., None], rng: Rng) -> None:
    arrays = (rng.standard_normal(size) for size in ((10, 2, 3), (6, 5), 5))
    assert_derivatives(affine_forward, affine_backward, *arrays)


def test_the_cache_is_the_courses(rng: Rng) -> None:
    x, w, b = (rng.standard_normal(size) for size in ((4, 6), (6, 5), 5))
    out, cache = affine_forward(x, w, b)
    assert all(kept is given for kept, given in zip(cache, (x, w, b), strict=True))
    np.testing.assert_array_equal(
        affine_backward(out, (x, w, b))[1], affine_backward(out, cache)[1]
    )


def test_transposed_examples_and_weights_are_read_where_they_are(rng: Rng) -> None:
    x, w = rng.standard_normal((6, 4)).T, rng.standard_normal((5, 6)).T
    np.testing.assert_allclose(affine_forward(x, w, np.zeros(5))[0], x @ w, rtol=1e-12)
    dx, dw, _ = affine_backward(np.ones((5, 4)).T, (x, w, np.zeros(5)))
    np.testing.assert_allclose(dx, np.ones((4, 5)) @ w.T, rtol=1e-12)
    np.testing.assert_allclose(dw, x.T @ np.ones((4, 5)), rtol=1e-12)


def test_integers_and_mixed_dtypes_are_promoted(rng: Rng) -> None:
    w = rng.standard_normal((3, 2)).astype(np.float32)
    out, cache = affine_forward(np.arange(6).reshape(2, 3), w, [0, 128])
    np.testing.assert_allclose(out, np.arange(6).reshape(2, 3) @ w + [0, 128], rtol=1e-12)
    dx, dw, db = affine_backward(np.ones((2, 2), np.float32), cache)
    assert {array.dtype for array in (out, dx, dw, db)} == {np.dtype(np.float64)}


def test_need_dx_false_leaves_dx_out(rng: Rng) -> None:
    out, cache = affine_forward(
        rng.standard_normal((4, 6)), rng.standard_normal((6, 5)), np.ones(5)
    )
    dx, dw, _ = affine_backward(out, cache, need_dx=False)
    assert dx is None
    np.testing.assert_array_equal(dw, affine_backward(out, cache)[1])


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (((4, 7), (6, 5), 5), r"example of x has 7 numbers, w expects 6 \(x \(4, 7\), w \(6, 5\)"),
        (((4, 6), (6, 5), 6), r"b has shape \(6,\), expected \(5,\)"),
        (((4, 6), (6,), 5), r"w must have shape \(in, out\), got \(6,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(sizes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"affine_forward: .*{message}"):
        affine_forward(*map(np.ones, sizes))


def test_a_gradient_of_another_shape_is_refused() -> None:
    _, cache = affine_forward(np.ones((4, 6)), np.ones((6, 5)), np.ones(5))
    with pytest.raises(ValueError, match=r"affine_backward: dout has shape \(5, 4\)"):
        affine_backward(np.ones((5, 4)), cache)

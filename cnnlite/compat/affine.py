"""The product of a fully connected layer whose weights are (in, out), as NumPy writes x @ w.

The library's are (out, in), as PyTorch's.  Nothing is transposed: each product here is another one
of the three that a linear layer has, with the matrices in other places.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array, check_shape, contiguous
from cnnlite.compat.promotion import promoted
from cnnlite.functional.statistics import sum_over
from cnnlite.post_ops import NO_POST_OPS
from cnnlite.quiet import quiet

__all__ = ["affine_backward", "affine_forward"]

AffineCache = tuple[Any, ...]


@quiet
def affine_forward(x: Any, w: Any, b: Any, relu: bool = False) -> tuple[Array, AffineCache]:
    """Return out = x @ w + b, each example of x made one row.

    Args:
        x: (N, d1, ..., dk), of any number type.
        w: (D, M) with D = d1 * ... * dk.
        b: (M,).
        relu: whether max(out, 0) is returned instead.

    Returns:
        out (N, M), and the cache (x, w, b).

    Raises:
        TypeError: an argument is not made of real numbers.
        ValueError: the shapes do not fit together.
    """
    name = "affine_forward"
    cache = (x, w, b)
    x, w, b = promoted(name, x=x, w=w, b=b)
    if w.ndim != 2:
        raise ValueError(f"{name}: w must have shape (in, out), got {w.shape}")
    if x.ndim < 1 or math.prod(x.shape[1:]) != w.shape[0]:
        raise ValueError(
            f"{name}: an example of x has {math.prod(x.shape[1:])} numbers, w expects {w.shape[0]} "
            f"(x {x.shape}, w {w.shape})"
        )
    check_shape(name, "b", b, (w.shape[1],))
    out = empty((len(x), w.shape[1]), x.dtype)
    # What a linear layer's weights (out, in) do to dy, these do to x.
    kernels.linear_input_gradient(_rows(x), contiguous(w), out)
    out += b
    if relu:
        kernels.relu_forward(out, out)
    return out, cache


def affine_backward(
    dout: Any, cache: AffineCache, need_dx: bool = True
) -> tuple[Array | None, Array, Array]:
    """Return the gradients of an affine layer.

    Args:
        dout: (N, M).
        cache: (x, w, b), as `affine_forward` returned it.
        need_dx: False saves the product for dx, which is None then.

    Returns:
        dx like x, dw (D, M), db (M,).

    Raises:
        TypeError: dout is not made of real numbers.
        ValueError: dout has another shape.
    """
    name = "affine_backward"
    dout, x, w = promoted(name, dout=dout, x=cache[0], w=cache[1])
    check_shape(name, "dout", dout, (len(x), w.shape[1]))
    dout = contiguous(dout)
    dw = empty(w.shape, x.dtype)
    kernels.linear_weight_gradient(dout, _rows(x), dw, None)  # x and dy exchanged: dw transposed
    db = np.asarray(sum_over(dout, (0,)))
    if not need_dx:
        return None, dw, db
    dx = empty(x.shape, x.dtype)
    kernels.linear_forward(dout, contiguous(w), None, _rows(dx), NO_POST_OPS)
    return dx, dw, db


def _rows(x: Array) -> Array:
    """A contiguous array of shape (N, D), a view where that is possible."""
    return contiguous(x).reshape(len(x), math.prod(x.shape[1:]))

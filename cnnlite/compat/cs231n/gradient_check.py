"""The course's gradient_check.py, by our central differences."""

from __future__ import annotations

from collections.abc import Callable
from random import randrange
from typing import Any

import numpy as np

from cnnlite.checks.arrays import Array
from cnnlite.gradcheck import numeric_gradient

__all__ = ["eval_numerical_gradient", "eval_numerical_gradient_array", "grad_check_sparse"]


def eval_numerical_gradient(
    f: Callable[[Array], Any], x: Array, verbose: bool = True, h: float = 1e-5
) -> Array:
    """Return the numeric gradient of a number f(x) with respect to x, and print it if asked.

    Args:
        f: a function of x, which it may also know as an array that changes under it.
        x: float64, any shape; its entries are moved and put back.
        verbose: whether to print each index with its derivative.
        h: the step to both sides.

    Raises:
        TypeError: x is not float64.
    """
    gradient = numeric_gradient(f, x, h=h)
    if verbose:
        for index in np.ndindex(gradient.shape):
            print(index, gradient[index])
    return gradient


def eval_numerical_gradient_array(
    f: Callable[[Array], Any], x: Array, df: Any, h: float = 1e-5
) -> Array:
    """Return the numeric gradient of sum(f(x) * df); otherwise `eval_numerical_gradient`."""
    return numeric_gradient(f, x, df, h)


def grad_check_sparse(
    f: Callable[[Array], Any],
    x: Array,
    analytic_grad: Array,
    num_checks: int = 10,
    h: float = 1e-5,
) -> None:
    """Print numeric and analytic derivatives of a number f(x) at entries drawn at random."""
    for _ in range(num_checks):
        index = tuple(randrange(size) for size in x.shape)

        def along(entry: Array, index: tuple[int, ...] = index) -> Any:
            old, x[index] = x[index], entry[()]
            try:
                return f(x)
            finally:
                x[index] = old

        numeric = float(numeric_gradient(along, np.array(x[index], np.float64), h=h))
        analytic = float(analytic_grad[index])
        scale = max(abs(numeric) + abs(analytic), np.finfo(float).tiny)
        print(
            f"numerical: {numeric:f} analytic: {analytic:f}, "
            f"relative error: {abs(numeric - analytic) / scale:e}"
        )

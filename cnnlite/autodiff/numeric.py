"""The first way: ask the function itself, at points nearby.

Each function here takes any function from a list of numbers to a list of numbers, and returns its
Jacobian as rows, one for each output, with one entry for each input.
"""

from collections.abc import Callable, Sequence

from cnnlite.autodiff.operations import Scalar, plain

__all__ = ["central_differences", "complex_step", "forward_differences"]

Function = Callable[..., Sequence[Scalar]]
Jacobian = list[list[Scalar]]


def forward_differences(f: Function, x: Sequence[Scalar], h: float = 1e-8) -> Jacobian:
    """Return (f(x + h e_j) - f(x)) / h: wrong by h f''/2, and by rounding of about 1e-16 / h.

    Args:
        f: a function of len(x) numbers.
        x: where the derivatives are taken.
        h: the step; 1e-8, the root of the rounding error, is about the best there is.
    """
    here = [plain(y) for y in f(*map(plain, x))]
    return _jacobian(x, lambda j: [(b - a) / h for a, b in zip(here, _at(f, x, j, h), strict=True)])


def central_differences(f: Function, x: Sequence[Scalar], h: float = 1e-5) -> Jacobian:
    """Return (f(x + h e_j) - f(x - h e_j)) / 2h: wrong by h^2 f'''/6 only.  Args: see above."""

    def column(j: int) -> list[Scalar]:
        left, right = _at(f, x, j, -h), _at(f, x, j, h)
        return [(b - a) / (2 * h) for a, b in zip(left, right, strict=True)]

    return _jacobian(x, column)


def complex_step(f: Function, x: Sequence[Scalar], h: float = 1e-30) -> Jacobian:
    """Return Im f(x + i h e_j) / h: nothing is subtracted, so h may be as small as one likes.

    Args:
        f: an analytic function of len(x) numbers: f(x + ih) = f(x) + ih f'(x) - h^2 f''(x)/2 - ...
        x: where the derivatives are taken.
        h: the step; its square must vanish beside 1.

    Source: Squire and Trapp, "Using complex variables to estimate derivatives of real functions",
    SIAM Review 1998.
    """
    return _jacobian(x, lambda j: [y.imag / h for y in _at(f, x, j, 1j * h)])


def _at(f: Function, x: Sequence[Scalar], j: int, by: Scalar) -> list[Scalar]:
    """Return the value of f with one number moved."""
    moved = [plain(xi) + by if i == j else plain(xi) for i, xi in enumerate(x)]
    return [plain(y) for y in f(*moved)]


def _jacobian(x: Sequence[Scalar], column: Callable[[int], list[Scalar]]) -> Jacobian:
    return [list(row) for row in zip(*map(column, range(len(x))), strict=True)]

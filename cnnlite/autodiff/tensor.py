"""An array that remembers what it was computed from, and the arithmetic that writes this down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.checks.numbers import flag, integer

__all__ = ["Axis", "Tensor", "as_floats", "record_operation", "total"]

Axis = int | Sequence[int] | None
Pullback = Callable[[np.ndarray], Sequence[Any]]


def _comparison(compare: Callable[..., np.ndarray]) -> Callable[[Tensor, Any], np.ndarray]:
    return lambda self, other: compare(self.data, _operand(other, self).data)


class Tensor:
    """An array that remembers what it was computed from.

    A floating-point array is taken as it is, without a copy.  Integers and booleans become float64,
    as a list of Python's floats does, because derivatives are not integers.

    Where two arrays meet, the result has NumPy's common dtype; but a number, an array without axes
    and an array of integers take the dtype of the tensor they meet, as in PyTorch.  Results that
    are not finite raise neither errors nor warnings: 1 / 0 is infinity, with the derivatives that
    PyTorch has there.

    Attributes:
        data: the array, floating-point.
        grad: the adjoint, d result / d data, once `backward` has been called on the result: an
            array of its own, like data.
        operation: what computed it, "" for an input.
        parents: what it was computed from.
        pullback: from its adjoint to what it adds to the adjoints of the parents.

    Raises:
        TypeError: the data are not real numbers.
    """

    __array_ufunc__ = None  # so that NumPy's arrays leave the arithmetic to us
    __hash__ = object.__hash__  # == compares elements

    def __init__(self, data: npt.ArrayLike) -> None:
        self.data = as_floats("Tensor: data", data)
        self.grad: np.ndarray | None = None
        self.operation = ""
        self.parents: tuple[Tensor, ...] = ()
        self.pullback: Pullback = lambda dy: ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self.data.shape

    def __add__(self, other: Any) -> Tensor:
        return _binary("+", np.add, self, other, lambda dy, a, b: (dy, dy))

    def __sub__(self, other: Any) -> Tensor:
        return _binary("-", np.subtract, self, other, lambda dy, a, b: (dy, -dy))

    def __mul__(self, other: Any) -> Tensor:
        return _binary("*", np.multiply, self, other, lambda dy, a, b: (dy * b, dy * a))

    def __truediv__(self, other: Any) -> Tensor:
        return _binary("/", np.divide, self, other, lambda dy, a, b: (dy / b, -dy * ((a / b) / b)))

    def __pow__(self, power: float) -> Tensor:
        """Return each element to the power of a number; for a tensor b see exp(b * log(a))."""
        if not isinstance(power, Real):
            raise TypeError(f"Tensor: ** needs a number, got {type(power).__name__}")
        a, power = self.data, float(power)

        def pullback(dy: np.ndarray) -> list[np.ndarray]:
            # a ** 0 is 1 for every a; 0 * a ** -1 would be NaN at a = 0.
            return [dy * (power * a ** (power - 1)) if power else np.zeros_like(dy)]

        with np.errstate(all="ignore"):
            return record_operation(f"**{power:g}", a**power, (self,), pullback)

    def __rpow__(self, base: Any) -> Tensor:
        def pullback(dy: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...]:
            # 0 ** b is 0 for all b > 0; 0 * log(0) would be NaN.  At b = 0 it is PyTorch's choice.
            return None, dy * np.where((a == 0) & (b >= 0), 0, a**b * np.log(a))

        return _binary("**", np.power, _operand(base, self), self, pullback)

    def __matmul__(self, other: Any) -> Tensor:
        """Return the product of two matrices; with y = a b, the adjoints are dy b^T and a^T dy."""
        other = _operand(other, self)
        a, b = self.shape, other.shape
        if len(a) != 2 or len(b) != 2:
            raise ValueError(f"Tensor: @ needs two matrices, got shapes {a} and {b}")
        if a[1] != b[0]:
            raise ValueError(f"Tensor: @ got shapes {a} and {b}, expected as many columns as rows")
        return _binary(
            "@", _product, self, other, lambda dy, a, b: (_product(dy, b.T), _product(a.T, dy))
        )

    def __neg__(self) -> Tensor:
        return record_operation("-", -self.data, (self,), lambda dy: (-dy,))

    def __abs__(self) -> Tensor:
        """Return the size of each element; at 0 and at NaN its derivative is 0, as in PyTorch."""
        a = self.data
        return record_operation("abs", np.abs(a), (self,), lambda dy: (dy * _sign(a),))

    def __rmatmul__(self, other: Any) -> Tensor:
        return _operand(other, self) @ self

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Tensor:
        return _operand(other, self) - self

    def __rtruediv__(self, other: Any) -> Tensor:
        return _operand(other, self) / self

    # Comparisons give plain arrays of booleans: they have no derivative, and make masks.
    __lt__, __le__ = _comparison(np.less), _comparison(np.less_equal)
    __gt__, __ge__ = _comparison(np.greater), _comparison(np.greater_equal)
    __eq__ = _comparison(np.equal)  # type: ignore[assignment]
    __ne__ = _comparison(np.not_equal)  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self.data)  # an error for several elements, as everywhere

    def __float__(self) -> float:
        return float(self.data)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Return the sum over some axes.

        Args:
            axis: an axis or several; None means all.
            keepdims: whether the summed axes stay, with size 1.

        Raises:
            TypeError: an axis is not an integer.
            ValueError: the tensor has no such axis, or it is named twice.
        """
        x = self.data
        axes = _axes(axis, x.ndim)
        kept = total(x, axes, keepdims=True)
        y = kept if flag("Tensor", "keepdims", keepdims) else kept.squeeze(axes)
        return record_operation(
            "sum", y, (self,), lambda dy: (np.broadcast_to(dy.reshape(kept.shape), x.shape),)
        )

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Return the mean over some axes.  Args: see `sum`."""
        sums = self.sum(axis, keepdims)
        return sums / (self.data.size // max(sums.data.size, 1))

    def reshape(self, *shape: int) -> Tensor:
        """Return the same elements in another shape."""
        old = self.shape
        return record_operation(
            "reshape", self.data.reshape(*shape), (self,), lambda dy: (dy.reshape(old),)
        )

    def __repr__(self) -> str:
        return f"Tensor({self.operation or 'input'}, shape {self.shape}, {self.data.dtype})"


def record_operation(
    operation: str, y: npt.ArrayLike, parents: Sequence[Tensor | None], pullback: Pullback
) -> Tensor:
    """Return a tensor that knows what it was computed from.

    Args:
        operation: its name.
        y: the result.
        parents: the tensors among its arguments, with None for each of the others.
        pullback: called with the adjoint of y, returns one array for each of `parents`, or None
            where there is nothing to add.
    """
    result = Tensor(y)
    there = [k for k, parent in enumerate(parents) if parent is not None]
    result.operation = operation
    result.parents = tuple(parent for parent in parents if parent is not None)

    def selected(dy: np.ndarray) -> list[np.ndarray | None]:
        parts = pullback(dy)
        return [parts[k] for k in there]

    result.pullback = selected
    return result


def as_floats(what: str, data: npt.ArrayLike) -> np.ndarray:
    """Return an array of floats: as it is if it is one, float64 if it is one of integers.

    Raises:
        TypeError: it is neither; the message starts with `what`.
    """
    if data is None:
        raise TypeError("Tensor: None is no number")  # for NumPy it is NaN
    array = np.asarray(data)
    if array.dtype.kind in "biu":
        return array.astype(np.float64)
    if array.dtype.kind != "f":
        raise TypeError(f"{what} is {array.dtype}, expected real numbers")
    return array


def total(x: np.ndarray, axes: tuple[int, ...], keepdims: bool = False) -> np.ndarray:
    """Return the sum over some axes, in x's dtype; unlike NumPy's, it is summed in float64."""
    wide = np.result_type(x.dtype, np.float64)
    with np.errstate(all="ignore"):
        return np.asarray(x.sum(axes, wide, keepdims=keepdims)).astype(x.dtype)


def _axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Return the axes that are meant, each once and from 0 up."""
    if axis is None:
        return tuple(range(ndim))
    several = axis if isinstance(axis, tuple | list) else (axis,)
    axes = tuple(integer("Tensor", "axis", one, -ndim, ndim - 1) % ndim for one in several)
    if len(set(axes)) < len(axes):
        raise ValueError(f"Tensor: axis is {axis}, expected each axis once")
    return axes


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the matrix product, summed in float64: a long sum in float32 loses digits."""
    dtype = np.result_type(a, b)
    return np.asarray(np.matmul(a, b, dtype=np.result_type(dtype, np.float64)).astype(dtype))


def _sign(a: np.ndarray) -> np.ndarray:
    return np.subtract(a > 0, a < 0, dtype=a.dtype)


def _binary(
    name: str,
    function: Callable[..., np.ndarray],
    left: Tensor,
    right: Any,
    pullback: Callable[..., tuple[np.ndarray | None, ...]],
) -> Tensor:
    """Record function(left, right); the pullback is called with (dy, left's data, right's)."""
    right = _operand(right, left)
    a, b = left.data, right.data
    if bool(a.ndim) == bool(b.ndim):
        dtype = np.result_type(a, b)
    else:
        dtype = (a if a.ndim else b).dtype
    with np.errstate(all="ignore"):
        a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
        y = function(a, b)
    return record_operation(name, y, (left, right), lambda dy: pullback(dy, a, b))


def _operand(value: Any, like: Tensor) -> Tensor:
    """Return a tensor of what is combined with `like`."""
    if isinstance(value, Tensor):
        return value
    array = as_floats("Tensor: the other operand", value)
    # A Python number must not turn float32 into float64.
    if not array.ndim or np.asarray(value).dtype.kind in "biu":
        with np.errstate(all="ignore"):
            array = array.astype(like.data.dtype)
    return Tensor(array)

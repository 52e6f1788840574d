"""From numbers to arrays: reverse mode where one node is a whole array.

The local derivative of a convolution would be a matrix with a row for each output pixel and a
column for each input pixel.  It is never written out: an operation records a function that
multiplies it from the left with an adjoint, which is just what the `backward` functions do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Tensor", "backward", "exp", "listing", "log", "record_operation", "tape_of"]

Pullback = Callable[[np.ndarray], Sequence[np.ndarray | None]]


class Tensor:
    """An array that remembers what it was computed from.

    Attributes:
        data: the array.
        grad: the adjoint, d result / d data, once `backward` has been called on the result.
        operation: what computed it, "" for an input.
        parents: what it was computed from.
        pullback: from its adjoint to what it adds to the adjoints of the parents.
    """

    __array_ufunc__ = None  # so that NumPy's arrays leave the arithmetic to us

    def __init__(self, data: npt.ArrayLike) -> None:
        self.data = np.asarray(data)
        self.grad: np.ndarray | None = None
        self.operation = ""
        self.parents: tuple[Tensor, ...] = ()
        self.pullback: Pullback = lambda dy: ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self.data.shape

    def __add__(self, other: Any) -> Tensor:
        other = _tensor(other, self)
        return record_operation("+", self.data + other.data, (self, other), lambda dy: (dy, dy))

    def __sub__(self, other: Any) -> Tensor:
        other = _tensor(other, self)
        return record_operation("-", self.data - other.data, (self, other), lambda dy: (dy, -dy))

    def __mul__(self, other: Any) -> Tensor:
        a, b = self.data, _tensor(other, self).data
        parents = self, _tensor(other, self)
        return record_operation("*", a * b, parents, lambda dy: (dy * b, dy * a))

    def __truediv__(self, other: Any) -> Tensor:
        other = _tensor(other, self)
        a, b = self.data, other.data
        return record_operation("/", a / b, (self, other), lambda dy: (dy / b, -dy * (a / b) / b))

    def __pow__(self, power: float) -> Tensor:
        if not isinstance(power, int | float):
            raise TypeError(f"Tensor: ** needs a number, got {type(power).__name__}")
        a = self.data
        pullback: Pullback = lambda dy: (dy * (power * a ** (power - 1)),)  # noqa: E731
        return record_operation(f"**{power:g}", a**power, (self,), pullback)

    def __matmul__(self, other: Any) -> Tensor:
        """The product of two matrices; with y = a b, adjoints are dy b^T and a^T dy."""
        other = _tensor(other, self)
        a, b = self.data, other.data
        if a.ndim != 2 or b.ndim != 2:
            raise ValueError(f"Tensor: @ needs two matrices, got shapes {a.shape} and {b.shape}")
        return record_operation("@", a @ b, (self, other), lambda dy: (dy @ b.T, a.T @ dy))

    def __neg__(self) -> Tensor:
        return record_operation("-", -self.data, (self,), lambda dy: (-dy,))

    def __rmatmul__(self, other: Any) -> Tensor:
        return _tensor(other, self) @ self

    def __radd__(self, other: Any) -> Tensor:
        return self + other

    def __rmul__(self, other: Any) -> Tensor:
        return self * other

    def __rsub__(self, other: Any) -> Tensor:
        return _tensor(other, self) - self

    def __rtruediv__(self, other: Any) -> Tensor:
        return _tensor(other, self) / self

    def sum(self) -> Tensor:
        """Return the sum of all elements, an array without axes."""
        x = self.data
        pullback: Pullback = lambda dy: (np.broadcast_to(dy, x.shape),)  # noqa: E731
        return record_operation("sum", _sum(x), (self,), pullback)

    def mean(self) -> Tensor:
        """Return the mean of all elements, an array without axes."""
        return self.sum() / self.data.size

    def reshape(self, *shape: int) -> Tensor:
        """Return the same elements in another shape."""
        old = self.shape
        return record_operation(
            "reshape", self.data.reshape(*shape), (self,), lambda dy: (dy.reshape(old),)
        )

    def __repr__(self) -> str:
        return f"Tensor({self.operation or 'input'}, shape {self.shape}, {self.data.dtype})"


def exp(x: Tensor) -> Tensor:
    """Return e to the power of each element."""
    y = np.exp(x.data)
    return record_operation("exp", y, (x,), lambda dy: (dy * y,))


def log(x: Tensor) -> Tensor:
    """Return the natural logarithm of each element."""
    return record_operation("log", np.log(x.data), (x,), lambda dy: (dy / x.data,))


def record_operation(
    operation: str, y: np.ndarray, parents: Sequence[Tensor | None], pullback: Pullback
) -> Tensor:
    """Return a tensor that knows where it comes from.

    Args:
        operation: its name.
        y: the result.
        parents: what it was computed from; None for an argument that was left out.
        pullback: called with the adjoint of y, returns one array for each of `parents`.
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


def backward(result: Tensor, seed: npt.ArrayLike | None = None) -> None:
    """Fill in `grad` of everything that `result` was computed from.

    Args:
        result: where the sweep starts.
        seed: the adjoint of `result`, of its shape; None is 1, for a result with one element.

    Raises:
        ValueError: the seed is missing, or its shape is another.
    """
    if seed is None and result.data.size != 1:
        raise ValueError(f"backward: a result of shape {result.shape} needs a seed of that shape")
    start = np.ones_like(result.data) if seed is None else np.asarray(seed, result.data.dtype)
    if start.shape != result.shape:
        raise ValueError(f"backward: seed has shape {start.shape}, expected {result.shape}")
    tape = tape_of(result)
    for tensor in tape:
        tensor.grad = None
    result.grad = start
    for tensor in reversed(tape):
        if tensor.grad is None or not tensor.parents:
            continue
        for parent, part in zip(tensor.parents, tensor.pullback(tensor.grad), strict=True):
            if part is None:
                continue
            part = _summed_to(part, parent.shape)
            # A new array each time: two adjoints may be one and the same array.
            parent.grad = part if parent.grad is None else parent.grad + part


def tape_of(result: Tensor) -> list[Tensor]:
    """Return all that `result` was computed from, and itself, each after its parents."""
    tape: list[Tensor] = []
    seen: set[int] = set()
    waiting = [(result, False)]
    while waiting:
        tensor, ready = waiting.pop()
        if ready:
            tape.append(tensor)
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            waiting.append((tensor, True))
            waiting.extend((parent, False) for parent in reversed(tensor.parents))
    return tape


def listing(result: Tensor) -> str:
    """Return the tape as text: a line for each operation, with shapes."""
    tape = tape_of(result)
    names = {id(tensor): f"v{number}" for number, tensor in enumerate(tape)}
    lines = []
    for tensor in tape:
        arguments = ", ".join(names[id(parent)] for parent in tensor.parents)
        what = f"{tensor.operation}({arguments})" if tensor.operation else "input"
        lines.append(f"{names[id(tensor)]:4} = {what:28} {tensor.shape}")
    return "\n".join(lines)


def _tensor(value: Any, like: Tensor) -> Tensor:
    if value is None:
        raise TypeError("Tensor: None is no number")  # for NumPy it is NaN
    # Of the same dtype: a Python number must not turn float32 into float64.
    return value if isinstance(value, Tensor) else Tensor(np.asarray(value, like.data.dtype))


def _summed_to(part: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Undo broadcasting: what was used many times gets the sum of what comes back."""
    extra = part.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + k for k, size in enumerate(shape) if size == 1 and part.shape[extra + k] != 1
    )
    return _sum(part, axes).reshape(shape) if axes else part


def _sum(x: np.ndarray, axes: tuple[int, ...] | None = None) -> np.ndarray:
    """Return the sum over some axes (None: all), in x's dtype; NumPy adds rows one by one."""
    exact = x.sum(axis=axes, dtype=np.result_type(x.dtype, np.float64))
    return np.asarray(exact).astype(x.dtype)

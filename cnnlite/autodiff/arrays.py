"""From numbers to arrays: reverse mode where one node is a whole array.

The local derivative of a convolution would be a matrix with a row for each output pixel and a
column for each input pixel.  It is never written out: an operation records a function that
multiplies it from the left with an adjoint, which is just what the `backward` functions do.
"""

import numpy as np
import numpy.typing as npt

from cnnlite.autodiff.tensor import Tensor, as_floats, record_operation, total

__all__ = ["Tensor", "backward", "exp", "listing", "log", "record_operation", "tape_of"]


def exp(x: Tensor) -> Tensor:
    """Return e to the power of each element."""
    x = _as_tensor(x)
    with np.errstate(all="ignore"):
        y = np.exp(x.data)
    return record_operation("exp", y, (x,), lambda dy: (dy * y,))


def log(x: Tensor) -> Tensor:
    """Return the natural logarithm of each element."""
    x = _as_tensor(x)
    with np.errstate(all="ignore"):
        y = np.log(x.data)
    return record_operation("log", y, (x,), lambda dy: (dy / x.data,))


def backward(result: Tensor, seed: npt.ArrayLike | None = None) -> None:
    """Fill in `grad` of everything that `result` was computed from.

    Each call starts anew: unlike PyTorch's, it does not add to what a call before has left.  Each
    gradient is an array of its own, of its tensor's shape and dtype; nothing else refers to it.

    Args:
        result: where the sweep starts.
        seed: the adjoint of `result`, of its shape; None is 1, for a result with one element.

    Raises:
        TypeError: the result is no tensor, or the seed holds no real numbers.
        ValueError: the seed is missing, or its shape is another; an operation's pullback gives a
            gradient of another shape than the parent's.
    """
    if not isinstance(result, Tensor):
        raise TypeError(f"backward: result is a {type(result).__name__}, expected a Tensor")
    if seed is None and result.data.size != 1:
        raise ValueError(f"backward: a result of shape {result.shape} needs a seed of that shape")
    start = np.ones_like(result.data) if seed is None else as_floats("backward: seed", seed)
    if start.shape != result.shape:
        raise ValueError(f"backward: seed has shape {start.shape}, expected {result.shape}")
    tape = tape_of(result)
    for tensor in tape:
        tensor.grad = None
    with np.errstate(all="ignore"):
        _add(result, start, "backward: seed")
        for tensor in reversed(tape):
            if tensor.grad is None or not tensor.parents:
                continue
            for parent, part in zip(tensor.parents, tensor.pullback(tensor.grad), strict=True):
                if part is not None:
                    _add(parent, part, tensor.operation)


def _add(tensor: Tensor, part: npt.ArrayLike, operation: str) -> None:
    """Add to a tensor's adjoint, in an array that belongs to it alone."""
    part = _summed_to(np.asarray(part), tensor.shape)
    if part.shape != tensor.shape:
        raise ValueError(
            f"{operation}: the gradient has shape {part.shape}, expected {tensor.shape}"
        )
    if tensor.grad is None:
        tensor.grad = np.array(part, tensor.data.dtype)
    else:
        tensor.grad += part


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


def _as_tensor(x: Tensor | npt.ArrayLike) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor(x)


def _summed_to(part: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Undo broadcasting: return the sums over the axes along which an array was repeated."""
    extra = part.ndim - len(shape)
    if extra < 0:
        return part
    axes = tuple(range(extra)) + tuple(
        extra + k for k, size in enumerate(shape) if size == 1 and part.shape[extra + k] != 1
    )
    summed = total(part, axes, keepdims=True) if axes else part
    return summed.reshape(summed.shape[extra:])

"""Arrays: their dtypes and shapes, gradients, images."""

import math
import operator
import sys
from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cnnlite.checks.numbers import shown

__all__ = [
    "FLOATS",
    "Array",
    "allocate",
    "as_array",
    "check_allocation",
    "check_array",
    "check_branches",
    "check_floats",
    "check_gradient",
    "check_image_shape",
    "check_images",
    "check_shape",
    "check_writeable",
    "contiguous",
    "converted",
    "float_dtype",
    "real_array",
]

Array: TypeAlias = npt.NDArray[np.floating[Any]]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))

# What `check_floats` meets as a rule; it is asked for each operation of each step.
_ARRAYS = {np.ndarray}
_ALIKE = tuple({dtype} for dtype in FLOATS)
_dtype_of = operator.attrgetter("dtype")


def contiguous(x: Array) -> Array:
    """Return x itself where a kernel can read it, else a C-contiguous, aligned copy."""
    flags = x.flags
    if flags.carray or (flags.c_contiguous and flags.aligned):  # the first is the usual case
        return x
    return np.array(x, order="C", subok=False)


def float_dtype(name: str, dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return the dtype, if a layer can have it.

    Args:
        name: the layer or function, for the message.
        dtype: what was asked for.

    Raises:
        TypeError: it is neither float32 nor float64 in the machine's byte order.
    """
    # NumPy would read None as float64, and a number as its own dtype.
    if dtype is not None and not isinstance(dtype, np.generic | np.ndarray):
        try:
            resolved = np.dtype(dtype)
            if resolved in FLOATS:
                return resolved
        except (TypeError, ValueError):
            pass
    raise TypeError(f"{name}: dtype is {shown(dtype)}, expected float32 or float64")


def as_array(name: str, argument: str, value: Any) -> npt.NDArray[Any]:
    """Return what NumPy makes of a value.

    Raises:
        TypeError: NumPy cannot make an array of it.
        ValueError: it is a list of lists of different lengths.
    """
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: {argument} is no array: {error}") from None
    except (TypeError, RuntimeError) as error:  # a tensor that requires grad, or of bfloat16
        raise TypeError(f"{name}: {argument} is no array: {error}") from None


def converted(name: str, argument: str, value: Any, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a copy of a value, of the shape and dtype of an array that it can be copied into.

    Raises:
        TypeError: the value is not an array of numbers, or its dtype cannot be cast to `like`'s.
        ValueError: it has another shape, a number is too large for the dtype, or `like` cannot be
            written to.
    """
    array = as_array(name, argument, value)
    if array.shape == (1,) and like.ndim == 0:
        array = array.reshape(())
    if array.shape != like.shape:
        raise ValueError(f"{name}: {argument} is {array.shape}, expected {like.shape}")
    if not np.can_cast(array.dtype, like.dtype, "same_kind"):
        raise TypeError(f"{name}: {argument} is {array.dtype}, expected {like.dtype}")
    if not like.flags.writeable:
        raise ValueError(
            f"{name}: the layer's {argument} is read-only, nothing can be copied into it"
        )
    with np.errstate(all="ignore"):
        copy = array.astype(like.dtype)
        # Infinity and NaN stay what they are; a number must not become one, nor wrap around.
        changed = np.isinf(copy) & ~np.isinf(array) if like.dtype.kind == "f" else copy != array
    if changed.any():
        first = array[tuple(np.argwhere(changed)[0])]
        raise ValueError(f"{name}: {argument} holds {first}, which {like.dtype} cannot")
    return copy


def check_array(name: str, argument: str, array: Any) -> npt.NDArray[Any]:
    """Return the argument; raise TypeError unless it is a NumPy array."""
    if isinstance(array, np.ndarray):
        return array
    raise TypeError(f"{name}: {argument} must be a NumPy array, got {type(array).__name__}")


def check_floats(name: str, *, optional: Collection[str] = (), **arrays: Array | None) -> None:
    """Raise TypeError unless all arrays are float32, or all float64.

    Args:
        name: the layer or function, for the message.
        optional: arguments that may be None.
        arrays: the arrays, by argument.
    """
    values = arrays.values()
    if set(map(type, values)) == _ARRAYS and set(map(_dtype_of, values)) in _ALIKE:
        return
    first, common = "", None
    for argument, array in arrays.items():
        if array is None and argument in optional:
            continue
        if not isinstance(array, np.ndarray):
            array = check_array(name, argument, array)
        dtype = array.dtype
        if dtype not in FLOATS:
            raise TypeError(
                f"{name}: {argument} must be float32 or float64, got {dtype} "
                f"({argument} {array.shape})"
            )
        if common is None:
            first, common = argument, dtype
        elif dtype != common:
            raise TypeError(
                f"{name}: {argument} is {dtype} but {first} is {common}; "
                "convert one of them with astype"
            )


def check_writeable(name: str, argument: str, array: Any) -> None:
    """Raise unless the argument is a float array that may be filled in place."""
    check_floats(name, **{argument: array})
    if not array.flags.writeable:
        raise ValueError(f"{name}: {argument} is read-only, it is filled in place")


def check_images(name: str, x: Array, axes: int = 2) -> None:
    """Raise unless x is a float array (N, C, H, W), none of them but N being 0.

    Args:
        name: the layer or function, for the message.
        x: the images.
        axes: 1 for what has a length instead of height and width, (N, C, L).
    """
    check_floats(name, x=x)
    check_image_shape(name, x, axes)


def check_image_shape(name: str, x: Array, axes: int = 2) -> None:
    """Raise unless x is (N, C, H, W), or (N, C, L) with one axis, none of them but N being 0."""
    shape = x.shape
    if len(shape) != 2 + axes or 0 in shape[1:]:
        expected = ("(N, C, L) with C and L", "(N, C, H, W) with C, H and W")[axes - 1]
        raise ValueError(f"{name}: x must have shape {expected} at least 1, got {shape}")


def check_shape(name: str, argument: str, array: Array | None, expected: tuple[int, ...]) -> None:
    """Raise ValueError unless the array (or None) has exactly the expected shape."""
    if array is not None and array.shape != expected:
        raise ValueError(f"{name}: {argument} has shape {array.shape}, expected {expected}")


def check_gradient(name: str, dy: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return the gradient that arrives at a backward pass, checked and readable for kernels.

    Args:
        name: the layer or function, for the message.
        dy: gradient with respect to what forward returned.
        shape: shape of what forward returned.
        dtype: its dtype.

    Returns:
        dy, C-contiguous and aligned.
    """
    if isinstance(dy, np.ndarray) and dy.shape == shape and dy.dtype is dtype:  # the usual case
        return contiguous(dy)
    check_floats(name, dy=dy)
    if dy.shape != shape:
        raise ValueError(f"{name}: dy has shape {dy.shape}, but forward returned {shape}")
    if dy.dtype != dtype:
        raise TypeError(f"{name}: dy is {dy.dtype}, but forward returned {dtype}")
    return contiguous(dy)


def check_allocation(
    name: str, what: str, shape: Sequence[int], dtype: np.dtype[Any], axes: str = ""
) -> None:
    """Raise ValueError when an array of this shape cannot exist in the address space.

    Args:
        name: the layer or function, for the message.
        what: the array.
        shape, dtype: of the array.
        axes: the arguments that its sizes come from, if these say more to the caller.
    """
    size = math.prod(shape) * dtype.itemsize
    if size > sys.maxsize:
        raise ValueError(
            f"{name}: {_array_of(what, shape, axes)} would take {size} bytes, "
            f"more than can be addressed ({sys.maxsize})"
        )


def allocate(
    name: str,
    what: str,
    shape: Sequence[int],
    dtype: npt.DTypeLike,
    fill: float | None = None,
    axes: str = "",
) -> npt.NDArray[Any]:
    """Return a new array, filled with one number or not initialised.

    Args:
        name, what, shape, dtype, axes: see `check_allocation`.
        fill: the number, or None.

    Raises:
        ValueError: it cannot exist in the address space.
        MemoryError: this machine has not enough memory; the message names the array.
    """
    dtype = np.dtype(dtype)
    check_allocation(name, what, shape, dtype, axes)
    try:
        array = np.empty(shape, dtype)
    except MemoryError:
        size = math.prod(shape) * dtype.itemsize
        raise MemoryError(
            f"{name}: {_array_of(what, shape, axes)} takes {size} bytes, more memory than there is"
        ) from None
    if fill is not None:
        array.fill(fill)
    return array


def real_array(name: str, argument: str, value: Any, expected: str) -> npt.NDArray[np.float64]:
    """Return finite numbers, given as an array or a list, as float64 (C,).

    Args:
        name: the layer or function, for the message.
        argument: the argument's name.
        value: what was given.
        expected: what the message says was expected.

    Raises:
        TypeError: it is not made of real numbers.
        ValueError: it does not have one axis, or a number is infinite or NaN.
    """
    array = as_array(name, argument, value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name}: {argument} is {shown(value)}, expected {expected}")
    if array.ndim != 1:
        raise ValueError(f"{name}: {argument} has shape {array.shape}, expected (C,)")
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        raise ValueError(
            f"{name}: {argument}[{wrong[0]}] is {array[wrong[0]]}, expected {expected}"
        )
    return array.astype(np.float64)


def check_branches(shape: Sequence[int], dtype: np.dtype, short: Array) -> None:
    """Raise unless the two branches of a residual block give what can be added.

    Args:
        shape, dtype: what the body gives.
        short: what the shortcut gives.
    """
    if tuple(shape) != short.shape:
        raise ValueError(f"Residual: body gives {tuple(shape)}, shortcut gives {short.shape}")
    if dtype != short.dtype:
        raise TypeError(f"Residual: body gives {dtype}, shortcut gives {short.dtype}")


def _array_of(what: str, shape: Sequence[int], axes: str) -> str:
    origin = f", that is ({axes})," if axes else ""
    return f"{what} of shape {tuple(shape)}{origin}"

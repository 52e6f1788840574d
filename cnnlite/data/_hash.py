"""A counter-based random number: a hash of integers, the same on every machine.

`hash64(seed, epoch, index)` needs no generator and no state, so what is drawn for one image cannot
depend on which other images are in its batch, nor on the order in which they come.

Source: the mixing function is splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom
Number Generators", OOPSLA 2014, with Stafford's constants "Mix13").
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnlite.checks.numbers import integer

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLY_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLY_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)


def hash64(*parts: ArrayLike) -> NDArray[np.uint64]:
    """Hash integers to 64 well-mixed bits.

    Args:
        parts: integers or integer arrays that broadcast against each other; negative numbers and
            Python integers of any size are taken modulo 2^64.

    Returns:
        uint64 array of the broadcast shape (at least one axis).
    """
    state = np.zeros(1, dtype=np.uint64)
    for part in parts:
        state = _mix((state ^ _as_uint64(part)) + _GOLDEN)
    return state


def image_keys(name: str, index: ArrayLike, epoch: int, seed: int) -> NDArray[np.uint64]:
    """Return a key for each image, of what is called `name`, in an epoch of a run.

    Args:
        name: a word, so that two kinds of augmentation draw different numbers.
        index: integers (N,), the images' positions in the data set.
        epoch, seed: the epoch's number, and the run's seed.

    Returns:
        uint64 (N,); `hash64(keys, 0)`, `hash64(keys, 1)`, ... are what is drawn with them.
    """
    word = int.from_bytes(name.encode(), "big")
    return hash64(word, integer(name, "seed", seed), integer(name, "epoch", epoch), index)


def uniform(hashed: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Map hashes to numbers from 0 to below 1, float64."""
    return (hashed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def integers(hashed: NDArray[np.uint64], low: int, high: int) -> NDArray[np.int32]:
    """Map hashes to integers in low <= value < high (a range below 2^31), int32."""
    span = np.uint64(high - low)
    scaled = ((hashed >> np.uint64(32)) * span) >> np.uint64(32)
    return (scaled.astype(np.int64) + low).astype(np.int32)


def _as_uint64(part: ArrayLike) -> NDArray[np.uint64]:
    if isinstance(part, int):
        part = part % 2**64
        return np.array([part], dtype=np.uint64)
    array: NDArray[Any] = np.atleast_1d(np.asarray(part))
    if array.dtype.kind not in "iu":
        raise TypeError(f"hash64: parts must be integers, got {array.dtype}")
    return array.astype(np.uint64)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = (x ^ (x >> _SHIFT_1)) * _MULTIPLY_1
    x = (x ^ (x >> _SHIFT_2)) * _MULTIPLY_2
    return x ^ (x >> _SHIFT_3)

"""Arrays that stand under several names: one array, one entry, one step of the optimizer.

Two layers are tied by giving one the other's array.  Two arrays that are not the same object but
share memory, such as a view or a transpose, cannot be trained as one, and are refused.
"""

from collections.abc import Mapping

import numpy as np

__all__ = ["check_arrays", "check_overlaps", "first_names"]


def first_names(arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Return for each key the first key under which the same array stands: itself, if untied."""
    first: dict[int, str] = {}
    return {key: first.setdefault(id(array), key) for key, array in arrays.items()}


def check_arrays(
    caller: str, params: Mapping[str, np.ndarray], buffers: Mapping[str, np.ndarray]
) -> None:
    """Raise unless each array of a network is a parameter or a buffer, and overlaps no other.

    Args:
        caller: what starts the message.
        params, buffers: the network's arrays, by dotted key.

    Raises:
        ValueError: the message names the two keys.
    """
    trained = {id(array): key for key, array in params.items()}
    for key, array in buffers.items():
        if id(array) in trained:
            raise ValueError(
                f"{caller}: the parameter {trained[id(array)]} and the buffer {key} are one array; "
                "an array is either trained or not: copy one of them"
            )
    check_overlaps(caller, {**params, **buffers})


def check_overlaps(caller: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise unless any two arrays are the same object or have no memory in common.

    Args:
        caller: what starts the message.
        arrays: by dotted key; what is no array is passed over.

    Raises:
        ValueError: the message names the two keys.
    """
    extents = []
    for key in dict.fromkeys(first_names(arrays).values()):
        array = arrays[key]
        if isinstance(array, np.ndarray) and array.size:
            extents.append((*np.lib.array_utils.byte_bounds(array), key))
    extents.sort()
    for i, (_, end, key) in enumerate(extents):
        for start, _, other in extents[i + 1 :]:
            if start >= end:
                break
            if np.shares_memory(arrays[key], arrays[other]):
                one, two = sorted((key, other), key=list(arrays).index)
                raise ValueError(
                    f"{caller}: {two} {arrays[two].shape} shares memory with {one} "
                    f"{arrays[one].shape} but is another array, a view of it; to tie two layers "
                    "give both the same array, else copy it"
                )

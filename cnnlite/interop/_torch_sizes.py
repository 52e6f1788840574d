"""The sizes of tensors that a traced forward computes with: x.size(0), x.shape[1:].

Imported only where PyTorch is wanted.
"""

from __future__ import annotations

from typing import Any

from torch import fx

__all__ = ["Sizes", "sizes_of"]

Sizes = tuple[int | str, ...]
"""Axes whose sizes are multiplied; "rest" are all but the first, "planes" the last two."""


def sizes_of(value: Any, tensor: Any = None) -> Sizes:
    """Return which sizes of a tensor a node multiplies; () if it is anything else.

    Args:
        value: a node.
        tensor: the node whose sizes are asked for; None for any.
    """
    if not isinstance(value, fx.Node):
        return ()
    name = str(getattr(value.target, "__name__", value.target))
    args = value.args
    if name == "size" or (name == "getattr" and args[1] == "shape"):
        if value.kwargs or tensor not in (None, args[0]):
            return ()
        return _chosen(args[1]) if name == "size" and len(args) == 2 else ("all",)
    if name == "getitem":
        whole = sizes_of(args[0], tensor)
        if whole == ("rest",) and isinstance(args[1], int) and args[1] >= 0:
            return (args[1] + 1,)
        return _chosen(args[1]) if whole == ("all",) else ()
    if name == "mul":
        factors = [sizes_of(factor, tensor) for factor in args if factor != 1]
        return tuple(axis for factor in factors for axis in factor) if all(factors) else ()
    return ()


def _chosen(index: Any) -> Sizes:
    if isinstance(index, int):
        return (index,)
    if index == slice(1, None, None):
        return ("rest",)
    if index in (slice(2, None, None), slice(-2, None, None), slice(2, 4, None)):
        return ("planes",)
    return ()

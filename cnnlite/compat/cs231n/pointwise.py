"""ReLU, whose cache is x, and dropout, whose p is the probability to keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import Array, check_shape, contiguous
from cnnlite.checks.numbers import real
from cnnlite.compat.cs231n.settings import mode_of, setting
from cnnlite.compat.promotion import promoted
from cnnlite.quiet import quiet

__all__ = ["dropout_backward", "dropout_forward", "relu_backward", "relu_forward"]

DropoutCache = tuple[Mapping[str, Any], Array | None]


def relu_forward(x: Any) -> tuple[Array, Any]:
    """Return max(x, 0) and the cache, which is x itself.

    Raises:
        TypeError: x is not made of real numbers.
    """
    (array,) = promoted("relu_forward", x=x)
    out = empty(array.shape, array.dtype)
    kernels.relu_forward(contiguous(array), out)
    return out, x


def relu_backward(dout: Any, cache: Any) -> Array:
    """Return dx = dout where x > 0, else 0; the cache is x, or the output, which has its signs.

    Raises:
        TypeError: an argument is not made of real numbers.
        ValueError: dout has another shape than x.
    """
    dout, x = promoted("relu_backward", dout=dout, x=cache)
    check_shape("relu_backward", "dout", dout, x.shape)
    dx = empty(x.shape, x.dtype)
    kernels.relu_backward(contiguous(dout), contiguous(x), dx)
    return dx


@quiet
def dropout_forward(x: Any, dropout_param: Mapping[str, Any]) -> tuple[Array, DropoutCache]:
    """Zero elements at random and scale the others by 1/p; in "test" mode return x.

    Args:
        x: any shape.
        dropout_param: "p", the probability to keep an element (PyTorch's p is the one to drop it),
            "mode", "train" or "test", and perhaps "seed", which `np.random.seed` is called with.

    Returns:
        out like x, and the cache (dropout_param, mask): the mask is 0 or 1/p, or None in "test".

    Raises:
        TypeError, ValueError: x or a setting is not what is said above.

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from
    overfitting", 2014.
    """
    name = "dropout_forward"
    (array,) = promoted(name, x=x)
    keep = real(name, "dropout_param['p']", setting(name, dropout_param, "p"), 0, 1, open_low=True)
    train = mode_of(name, dropout_param) == "train"
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])  # noqa: NPY002 - the course's own stream
    if not train:
        return np.asarray(x), (dropout_param, None)
    mask = ((np.random.rand(*array.shape) < keep) / keep).astype(array.dtype)  # noqa: NPY002
    return (array * mask).astype(np.asarray(x).dtype, copy=False), (dropout_param, mask)


@quiet
def dropout_backward(dout: Any, cache: DropoutCache) -> Array:
    """Return dx: dout times the mask of `dropout_forward`, or dout itself in "test" mode.

    Raises:
        TypeError: dout is not made of real numbers.
        ValueError: dout has another shape than x.
    """
    mask = cache[1]
    if mask is None:
        return dout
    dout, mask = promoted("dropout_backward", dout=dout, mask=mask)
    check_shape("dropout_backward", "dout", dout, mask.shape)
    return dout * mask

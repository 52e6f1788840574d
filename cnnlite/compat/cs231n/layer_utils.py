"""The course's layer_utils.py: layers that often follow one another, here in one pass over memory.

Each forward pass has a backward pass of the same name.  With ``need_dx=False`` that leaves out the
gradient of the first input, which a network's first layer has no use for.  As in the course's, the
names of layers.py and fast_layers.py are here too.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from cnnlite.checks.arrays import Array
from cnnlite.compat.affine import AffineCache
from cnnlite.compat.cs231n import fast_layers, layers
from cnnlite.compat.cs231n.fast_layers import *
from cnnlite.compat.cs231n.layers import *
from cnnlite.compat.cs231n.windows import (
    Cache,
    conv_backward,
    conv_forward,
    max_pool_backward,
    max_pool_forward,
)
from cnnlite.functional import BatchNormCache
from cnnlite.post_ops import RELU

__all__ = [
    "affine_relu_backward",
    "affine_relu_forward",
    "conv_bn_relu_backward",
    "conv_bn_relu_forward",
    "conv_relu_backward",
    "conv_relu_forward",
    "conv_relu_pool_backward",
    "conv_relu_pool_forward",
]
__all__ += fast_layers.__all__
__all__ += layers.__all__

Gradients = tuple[Array | None, Array, Array]


def affine_relu_forward(x: Any, w: Any, b: Any) -> tuple[Array, tuple[AffineCache, Array]]:
    """Return max(x @ w + b, 0), and the cache; arguments as for `affine_forward`."""
    out, cache = affine_forward(x, w, b, relu=True)
    return out, (cache, out)


def affine_relu_backward(
    dout: Any, cache: tuple[AffineCache, Array], need_dx: bool = True
) -> Gradients:
    """Return dx, dw, db."""
    affine_cache, out = cache
    return affine_backward(relu_backward(dout, out), affine_cache, need_dx)


def conv_relu_forward(x: Any, w: Any, b: Any, conv_param: Mapping[str, Any]) -> tuple[Array, Cache]:
    """Return a convolution's output where it is positive, else 0, and the cache."""
    return conv_forward(x, w, b, conv_param, RELU)


def conv_relu_backward(dout: Any, cache: Cache, need_dx: bool = True) -> Gradients:
    """Return dx, dw, db."""
    return conv_backward(dout, cache, need_dx)


def conv_bn_relu_forward(
    x: Any,
    w: Any,
    b: Any,
    gamma: Any,
    beta: Any,
    conv_param: Mapping[str, Any],
    bn_param: MutableMapping[str, Any],
) -> tuple[Array, tuple[Cache, BatchNormCache]]:
    """Return a convolution's output, normalised over the batch, where that is positive, else 0."""
    out, conv_cache = conv_forward(x, w, b, conv_param)
    out, bn_cache = batchnorm_forward(out, gamma, beta, bn_param, RELU)
    return out, (conv_cache, bn_cache)


def conv_bn_relu_backward(
    dout: Any, cache: tuple[Cache, BatchNormCache], need_dx: bool = True
) -> tuple[Array | None, Array, Array, Array, Array]:
    """Return dx, dw, db, dgamma, dbeta."""
    conv_cache, bn_cache = cache
    dout, dgamma, dbeta = batchnorm_backward(dout, bn_cache)
    dx, dw, db = conv_backward(dout, conv_cache, need_dx)
    return dx, dw, db, dgamma, dbeta


def conv_relu_pool_forward(
    x: Any, w: Any, b: Any, conv_param: Mapping[str, Any], pool_param: Mapping[str, Any]
) -> tuple[Array, tuple[Cache, Cache | None]]:
    """Return the maxima of windows of a convolution's output where they are positive, else 0.

    The cache is the convolution's and the pooling's; windows of 2x2 side by side are pooled in the
    convolution's own pass, and leave no cache of their own.
    """
    keys = ("pool_height", "pool_width", "stride")
    if [pool_param.get(key) for key in keys] == [2, 2, 2]:
        out, conv_cache = conv_forward(x, w, b, conv_param, RELU.then("pool"))
        return out, (conv_cache, None)
    out, conv_cache = conv_forward(x, w, b, conv_param, RELU)
    out, pool_cache = max_pool_forward(out, pool_param)
    return out, (conv_cache, pool_cache)


def conv_relu_pool_backward(
    dout: Any, cache: tuple[Cache, Cache | None], need_dx: bool = True
) -> Gradients:
    """Return dx, dw, db."""
    conv_cache, pool_cache = cache
    if pool_cache is not None:
        dout = max_pool_backward(dout, pool_cache)
    return conv_backward(dout, conv_cache, need_dx)

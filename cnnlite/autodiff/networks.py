"""The operations of `cnnlite.functional` on tensors, and whole networks of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite import functional as F
from cnnlite import layers as L
from cnnlite.autodiff.arrays import Tensor, record_operation
from cnnlite.layers.container import child_rng
from cnnlite.random import RngLike

__all__ = [
    "batch_norm", "conv2d", "cross_entropy", "dropout", "flatten", "linear", "max_pool2d",
    "operation", "parameters", "relu", "run",
]  # fmt: skip

Params = dict[str, Tensor]


def operation(
    name: str, forward: Callable[..., tuple[Any, Any]], backward: Callable[..., Any]
) -> Callable[..., Tensor]:
    """Return a pair of `functional` as one operation on tensors.

    Args:
        name: what the tape calls it.
        forward: (arrays and options) -> (y, cache).
        backward: (dy, cache) -> a gradient, or one for each array in order.

    Returns:
        A function with the arguments of forward: tensors (or None) first, then options.
    """

    def apply(*arguments: Any, **options: Any) -> Tensor:
        named = [key for key, value in options.items() if isinstance(value, Tensor)]
        if named:
            raise TypeError(f"{name}: {named[0]} is a Tensor: give tensors by their place")
        values = [a.data if isinstance(a, Tensor) else a for a in arguments]
        y, cache = forward(*values, **options)

        def pullback(dy: np.ndarray) -> tuple[np.ndarray | None, ...]:
            gradients = backward(dy, cache)
            return gradients if isinstance(gradients, tuple) else (gradients,)

        parents = [a if isinstance(a, Tensor) else None for a in arguments]
        return record_operation(name, y, parents, pullback)

    return apply


conv2d = operation("conv2d", F.conv2d_forward, F.conv2d_backward)
linear = operation("linear", F.linear_forward, F.linear_backward)
max_pool2d = operation("max_pool2d", F.max_pool2d_forward, F.max_pool2d_backward)
relu = operation("relu", F.relu_forward, F.relu_backward)
batch_norm = operation("batch_norm", F.batch_norm_forward, F.batch_norm_backward)
dropout = operation("dropout", F.dropout_forward, F.dropout_backward)


def flatten(x: Tensor) -> Tensor:
    """Return (N, D) of (N, ...)."""
    return x.reshape(len(x.data), -1)


def cross_entropy(scores: Tensor, targets: npt.ArrayLike, **options: Any) -> Tensor:
    """Return the loss; see `cnnlite.functional.cross_entropy_forward`.

    It is an array without axes; for reduction "none" it is (N,).
    """
    value, cache = F.cross_entropy_forward(scores.data, targets, **options)
    return record_operation(
        "cross_entropy",
        np.asarray(value),
        [scores],
        lambda dy: [F.cross_entropy_backward(cache, dy if dy.ndim else float(dy))],
    )


def parameters(model: L.Layer) -> Params:
    """Return a tensor for each parameter of a network, over the network's own arrays."""
    return {key: Tensor(array) for key, array in model.params.items()}


def run(
    model: L.Layer, x: Tensor, params: Params, train: bool = True, rng: RngLike = None
) -> Tensor:
    """Return a network's output, with everything on the tape.

    Sequential and Residual are taken apart, and the layers of the course are recorded as
    operations of `functional`; any other layer is one operation, with its own forward and backward.
    Nothing is fused, and batch normalisation's running statistics stay as they are.

    Args:
        model: a network, or one layer.
        x: its input.
        params: what `parameters` returned for it.
        train, rng: as in `Layer.forward`.
    """
    if not isinstance(model, L.Sequential | L.Residual):
        known = _LAYERS.get(type(model))
        return known(model, x, params) if known else _opaque(model, x, params, train, rng)
    place = model.place(train, rng)
    # By identity: a layer that stands in the network twice has its tensors under one key.
    own = {id(array): params[key] for key, array in model.params.items()}
    branches = []
    for name, child in model.children().items():
        below = {key: own[id(array)] for key, array in child.params.items()}
        y = run(child, x, below, train, child_rng(place, name, child))
        branches.append(y)
        if isinstance(model, L.Sequential):
            x = y
    if isinstance(model, L.Sequential):
        return x
    return branches[0] + (branches[1] if len(branches) > 1 else x)


def _opaque(layer: L.Layer, x: Tensor, params: Params, train: bool, rng: RngLike) -> Tensor:
    """Record a layer as one operation, by its own two methods."""
    buffers = {key: array.copy() for key, array in layer.buffers.items()}
    y, cache = layer.forward(x.data, train, rng)
    for key, array in buffers.items():
        layer.buffers[key][...] = array
    keys = list(params)

    def pullback(dy: np.ndarray) -> list[np.ndarray | None]:
        dx, grads = layer.backward(dy, cache)
        return [dx, *(grads.get(key) for key in keys)]

    return record_operation(type(layer).__name__, y, [x, *(params[key] for key in keys)], pullback)


def _conv(layer: Any, x: Tensor, params: Params) -> Tensor:
    names = "stride", "padding", "dilation", "groups", "padding_mode", "algorithm", "multiply"
    options = {name: getattr(layer, name) for name in names}
    return conv2d(x, params["weight"], params.get("bias"), **options)


def _max_pool(layer: Any, x: Tensor, params: Params) -> Tensor:
    window = layer.kernel_size, layer.stride, layer.padding, layer.dilation
    return max_pool2d(x, *window, layer.ceil_mode)


_LAYERS: dict[type[L.Layer], Callable[[Any, Tensor, Params], Tensor]] = {
    L.Conv2d: _conv,
    L.MaxPool2d: _max_pool,
    L.Linear: lambda layer, x, params: linear(x, params["weight"], params.get("bias")),
    L.ReLU: lambda layer, x, params: relu(x),
    L.Identity: lambda layer, x, params: x,
}

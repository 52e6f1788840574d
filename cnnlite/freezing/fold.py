"""A network's layers as inference needs them: copies, fewer of them, with other weights."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from cnnlite import layers
from cnnlite.freezing.inference import FrozenConv2d, FrozenLinear, Windows
from cnnlite.layers import Layer, Residual, Sequential
from cnnlite.models.resnet import ZeroPadShortcut

NOTHING = {layers.Identity, layers.Dropout, layers.Dropout2d}
"""What does nothing in inference."""

PRODUCTS: dict[type[Layer], type[Layer]] = {
    FrozenConv2d: layers.BatchNorm2d,
    layers.Conv1d: layers.BatchNorm1d,
    FrozenLinear: layers.BatchNorm1d,
}
"""What takes over the normalisation that follows it: the weight's first axis are the channels."""

WINDOWS = {layers.AdaptiveAvgPool2d, layers.AvgPool2d, ZeroPadShortcut}

LIBRARY = {kind for kind in vars(layers).values() if isinstance(kind, type)}


def folded(layer: Layer) -> list[Layer]:
    """Return layers that give, one after the other, what `layer` gives in inference.

    They share no array with it, except layers that are not of cnnlite's own classes, which stand
    there themselves.
    """
    kind = type(layer)
    if kind in NOTHING:
        return []
    if kind is Sequential:
        return _without_norms(part for child in layer.children().values() for part in folded(child))
    if kind is Residual:
        short = None if layer.shortcut is None else Sequential(*folded(layer.shortcut))  # type: ignore[attr-defined]
        return [Residual(Sequential(*folded(layer.body)), short)]  # type: ignore[attr-defined]
    if kind is layers.Conv2d:
        return [_copied(layer, FrozenConv2d)]
    if kind is layers.Linear:
        return [_copied(layer, FrozenLinear)]
    if kind is layers.MaxPool2d:
        return [_copied(layer) if layer.post_op else Windows(_copied(layer))]  # type: ignore[attr-defined]
    if kind is layers.AdaptiveAvgPool2d and layer.output_size not in (1, (1, 1)):  # type: ignore[attr-defined]
        return [_copied(layer)]
    if kind in WINDOWS:
        return [Windows(_copied(layer))]
    return [_copied(layer)] if kind in LIBRARY else [layer]


def _copied(layer: Layer, kind: type[Layer] | None = None) -> Any:
    """Return a layer of the same settings with copies of its arrays, of another class if asked."""
    copied = copy.copy(layer)
    copied.__class__ = kind or type(layer)
    for name in ("params", "buffers"):
        arrays = getattr(layer, name)
        copied.__dict__[name] = {key: np.array(array, order="C") for key, array in arrays.items()}
    return copied


def _without_norms(parts: Iterable[Layer]) -> list[Layer]:
    """Return the layers with batch normalisations folded into the products before them.

    A max-pooling may stand between if no channel is turned around: it commutes with the rest.
    """
    found: list[Layer] = []
    for part in parts:
        if type(part) in (layers.BatchNorm1d, layers.BatchNorm2d, layers.SyncBatchNorm) and found:
            pooled = _is_max(found[-1])
            product = found[-2] if pooled and len(found) > 1 else found[-1]
            kind = PRODUCTS.get(type(product))
            fits = kind is not None and type(part) in (kind, layers.SyncBatchNorm)
            if fits and _fold(product, part, pooled):
                continue
        found.append(part)
    return found


def _is_max(layer: Layer) -> bool:
    kind = type(layer.layer) if isinstance(layer, Windows) else type(layer)
    return kind is layers.MaxPool2d


def _fold(product: Layer, norm: Layer, only_positive: bool) -> bool:
    """Give a product the weights with which it does a normalisation too; return whether it can.

    It cannot if there are no running statistics, or a number that results is not finite.
    """
    if isinstance(product, FrozenLinear) and product.parts is not None:
        return False  # the second one: of x with three axes, the first has to be there
    weight, bias = product.params["weight"], product.params.get("bias")
    if "running_mean" not in norm.buffers or norm.num_features != len(weight):  # type: ignore[attr-defined]
        return False
    ones, zeros = np.ones(len(weight), weight.dtype), np.zeros(len(weight), weight.dtype)
    arrays = (
        norm.params.get("weight", ones),
        norm.params.get("bias", zeros),
        norm.buffers["running_mean"],
        norm.buffers["running_var"],
        zeros if bias is None else bias,
    )
    if {array.dtype for array in arrays} != {weight.dtype}:
        return False  # it will say what is wrong
    gamma, beta, mean, variance, constant = (array.astype(np.float64) for array in arrays)
    with np.errstate(all="ignore"):
        root = np.sqrt(variance + norm.eps)  # type: ignore[attr-defined]
        scale = gamma * np.divide(1, root, out=np.zeros_like(root), where=root != 0)
        shift = beta + scale * (constant - mean)
        scaled = (weight * scale.reshape(-1, *[1] * (weight.ndim - 1))).astype(weight.dtype)
        shifted = shift.astype(weight.dtype)
    if not (np.isfinite(scaled).all() and np.isfinite(shifted).all()):
        return False
    if only_positive and not (scale > 0).all():
        return False
    if isinstance(product, FrozenLinear):
        product.parts = _copied(product, layers.Linear), norm  # type: ignore[assignment]
    product.params["weight"], product.params["bias"] = scaled, shifted
    return True

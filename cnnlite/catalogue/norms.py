"""Normalisation and regularisation."""

from typing import Any

import numpy as np

from cnnlite import layers as nn
from cnnlite.catalogue.entry import ODD, Entry, Graph, Node, example
from cnnlite.catalogue.twins import AFFINE, Told, Twin, present, same

__all__ = ["ENTRIES"]


def affine(g: Graph, layer: nn.Layer, shape: Any) -> list[str]:
    """Scale and shift of a normalisation, which ONNX always has."""
    arrays = layer.params.get("weight", np.ones(shape, g.dtype)), layer.params.get("bias")
    return [g.constant(np.zeros(shape, g.dtype) if a is None else a) for a in arrays]


def _batch_norm(g: Graph, layer: Any, x: str) -> str:
    if not layer.buffers:
        raise ValueError("without running statistics there is nothing to normalise with")
    statistics = (g.constant(layer.buffers[key]) for key in ("running_mean", "running_var"))
    inputs = [x, *affine(g, layer, layer.num_features), *statistics]
    return g.node("BatchNormalization", inputs, epsilon=layer.eps)


def _instance_norm(g: Graph, layer: nn.InstanceNorm2d, x: str) -> str:
    if layer.buffers:
        return _batch_norm(g, layer, x)
    inputs = [x, *affine(g, layer, layer.num_features)]
    return g.node("InstanceNormalization", inputs, epsilon=layer.eps)


def _layer_norm(g: Graph, layer: nn.LayerNorm, x: str) -> str:
    shape = layer.normalized_shape
    inputs = [x, *affine(g, layer, shape)]
    return g.node("LayerNormalization", inputs, axis=-len(shape), epsilon=layer.eps)


def _group_norm(g: Graph, layer: nn.GroupNorm, x: str) -> str:
    return g.node(
        "GroupNormalization", [x, *affine(g, layer, layer.num_channels)], epsilon=layer.eps,
        num_groups=layer.num_groups, stash_type=g.element,
    )  # fmt: skip


def _tracking_twin(kind: type[nn.Layer]) -> Twin:
    tracks = Told(lambda layer: bool(layer.buffers), lambda module: module.track_running_stats)
    return same(kind, affine=AFFINE, track_running_stats=tracks)


def _sync_twin() -> Twin:
    """Give PyTorch a BatchNorm2d: its own SyncBatchNorm runs on GPUs only."""
    twin = _tracking_twin(nn.SyncBatchNorm)
    plain = _tracking_twin(nn.BatchNorm2d)
    return Twin(twin.modules, plain.to_torch, twin.from_torch)


ENTRIES = [
    Entry(
        nn.Dropout, "regularisation", (example(0.5, title="Dropout"), example(0.0, shape=ODD)),
        same(nn.Dropout), Node("Identity"), "dropout",
    ),
    Entry(
        nn.Dropout2d, "regularisation", (example(0.5, title="Dropout2d"), example(0.0, shape=ODD)),
        same(nn.Dropout2d), Node("Identity"), "dropout2d",
    ),
    Entry(
        nn.BatchNorm1d, "normalisation",
        (
            example(7, shape=(5, 7), title="BatchNorm1d"),
            example(4, affine=False, eps=1e-3, shape=(6, 4)),
        ),
        _tracking_twin(nn.BatchNorm1d), _batch_norm, "batch_norm",
    ),
    Entry(
        nn.BatchNorm2d, "normalisation",
        (
            example(4, title="BatchNorm2d"),
            example(4, shape=ODD),
            example(4, momentum=None, shape=ODD),
            example(4, affine=False, shape=ODD),
            example(4, track_running_stats=False, shape=ODD, lacks="`track_running_stats=False`"),
        ),
        _tracking_twin(nn.BatchNorm2d), _batch_norm, "batch_norm",
    ),
    Entry(
        nn.SyncBatchNorm, "normalisation",
        (example(4, title="SyncBatchNorm"), example(4, affine=False, momentum=None, shape=ODD)),
        _sync_twin(), _batch_norm, "batch_norm",
    ),
    Entry(
        nn.LayerNorm, "normalisation",
        (
            example((4, 6, 6), title="LayerNorm"),
            example(6, shape=ODD),
            example((5, 6), bias=False, shape=ODD),
            example((4, 5, 6), elementwise_affine=False, shape=ODD),
        ),
        same(nn.LayerNorm, elementwise_affine=present("weight"), bias=present("bias")),
        _layer_norm, "layer_norm",
    ),
    Entry(
        nn.GroupNorm, "normalisation",
        (
            example(2, 4, title="GroupNorm"),
            example(2, 4, shape=ODD),
            example(4, 4, affine=False, shape=ODD),
        ),
        same(nn.GroupNorm, affine=AFFINE), _group_norm, "group_norm",
    ),
    Entry(
        nn.InstanceNorm2d, "normalisation",
        (
            example(4, title="InstanceNorm2d"),
            example(4, eps=1e-3, affine=True, shape=ODD),
            example(4, momentum=0.3, affine=True, track_running_stats=True, shape=ODD),
            example(4, track_running_stats=True, shape=ODD),
        ),
        _tracking_twin(nn.InstanceNorm2d), _instance_norm, "instance_norm",
    ),
]  # fmt: skip

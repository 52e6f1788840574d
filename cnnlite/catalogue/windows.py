"""Convolution and pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnlite import layers as nn
from cnnlite.catalogue.entry import ODD, Entry, Export, Graph, Node, example
from cnnlite.catalogue.twins import Told, Twin, module_type, same
from cnnlite.checks.numbers import pair
from cnnlite.checks.windows import resolve_padding
from cnnlite.functional.conv.borders import MODES

if TYPE_CHECKING:
    import torch

__all__ = ["ENTRIES"]

Sides = tuple[int, int, int, int]


def _window(layer: Any) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], Sides]:
    """Kernel, stride and dilation as pairs, and the padding as (top, bottom, left, right)."""
    name = type(layer).__name__
    kernel, stride, dilation = (
        pair(name, "", size)
        for size in (layer.kernel_size, layer.stride, getattr(layer, "dilation", 1))
    )
    return kernel, stride, dilation, resolve_padding(name, layer.padding, kernel, stride, dilation)


def _conv_to_torch(layer: nn.Conv2d) -> torch.nn.Module:
    *_, sides = _window(layer)
    top, bottom, left, right = sides
    arguments = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride)
    rest = (layer.dilation, layer.groups, "bias" in layer.params, layer.padding_mode)
    module: torch.nn.Module
    if (top, left) != (bottom, right):
        module = module_type("PaddedConv2d")(sides, *arguments, 0, *rest)
    else:
        padding = layer.padding if isinstance(layer.padding, str) else (top, left)
        module = module_type("Conv2d")(*arguments, padding, *rest)
    return module


def _conv_from_torch(module: Any, dtype: np.dtype) -> nn.Layer:
    sides = getattr(module, "sides", None)
    return nn.Conv2d(
        module.in_channels, module.out_channels, module.kernel_size, module.stride,
        module.padding if sides is None else (sides[:2], sides[2:]), module.dilation,
        module.groups, module.bias is not None, module.padding_mode, dtype=dtype,
    )  # fmt: skip


def _conv_node(g: Graph, layer: nn.Conv2d, x: str) -> str:
    *_, (top, bottom, left, right) = _window(layer)
    pads = [top, left, bottom, right]
    if layer.padding_mode != "zeros":
        amounts = g.constant(np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
        x, pads = g.node("Pad", [x, amounts], mode=MODES[layer.padding_mode]), [0, 0, 0, 0]
    return g.node(
        "Conv", [x, *(g.constant(array) for array in layer.params.values())], pads=pads,
        strides=list(layer.stride), dilations=list(layer.dilation), group=layer.groups,
    )  # fmt: skip


def _both_sides(layer: Any) -> tuple[int, int]:
    """The padding as PyTorch's pooling takes it: as much before as behind."""
    *_, (top, bottom, left, right) = _window(layer)
    if (top, left) != (bottom, right):
        raise ValueError(
            f"padding {layer.padding!r} differs from side to side, which PyTorch's "
            f"{type(layer).__name__} does not offer"
        )
    return top, left


PADDING = Told(_both_sides, lambda module: module.padding)


def _pool_node(kind: str) -> Export:
    def add(g: Graph, layer: Any, x: str) -> str:
        if layer.ceil_mode:
            raise ValueError("ceil_mode has another meaning in ONNX")
        kernel, stride, dilation, (top, bottom, left, right) = _window(layer)
        options: dict[str, Any] = {"dilations": list(dilation)}
        if kind == "AveragePool":
            options["count_include_pad"] = int(layer.count_include_pad)
        return g.node(
            kind, [x], kernel_shape=list(kernel), strides=list(stride),
            pads=[top, left, bottom, right], **options,
        )  # fmt: skip

    return add


class GlobalPool(Node):
    """The node of an adaptive pooling: ONNX knows the whole plane as a window, no other."""

    def __call__(self, graph: Graph, layer: Any, x: str) -> str:
        if layer.output_size not in (1, (1, 1)):
            raise ValueError(f"output_size is {layer.output_size}, ONNX has 1 alone")
        return super().__call__(graph, layer, x)


def _resize(g: Graph, layer: nn.Upsample, x: str) -> str:
    options: dict[str, Any] = {"mode": "nearest", "nearest_mode": "floor"}
    place = "asymmetric"
    if layer.mode == "bilinear":
        options, place = (
            {"mode": "linear"},
            "align_corners" if layer.align_corners else "half_pixel",
        )
    inputs = [x, ""]
    if layer.scale_factor is None:
        inputs += ["", g.constant(np.array(pair("Upsample", "size", layer.size), np.int64))]
    else:
        scales = np.broadcast_to(layer.scale_factor, 2)
        if any(scale % 1 and (scale < 1.5 or layer.align_corners) for scale in scales):
            raise ValueError(f"scale_factor {layer.scale_factor} has another meaning in ONNX")
        inputs.append(g.constant(scales.astype(np.float32)))
    return g.node("Resize", inputs, axes=[2, 3], coordinate_transformation_mode=place, **options)


ADAPTIVE = [
    example((1, 1), shape=ODD, gives=(3, 4, 1, 1)),
    example(2, shape=ODD, gives=(3, 4, 2, 2), exported=False),
    example((3, 7), shape=ODD, gives=(3, 4, 3, 7), exported=False),
    example((None, 4), shape=ODD, gives=(3, 4, 5, 4), exported=False),
    example((None, None), shape=ODD, exported=False),
]

ENTRIES = [
    Entry(
        nn.Conv2d, "convolution",
        (
            example(
                4, 6, (3, 2), stride=(1, 2), padding=(1, 0), gives=(2, 6, 6, 3), title="Conv2d"
            ),
            example(4, 4, 2, padding="same", dilation=2, title="Conv2d dilated"),
            example(4, 6, 3, groups=2, gives=(2, 6, 4, 4), title="Conv2d grouped"),
            example(
                4, 3, 3, padding=1, padding_mode="circular", gives=(2, 3, 6, 6),
                title="Conv2d circular",
            ),
            example(4, 5, 3, shape=ODD, gives=(3, 5, 3, 4)),
            example(
                4, 2, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), bias=False,
                shape=ODD, gives=(3, 2, 3, 4),
            ),
            example(4, 4, 3, padding="same", groups=2, shape=ODD),
            example(4, 4, 3, padding=1, padding_mode="circular", groups=4, shape=ODD),
            example(
                4, 3, 3, padding=(2, 1), padding_mode="reflect", gives=(2, 3, 8, 6),
                title="Conv2d reflect",
            ),
            example(
                4, 3, 3, padding=(2, 4), padding_mode="reflect", shape=ODD, gives=(3, 3, 7, 12),
            ),
            example(
                4, 3, 3, padding=(2, 1), padding_mode="replicate", gives=(2, 3, 8, 6),
                title="Conv2d replicate",
            ),
            example(
                4, 3, 3, padding=(7, 9), stride=2, padding_mode="replicate", shape=ODD,
                gives=(3, 3, 9, 11),
            ),
            example(
                4, 8, 3, padding=1, groups=4, gives=(2, 8, 6, 6), title="Conv2d depthwise",
            ),
            example(
                4, 4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=4, bias=False,
                shape=ODD, gives=(3, 4, 3, 4),
            ),
        ),
        Twin(("Conv2d", "PaddedConv2d"), _conv_to_torch, _conv_from_torch),
        _conv_node, "conv2d",
    ),
    Entry(
        nn.MaxPool2d, "pooling",
        (
            example(3, stride=2, padding=1, gives=(2, 4, 3, 3), title="MaxPool2d"),
            example(2, shape=ODD, gives=(3, 4, 2, 3)),
            example(
                (3, 2), stride=(1, 2), padding=(1, 0), ceil_mode=True, shape=ODD,
                gives=(3, 4, 5, 3), exported=False,
            ),
            example(2, stride=1, dilation=2, shape=ODD, gives=(3, 4, 3, 4)),
        ),
        same(nn.MaxPool2d, {"return_indices": False}, padding=PADDING),
        _pool_node("MaxPool"), "max_pool2d",
    ),
    Entry(
        nn.AvgPool2d, "pooling",
        (
            example(3, stride=2, padding=1, gives=(2, 4, 3, 3), title="AvgPool2d"),
            example(2, shape=ODD, gives=(3, 4, 2, 3)),
            example(
                3, stride=2, padding=1, ceil_mode=True, count_include_pad=False, shape=ODD,
                gives=(3, 4, 3, 4), exported=False,
            ),
        ),
        same(nn.AvgPool2d, {"divisor_override": None}, padding=PADDING),
        _pool_node("AveragePool"), "avg_pool2d",
    ),
    Entry(
        nn.AdaptiveAvgPool2d, "pooling",
        (example(1, gives=(2, 4, 1, 1), title="AdaptiveAvgPool2d"), *ADAPTIVE),
        same(nn.AdaptiveAvgPool2d), GlobalPool("GlobalAveragePool"), "adaptive_avg_pool2d",
    ),
    Entry(
        nn.AdaptiveMaxPool2d, "pooling",
        (example((4, 3), gives=(2, 4, 4, 3), title="AdaptiveMaxPool2d", exported=False), *ADAPTIVE),
        same(nn.AdaptiveMaxPool2d, {"return_indices": False}), GlobalPool("GlobalMaxPool"),
        "adaptive_max_pool2d",
    ),
    Entry(
        nn.Upsample, "resampling",
        (
            example(scale_factor=2, gives=(2, 4, 12, 12), title="Upsample"),
            example(
                scale_factor=2, mode="bilinear", gives=(2, 4, 12, 12), title="Upsample bilinear"
            ),
            example((3, 9), shape=ODD, gives=(3, 4, 3, 9)),
            example(scale_factor=(1.5, 2.0), shape=ODD, gives=(3, 4, 7, 12)),
            example(scale_factor=1.1, shape=ODD, exported=False),
            example((4, 7), mode="bilinear", align_corners=False, shape=ODD, gives=(3, 4, 4, 7)),
            example((8, 3), mode="bilinear", align_corners=True, shape=ODD, gives=(3, 4, 8, 3)),
            example(
                scale_factor=1.5, mode="bilinear", align_corners=True, shape=ODD,
                gives=(3, 4, 7, 9), exported=False,
            ),
        ),
        same(nn.Upsample, {"recompute_scale_factor": None}), _resize, "interpolate",
    ),
]  # fmt: skip

"""Pooling and upsampling."""

from typing import Any

import numpy as np

from cnnlite import layers as nn
from cnnlite.catalogue.entry import ODD, ROWS, Entry, Export, Graph, Node, example
from cnnlite.catalogue.twins import same
from cnnlite.catalogue.windows import PADDING, onnx_padding, window
from cnnlite.checks.numbers import pair

__all__ = ["ENTRIES"]


def _pool_node(kind: str) -> Export:
    def add(g: Graph, layer: Any, x: str) -> str:
        if layer.ceil_mode:
            raise ValueError("ceil_mode has another meaning in ONNX")
        spans = window(layer)
        options = {"dilations": spans.dilation} | onnx_padding(spans)
        if kind == "AveragePool":
            options["count_include_pad"] = int(layer.count_include_pad)
        return g.node(
            kind, [x], kernel_shape=spans.kernel, strides=spans.stride, **options,
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


OTHER_SIZES = "adaptive pooling to other sizes than 1"
ADAPTIVE = [
    example((1, 1), shape=ODD, gives=(3, 4, 1, 1)),
    example(2, shape=ODD, gives=(3, 4, 2, 2), lacks=OTHER_SIZES),
    example((3, 7), shape=ODD, gives=(3, 4, 3, 7), lacks=OTHER_SIZES),
    example((None, 4), shape=ODD, gives=(3, 4, 5, 4), lacks=OTHER_SIZES),
    example((None, None), shape=ODD, lacks=OTHER_SIZES),
]

ENTRIES = [
    Entry(
        nn.MaxPool2d, "pooling",
        (
            example(3, stride=2, padding=1, gives=(2, 4, 3, 3), title="MaxPool2d"),
            example(2, shape=ODD, gives=(3, 4, 2, 3)),
            example(
                (3, 2), stride=(1, 2), padding=(1, 0), ceil_mode=True, shape=ODD,
                gives=(3, 4, 5, 3), lacks="`ceil_mode`",
            ),
            example(2, stride=1, dilation=2, shape=ODD, gives=(3, 4, 3, 4)),
        ),
        same(nn.MaxPool2d, {"return_indices": False}, padding=PADDING),
        _pool_node("MaxPool"), "max_pool2d",
    ),
    Entry(
        nn.MaxPool1d, "pooling",
        (
            example(3, stride=2, padding=1, shape=ROWS, gives=(3, 4, 5), title="MaxPool1d"),
            example(2, shape=ROWS, gives=(3, 4, 4)),
            example(
                3, stride=4, ceil_mode=True, shape=ROWS, gives=(3, 4, 3), lacks="`ceil_mode`"
            ),
            example(2, stride=1, dilation=2, shape=ROWS, gives=(3, 4, 7)),
        ),
        same(nn.MaxPool1d, {"return_indices": False}, padding=PADDING),
        _pool_node("MaxPool"), "max_pool1d",
    ),
    Entry(
        nn.AvgPool2d, "pooling",
        (
            example(3, stride=2, padding=1, gives=(2, 4, 3, 3), title="AvgPool2d"),
            example(2, shape=ODD, gives=(3, 4, 2, 3)),
            example(
                3, stride=2, padding=1, ceil_mode=True, count_include_pad=False, shape=ODD,
                gives=(3, 4, 3, 4), lacks="`ceil_mode`",
            ),
        ),
        same(nn.AvgPool2d, {"divisor_override": None}, padding=PADDING),
        _pool_node("AveragePool"), "avg_pool2d",
    ),
    Entry(
        nn.AvgPool1d, "pooling",
        (
            example(3, stride=2, padding=1, shape=ROWS, gives=(3, 4, 5), title="AvgPool1d"),
            example(2, shape=ROWS, gives=(3, 4, 4)),
            example(4, stride=3, padding=2, count_include_pad=False, shape=ROWS, gives=(3, 4, 4)),
            example(
                4, stride=2, padding=1, ceil_mode=True, count_include_pad=False, shape=ROWS,
                gives=(3, 4, 5), lacks="`ceil_mode`",
            ),
        ),
        same(nn.AvgPool1d, padding=PADDING), _pool_node("AveragePool"), "avg_pool1d",
    ),
    Entry(
        nn.AdaptiveAvgPool2d, "pooling",
        (example(1, gives=(2, 4, 1, 1), title="AdaptiveAvgPool2d"), *ADAPTIVE),
        same(nn.AdaptiveAvgPool2d), GlobalPool("GlobalAveragePool"), "adaptive_avg_pool2d",
    ),
    Entry(
        nn.AdaptiveMaxPool2d, "pooling",
        (
            example((4, 3), gives=(2, 4, 4, 3), title="AdaptiveMaxPool2d", lacks=OTHER_SIZES),
            *ADAPTIVE,
        ),
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
            example(scale_factor=1.1, shape=ODD, lacks="some fractions as `scale_factor`"),
            example((4, 7), mode="bilinear", align_corners=False, shape=ODD, gives=(3, 4, 4, 7)),
            example((8, 3), mode="bilinear", align_corners=True, shape=ODD, gives=(3, 4, 8, 3)),
            example(
                scale_factor=1.5, mode="bilinear", align_corners=True, shape=ODD,
                gives=(3, 4, 7, 9), lacks="some fractions as `scale_factor`",
            ),
        ),
        same(nn.Upsample, {"recompute_scale_factor": None}), _resize, "interpolate",
    ),
]  # fmt: skip

"""Convolution; and windows as the other frameworks take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnlite import layers as nn
from cnnlite.catalogue.entry import ODD, ROWS, Entry, Graph, example
from cnnlite.catalogue.twins import Told, Twin, module_type, present, same
from cnnlite.checks import one_axis
from cnnlite.checks.numbers import pair
from cnnlite.checks.windows import ANY_SIZE, resolve_padding
from cnnlite.functional.conv.borders import MODES

if TYPE_CHECKING:
    import torch

__all__ = ["ENTRIES", "PADDING", "onnx_padding", "window"]


class Spans(NamedTuple):
    """A layer's window, with a number for each axis that it moves along."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]  # padding: top and left, or left; () if it depends on the image's size
    after: tuple[int, ...]  # bottom and right, or right


def window(layer: Any) -> Spans:
    """Return a layer's window, whatever the spelling of its settings."""
    name, dilation = type(layer).__name__, getattr(layer, "dilation", 1)
    if name.endswith("1d"):
        kernel, stride, (*_, left, right), dilation = one_axis.resolve_window(
            name, layer.kernel_size, layer.stride, layer.padding, dilation
        )
        spans = Spans(kernel[1:], stride[1:], dilation[1:], (left,), (right,))
        return _without_size(layer, spans)
    sizes = layer.kernel_size, layer.stride, dilation
    kernel, stride, dilation = (pair(name, "", size) for size in sizes)
    sides = resolve_padding(name, layer.padding, kernel, stride, dilation, ANY_SIZE)
    return _without_size(layer, Spans(kernel, stride, dilation, sides[::2], sides[1::2]))


def _without_size(layer: Any, spans: Spans) -> Spans:
    """Take out padding that depends on the image's size, which a layer does not know."""
    strided = any(step > 1 for step in spans.stride)
    return spans._replace(before=(), after=()) if layer.padding == "same" and strided else spans


def onnx_padding(spans: Spans) -> dict[str, Any]:
    """Return a node's attributes that say its padding, with zeros."""
    if not spans.before:
        return {"auto_pad": "SAME_UPPER"}
    return {"pads": [*spans.before, *spans.after]}


def _check_size_free(layer: Any, spans: Spans) -> None:
    if not spans.before:
        raise ValueError(
            f"padding 'same' with stride {layer.stride} depends on the image's size, which "
            f"PyTorch's {type(layer).__name__} does not offer; pad by numbers instead"
        )


def _both_sides(layer: Any) -> tuple[int, ...]:
    """Return the padding as PyTorch's pooling takes it: as much before as after."""
    spans = window(layer)
    _check_size_free(layer, spans)
    if spans.before != spans.after:
        raise ValueError(
            f"padding {layer.padding!r} differs from side to side, which PyTorch's "
            f"{type(layer).__name__} does not offer"
        )
    return spans.before


PADDING = Told(_both_sides, lambda module: module.padding)


def _conv_to_torch(layer: Any) -> torch.nn.Module:
    spans = window(layer)
    _check_size_free(layer, spans)
    before, after = spans[-2:]
    arguments = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride)
    rest = (layer.dilation, layer.groups, "bias" in layer.params, layer.padding_mode)
    name = type(layer).__name__
    module: torch.nn.Module
    if before != after:
        sides = tuple(side for ends in zip(before, after, strict=True) for side in ends)
        module = module_type(f"Padded{name}")(sides, *arguments, 0, *rest)
    else:
        padding = layer.padding if isinstance(layer.padding, str) else before
        module = module_type(name)(*arguments, padding, *rest)
    return module


def _conv_from_torch(module: Any, dtype: np.dtype) -> nn.Layer:
    layer: Any = getattr(nn, type(module).__name__.removeprefix("Padded"))
    sides = getattr(module, "sides", None)
    padding = module.padding if sides is None else tuple(zip(sides[::2], sides[1::2], strict=True))
    made: nn.Layer = layer(
        module.in_channels, module.out_channels, module.kernel_size, module.stride, padding,
        module.dilation, module.groups, module.bias is not None, module.padding_mode, dtype=dtype,
    )  # fmt: skip
    return made


def _conv_node(g: Graph, layer: Any, x: str) -> str:
    spans = window(layer)
    _, stride, dilation, before, after = spans
    padding = onnx_padding(spans)
    if layer.padding_mode != "zeros":
        if not before:
            raise ValueError("padding 'same' with a stride pads with zeros in ONNX")
        amounts = g.constant(np.array([0, 0, *before, 0, 0, *after], np.int64))
        x, padding = g.node("Pad", [x, amounts], mode=MODES[layer.padding_mode]), {}
    return g.node(
        "Conv", [x, *(g.constant(array) for array in layer.params.values())],
        strides=stride, dilations=dilation, group=layer.groups, **padding,
    )  # fmt: skip


def _conv_transpose_node(g: Graph, layer: nn.ConvTranspose2d, x: str) -> str:
    _, stride, dilation, before, after = window(layer)
    return g.node(
        "ConvTranspose", [x, *(g.constant(array) for array in layer.params.values())],
        pads=[*before, *after], strides=stride, dilations=dilation, group=layer.groups,
        output_padding=layer.output_padding,
    )  # fmt: skip


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
        nn.Conv1d, "convolution",
        (
            example(
                4, 6, 3, stride=2, padding=1, groups=2, shape=ROWS, gives=(3, 6, 5), title="Conv1d"
            ),
            example(
                4, 2, 2, padding="same", dilation=2, bias=False, shape=ROWS, gives=(3, 2, 9),
                title="Conv1d dilated",
            ),
            example(4, 3, 3, padding=2, padding_mode="circular", shape=ROWS, gives=(3, 3, 11)),
            example(4, 5, 1, stride=3, shape=ROWS, gives=(3, 5, 3)),
        ),
        Twin(("Conv1d", "PaddedConv1d"), _conv_to_torch, _conv_from_torch),
        _conv_node, "conv1d",
    ),
    Entry(
        nn.ConvTranspose2d, "convolution",
        (
            example(
                4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, gives=(2, 6, 12, 12),
                title="ConvTranspose2d",
            ),
            example(
                4, 2, 2, padding=1, dilation=3, output_padding=2, shape=ODD, gives=(3, 2, 8, 9),
                title="ConvTranspose2d dilated",
            ),
            example(
                4, 3, (3, 2), stride=(1, 2), padding=(1, 0), dilation=(2, 1), bias=False,
                shape=ODD, gives=(3, 3, 7, 12),
            ),
            example(4, 5, 1, stride=3, shape=ODD, gives=(3, 5, 13, 16)),
            example(4, 4, 3, groups=4, shape=ODD, gives=(3, 4, 7, 8)),
        ),
        same(nn.ConvTranspose2d, bias=present("bias"), padding=PADDING, algorithm=None),
        _conv_transpose_node, "conv_transpose2d",
    ),
]  # fmt: skip

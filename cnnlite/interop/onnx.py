"""ONNX export: a trained network as a file that other runtimes read.

save_onnx(model, "model.onnx", (3, 32, 32))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnlite import layers as nn
from cnnlite import models
from cnnlite.checks.numbers import pair
from cnnlite.checks.windows import resolve_padding
from cnnlite.evaluation import model_dtype
from cnnlite.files import replace_file
from cnnlite.interop._shared import join, load

if TYPE_CHECKING:
    import onnx

__all__ = ["save_onnx", "to_onnx"]

OPSET, IR_VERSION = 21, 10  # of 2024; in it all the operations below have what our layers need


def to_onnx(model: nn.Layer, input_shape: Sequence[int]) -> onnx.ModelProto:
    """Return the network as it is in inference: dropout is gone, batch-norm uses its statistics.

    Args:
        model: a Sequential, a Residual, or any layer of cnnlite's own.
        input_shape: of one example, (C, H, W) or (D,); the batch may have any size.

    Returns:
        A checked model, with one input "x" (N, ...) and one output "y", in the network's dtype.

    Raises:
        ImportError: onnx is not installed.
        TypeError: a layer in it has no counterpart; the message says where it stands.
        ValueError: likewise for a setting, or the network does not take this input.
    """
    onnx = load("to_onnx", "onnx", "onnx", "checker", "helper", "numpy_helper")
    y = model(np.zeros((1, *input_shape), model_dtype(model)))
    graph = _Graph(onnx, model_dtype(model))
    last = graph.add_layer(model, "x", "")
    graph.node("Identity", [last], output="y")
    value = onnx.helper.make_tensor_value_info
    made = onnx.helper.make_graph(
        graph.nodes,
        "cnnlite",
        [value("x", graph.element, ["N", *input_shape])],
        [value("y", graph.element, ["N", *y.shape[1:]])],
        graph.constants,
    )
    opset = onnx.helper.make_opsetid("", OPSET)
    proto = onnx.helper.make_model(
        made, producer_name="cnnlite", opset_imports=[opset], ir_version=IR_VERSION
    )
    onnx.checker.check_model(proto, full_check=True)
    return proto


def save_onnx(model: nn.Layer, path: str | Path, input_shape: Sequence[int]) -> None:
    """Write the network into a file; one that is there is replaced, wholly or not at all.

    Args:
        model, input_shape: as for `to_onnx`, which also says what is raised.
        path: usually NAME.onnx.
    """
    replace_file(Path(path), to_onnx(model, input_shape).SerializeToString())


class _Graph:
    """Nodes and constants, as they are added; each node's output is named after its place."""

    def __init__(self, onnx: Any, dtype: np.dtype) -> None:
        self.onnx = onnx
        self.dtype = dtype
        self.element = onnx.helper.np_dtype_to_tensor_dtype(dtype)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.named: dict[int, tuple[np.ndarray, str]] = {}  # kept, so that no id comes again

    def constant(self, array: np.ndarray) -> str:
        """Add an array, one that two layers share once, and return its name."""
        if id(array) not in self.named:
            name = f"c{len(self.constants)}"
            plain = np.ascontiguousarray(array).reshape(np.shape(array))
            self.constants.append(self.onnx.numpy_helper.from_array(plain, name))
            self.named[id(array)] = array, name
        return self.named[id(array)][1]

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add an operation and return the name of its output."""
        output = output or f"t{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], **attributes))
        return output

    def add_layer(self, layer: Any, x: str, path: str) -> str:
        """Add a layer, with all that it is made of, and return the name of its output."""
        if type(layer) is nn.Sequential:
            for key, child in layer.children().items():
                x = self.add_layer(child, x, join(path, key))
            return x
        if type(layer) is nn.Residual:
            body = self.add_layer(layer.body, x, join(path, "body"))
            short = x
            if layer.shortcut is not None:
                short = self.add_layer(layer.shortcut, x, join(path, "shortcut"))
            return self.node("Add", [body, short])
        where = f"to_onnx: layer {path!r}" if path else "to_onnx: the layer"
        name = type(layer).__name__
        if type(layer) not in _TABLE:
            raise TypeError(f"{where} is a {name}, which has no counterpart in ONNX")
        try:
            return _TABLE[type(layer)](self, layer, x)
        except ValueError as error:
            raise ValueError(f"{where}, a {name}: {error}") from error


def _conv(g: _Graph, layer: nn.Conv2d, x: str) -> str:
    top, bottom, left, right = resolve_padding(
        "Conv2d", layer.padding, layer.kernel_size, layer.stride, layer.dilation
    )
    pads = [top, left, bottom, right]
    if layer.padding_mode == "circular":
        amounts = g.constant(np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
        x, pads = g.node("Pad", [x, amounts], mode="wrap"), [0, 0, 0, 0]
    return g.node(
        "Conv", [x, *(g.constant(array) for array in layer.params.values())], pads=pads,
        strides=list(layer.stride), dilations=list(layer.dilation), group=layer.groups,
    )  # fmt: skip


def _pool(kind: str) -> Callable[[_Graph, Any, str], str]:
    def add(g: _Graph, layer: Any, x: str) -> str:
        if layer.ceil_mode:
            raise ValueError("ceil_mode has another meaning in ONNX")
        name = type(layer).__name__
        kernel, stride = (pair(name, "", size) for size in (layer.kernel_size, layer.stride))
        dilation = pair(name, "", getattr(layer, "dilation", 1))
        top, bottom, left, right = resolve_padding(name, layer.padding, kernel, stride, dilation)
        options: dict[str, Any] = {"dilations": list(dilation)}
        if kind == "AveragePool":
            options["count_include_pad"] = int(layer.count_include_pad)
        return g.node(
            kind, [x], kernel_shape=list(kernel), strides=list(stride),
            pads=[top, left, bottom, right], **options,
        )  # fmt: skip

    return add


def _linear(g: _Graph, layer: nn.Linear, x: str) -> str:
    return g.node("Gemm", [x, *(g.constant(array) for array in layer.params.values())], transB=1)


def _flatten(g: _Graph, layer: nn.Flatten, x: str) -> str:
    if (layer.start_dim, layer.end_dim) != (1, -1):
        raise ValueError("only the default, which leaves the batch alone, is offered")
    return g.node("Flatten", [x])


def _silu(g: _Graph, layer: nn.SiLU, x: str) -> str:
    return g.node("Mul", [x, g.node("Sigmoid", [x])])


def _batch_norm(g: _Graph, layer: Any, x: str) -> str:
    if not layer.buffers:
        raise ValueError("without running statistics there is nothing to normalise with")
    size = layer.num_features
    weight = layer.params.get("weight", np.ones(size, g.dtype))
    bias = layer.params.get("bias", np.zeros(size, g.dtype))
    arrays = weight, bias, layer.buffers["running_mean"], layer.buffers["running_var"]
    return g.node("BatchNormalization", [x, *map(g.constant, arrays)], epsilon=layer.eps)


def _layer_norm(g: _Graph, layer: nn.LayerNorm, x: str) -> str:
    shape = layer.normalized_shape
    weight = layer.params.get("weight", np.ones(shape, g.dtype))
    bias = layer.params.get("bias", np.zeros(shape, g.dtype))
    inputs = [x, g.constant(weight), g.constant(bias)]
    return g.node("LayerNormalization", inputs, axis=-len(shape), epsilon=layer.eps)


def _group_norm(g: _Graph, layer: nn.GroupNorm, x: str) -> str:
    size = layer.num_channels
    weight = layer.params.get("weight", np.ones(size, g.dtype))
    bias = layer.params.get("bias", np.zeros(size, g.dtype))
    return g.node(
        "GroupNormalization", [x, g.constant(weight), g.constant(bias)], epsilon=layer.eps,
        num_groups=layer.num_groups, stash_type=g.element,
    )  # fmt: skip


def _zero_pad_shortcut(g: _Graph, layer: models.ZeroPadShortcut, x: str) -> str:
    start, end, axes, steps = (
        np.array(values, np.int64)
        for values in ([0, 0], [2**31, 2**31], [2, 3], [layer.stride] * 2)
    )
    x = g.node("Slice", [x, *map(g.constant, (start, end, axes, steps))])
    new = layer.out_channels - layer.in_channels
    return g.node("Pad", [x, g.constant(np.array([0] * 5 + [new, 0, 0], np.int64))])


def _plain(kind: str) -> Callable[[_Graph, Any, str], str]:
    return lambda g, layer, x: g.node(kind, [x])


_TABLE: dict[type, Callable[[_Graph, Any, str], str]] = {
    nn.Conv2d: _conv,
    nn.MaxPool2d: _pool("MaxPool"),
    nn.AvgPool2d: _pool("AveragePool"),
    nn.AdaptiveAvgPool2d: _plain("GlobalAveragePool"),
    nn.Linear: _linear,
    nn.Flatten: _flatten,
    nn.Identity: _plain("Identity"),
    nn.Dropout: _plain("Identity"),
    nn.ReLU: _plain("Relu"),
    nn.LeakyReLU: lambda g, layer, x: g.node("LeakyRelu", [x], alpha=layer.negative_slope),
    nn.Sigmoid: _plain("Sigmoid"),
    nn.Tanh: _plain("Tanh"),
    nn.Softsign: _plain("Softsign"),
    nn.GELU: lambda g, layer, x: g.node("Gelu", [x], approximate=layer.approximate),
    nn.SiLU: _silu,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    models.ZeroPadShortcut: _zero_pad_shortcut,
}

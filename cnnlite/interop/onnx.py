"""ONNX export: a trained network as a file that other runtimes read.

save_onnx(model, "model.onnx", (3, 32, 32))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnlite import layers as nn
from cnnlite.catalogue import CATALOGUE
from cnnlite.checks.numbers import count
from cnnlite.evaluation import model_dtype
from cnnlite.files import replace_file
from cnnlite.interop._shared import join, load
from cnnlite.layers.base import expect_layer

if TYPE_CHECKING:
    import onnx

__all__ = ["save_onnx", "to_onnx"]

OPSET, IR_VERSION = 21, 10  # of 2024; in it all the operations below have what our layers need


def to_onnx(model: nn.Layer, input_shape: Sequence[int]) -> onnx.ModelProto:
    """Return the network for inference: without dropout, with batch-norm's running statistics.

    Args:
        model: a Sequential, a Residual, or any layer of cnnlite's own.
        input_shape: of one example, (C, H, W) or (D,); the batch may have any size.

    Returns:
        A checked model, with one input "x" (N, ...) and one output "y", in the network's dtype.

    Raises:
        ImportError: onnx is not installed.
        TypeError: a layer in it has no counterpart, and the message says where it stands; or an
            argument is something else.
        ValueError: likewise for a setting, or the network does not take this input.
    """
    onnx = load("to_onnx", "onnx", "onnx", "checker", "helper", "numpy_helper")
    expect_layer("to_onnx", "model", model)
    if not isinstance(input_shape, Iterable):
        raise TypeError(f"to_onnx: input_shape is {input_shape!r}, expected a tuple of integers")
    input_shape = [count("to_onnx", "input_shape", size) for size in input_shape]
    y = model(np.zeros((1, *input_shape), model_dtype(model)))
    graph = _Graph(onnx, model_dtype(model))
    last = graph.add_layer(model, "x", "")
    graph.node("Identity", [last], output="y")
    value = onnx.helper.make_tensor_value_info
    inputs = [value("x", graph.element, ["N", *input_shape])]
    outputs = [value("y", graph.element, ["N", *y.shape[1:]])]
    made = onnx.helper.make_graph(graph.nodes, "cnnlite", inputs, outputs, graph.constants)
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
        entry = CATALOGUE.get(type(layer))
        if entry is None or entry.onnx is None:
            raise TypeError(f"{where} is a {name}, which has no counterpart in ONNX")
        try:
            return entry.onnx(self, layer, x)
        except ValueError as error:
            raise ValueError(f"{where}, a {name}: {error}") from error

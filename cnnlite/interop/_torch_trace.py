"""What a PyTorch module's own forward does, as a graph of torch.fx.

Imported only where PyTorch is wanted.
"""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import fx, nn

from cnnlite.interop._shared import join
from cnnlite.interop._torch_sizes import sizes_of

__all__ = ["has_own_forward", "operation", "place", "trace"]

NOT_THE_USERS = (str(Path(torch.__file__).parent), __file__)
FLAG = "training"  # the argument by which F.dropout is told the mode


def has_own_forward(module: nn.Module) -> bool:
    """Return whether it computes by a forward that is not PyTorch's, or runs through its parts."""
    forward = type(module).forward
    if forward in (nn.Sequential.forward, nn.Module.forward):
        return type(module) is not nn.Sequential and isinstance(module, nn.Sequential)
    return not str(getattr(forward, "__module__", "")).startswith("torch.nn.")


def place(node: fx.Node) -> str:
    """Return where the user's file says it: " in line 12: x = F.relu(x)"."""
    return str(node.meta.get("place", ""))


def operation(node: fx.Node) -> str:
    """Return a node's operation as it is called."""
    if node.op == "call_method":
        return f"the method {node.target}"
    if node.op in ("call_module", "get_attr"):
        return f"self.{node.target}"
    name = getattr(node.target, "__name__", str(node.target))
    home = str(getattr(node.target, "__module__", None) or "torch")
    if home in ("_operator", "builtins"):
        return name
    return f"{'F' if hasattr(nn.functional, name) else 'torch'}.{name}"


def trace(part: nn.Module, path: str, where: str, known: Callable[[nn.Module], bool]) -> fx.Graph:
    """Return the graph of a module's forward; each node's meta has its place and its modes.

    It is traced in training and in inference.  The two must be one graph but for the flag that
    dropout is told; `meta["modes"]` of such a node is that flag in both.

    Args:
        part: with a forward of its own.
        path: where it stands in the network.
        where: the beginning of messages about it.
        known: says of a module in it that it is taken as it is.

    Raises:
        TypeError: it cannot be traced, or the modes differ in more than that flag.
    """
    modes = [(module, module.training) for module in part.modules()]
    before = [(t, t.detach().clone()) for t in part.buffers()]
    graphs = []
    try:
        for training in (True, False):
            for module, _ in modes:
                module.training = training
            graphs.append(_traced(part, path, where, known))
    finally:
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for tensor, old in before:  # a forward may count its calls
                if not torch.equal(tensor, old):
                    tensor.copy_(old)
    train, inference = graphs
    differ = f"{where}: its forward is another one in training than in inference"
    for node, other in zip(train.nodes, inference.nodes, strict=False):
        if _signature(node) != _signature(other):
            raise TypeError(f"{differ}{place(node) or place(other)}")
        node.meta["modes"] = node.kwargs.get(FLAG), other.kwargs.get(FLAG)
    if len(train.nodes) != len(inference.nodes):
        raise TypeError(differ)
    return train


def _signature(node: fx.Node) -> tuple[Any, ...]:
    kwargs = {key: value for key, value in node.kwargs.items() if key != FLAG}
    return node.op, node.target, str(node.args), str(kwargs)


def _traced(part: nn.Module, path: str, where: str, known: Callable[[nn.Module], bool]) -> fx.Graph:
    parameters = list(inspect.signature(part.forward).parameters.values())
    given = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    needed = [p.name for p in given if p.default is p.empty]
    if not given or len(needed) > 1:
        taken = ", ".join(needed) or "nothing"
        raise TypeError(f"{where}: its forward takes {taken}; a network here has one input")
    defaults = {p.name: p.default for p in given[1:]}
    try:
        return _Tracer(path, known).trace(part, defaults or None)
    except _Refused:
        raise
    except Exception as error:  # whatever a forward does with what stands for its input
        text = " ".join(str(error).split())
        line = _line_of(error)
        raise TypeError(f"{where}: its forward cannot be traced{line}: {text}") from error


class _Refused(TypeError):
    """What is said already as it should be."""


class _Tracer(fx.Tracer):
    """Notes the line of each call; runs through a user's modules, not through PyTorch's."""

    def __init__(self, path: str, known: Callable[[nn.Module], bool]) -> None:
        super().__init__()
        self.path, self.known = path, known

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if "forward" in vars(m):
            full = join(self.path, module_qualified_name)
            raise _Refused(f"from_torch: module {full!r} has a forward of its own")
        return self.known(m) or not has_own_forward(m)

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(*args, **kwargs)
        for frame in _frames(sys._getframe()):
            if not frame.f_code.co_filename.startswith(NOT_THE_USERS):
                node.meta["place"] = _line(frame.f_code.co_filename, frame.f_lineno)
                break
        return node

    def iter(self, obj: fx.Proxy) -> Iterator[fx.Proxy]:
        """Let a loop over x.size()[1:] multiply: all of these sizes stand for one number."""
        node = obj.node
        if sizes_of(node) == ("rest",):
            return iter([obj])
        found: Iterator[fx.Proxy] = super().iter(obj)
        return found


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _line(file: str, number: int) -> str:
    code = linecache.getline(file, number).strip()
    return f" in line {number}: {code}" if code else f" in line {number}"


def _line_of(error: BaseException) -> str:
    """The last line of the user's file that had a part in an error."""
    found, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(NOT_THE_USERS):
            found = _line(file, trace.tb_lineno)
        trace = trace.tb_next
    return found

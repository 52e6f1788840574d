"""A traced forward as layers: what follows one another is Sequential, a sum is Residual.

Imported only where PyTorch is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import fx, nn

from cnnlite.interop import _torch_calls as calls
from cnnlite.interop._shared import join
from cnnlite.interop._torch_trace import operation, place, trace
from cnnlite.layers import Identity, Layer, Residual, Sequential

__all__ = ["layer_of"]

Convert = Callable[[nn.Module, str], Layer]
WANTED = "which has no counterpart: expected what has a layer in cnnlite, or a sum of two branches"


def layer_of(
    part: nn.Module, path: str, known: Callable[[nn.Module], bool], convert: Convert
) -> Sequential:
    """Return the network that computes what a module with a forward of its own computes.

    Args:
        part: the module.
        path: where it stands.
        known: says of a module that `convert` takes it as it is.
        convert: makes the layer of a module that stands at a path.

    Raises:
        TypeError, ValueError: something in it has no counterpart; the message names the operation
            and the line.
    """
    where = f"from_torch: module {path!r}" if path else "from_torch: the module"
    where += f", a {type(part).__name__}"
    return _Blocks(part, path, where, trace(part, path, where, known), convert).whole()


class _Blocks:
    """The graph, and what of it has become a layer."""

    def __init__(
        self, part: nn.Module, path: str, where: str, graph: fx.Graph, convert: Convert
    ) -> None:
        self.part, self.path, self.where, self.convert = part, path, where, convert
        self.nodes = list(graph.nodes)
        self.used: set[fx.Node] = set()
        self.ends: dict[fx.Node, fx.Node] = {}  # what all ways to a node come through last
        self.inputs: dict[fx.Node, list[fx.Node]] = {}

    def whole(self) -> Sequential:
        """The network from its input to its output."""
        start, end = self.nodes[0], self.nodes[-1]
        result = end.args[0]
        if not isinstance(result, fx.Node):
            raise TypeError(
                f"{self.where}: its forward returns a {type(result).__name__}, expected one tensor"
            )
        self._refuse_changed()
        for node in self._ancestors(result):
            self.inputs[node] = self._tensors(node) if node is not start else []
            if node is not start:
                self.ends[node] = self._common(self.inputs[node])
        return Sequential(*self._between(start, result))

    def _ancestors(self, result: fx.Node) -> list[fx.Node]:
        """What the result is computed from, in order; sizes and parameters are not among it."""
        needed, todo = set(), [result]
        while todo:
            node = todo.pop()
            if node not in needed:
                needed.add(node)
                todo += self._tensors(node) if node.op != "placeholder" else []
        return [node for node in self.nodes if node in needed]

    def _tensors(self, node: fx.Node) -> list[fx.Node]:
        """The one or two nodes that it takes its input from."""
        name = _name(node)
        given: list[Any] = [
            *node.args,
            *(node.kwargs[key] for key in ("input", "other") if key in node.kwargs),
        ]
        if name in calls.SUMS and node.op != "call_module":
            two = len(given) == 2 and all(isinstance(each, fx.Node) for each in given)
            if two and node.kwargs.get("alpha", 1) == 1:
                return given
            raise self._error(node, "expected a sum of two branches")
        module_takes = len(given) == 1 and not node.kwargs
        if node.op == "get_attr" or (node.op == "call_module" and not module_takes):
            raise self._error(node, "expected one input" if node.op == "call_module" else "")
        if not given or not isinstance(given[0], fx.Node) or node.op == "placeholder":
            raise self._error(node)
        return given[:1]

    def _common(self, nodes: list[fx.Node]) -> fx.Node:
        """The last node that all ways to these come through."""
        first, *others = nodes
        order = {node: i for i, node in enumerate(self.nodes)}
        for other in others:
            while first is not other:
                if order[first] > order[other]:
                    first = self.ends[first]
                else:
                    other = self.ends[other]
        return first

    def _between(self, start: fx.Node, node: fx.Node) -> list[Layer]:
        """The layers that lead from one node to another."""
        found: list[Layer] = []
        while node is not start:
            if node in self.used:
                raise self._error(
                    node, "its result goes into two sums in a way that Residual cannot express"
                )
            self.used.add(node)
            before = self.ends[node]
            branches = self.inputs[node]
            if len(branches) == 2:
                found.append(self._sum([self._between(before, end) for end in branches]))
            else:
                found += reversed(self._layers(node))
            node = before
        return found[::-1]

    def _sum(self, branches: list[list[Layer]]) -> Residual:
        body, short = sorted(branches, key=len, reverse=True)  # a + b and b + a are the same bits
        way = None if not short else short[0] if len(short) == 1 else Sequential(*short)
        return Residual(Sequential(*body) if body else Identity(), way)

    def _layers(self, node: fx.Node) -> list[Layer]:
        """What one node computes; nothing for a copy."""
        if node.op == "call_module":
            target = str(node.target)
            layer = self.convert(self.part.get_submodule(target), join(self.path, target))
        else:
            name = _name(node)
            if name in calls.SAME:
                return []
            try:
                module = calls.module_of(node, name, self.part)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{self._at(node)}: {error}") from error
            if module is None:
                raise self._error(node)
            try:
                layer = self.convert(module, self.path)
            except (TypeError, ValueError) as error:
                at = f"module {self.path!r}" if self.path else "the module"
                told = str(error).removeprefix(f"from_torch: {at}")
                raise type(error)(f"{self._at(node)}: it{told}") from error
        return list(layer) if isinstance(layer, Sequential) else [layer]

    def _refuse_changed(self) -> None:
        """Raise where a tensor is changed in place and read again afterwards."""
        order = {node: i for i, node in enumerate(self.nodes)}
        for node in self.nodes:
            changed = node.args[0] if node.args else None
            if not isinstance(changed, fx.Node) or not self._in_place(node):
                continue
            later = [user for user in changed.users if order[user] > order[node]]
            if any(_name(user) not in ("size", "getattr") for user in later):
                raise self._error(node, "its input is changed in place, and used again afterwards")

    def _in_place(self, node: fx.Node) -> bool:
        if node.op == "call_module":
            module: Any = self.part.get_submodule(str(node.target))
            while isinstance(module, nn.Sequential) and len(module):
                module = module[0]
            return bool(getattr(module, "inplace", False))
        return _name(node) in calls.IN_PLACE or node.kwargs.get("inplace") is True

    def _at(self, node: fx.Node) -> str:
        return f"{self.where}: {operation(node)}{place(node)}"

    def _error(self, node: fx.Node, why: str = "") -> TypeError:
        return TypeError(f"{self._at(node)}: {why}" if why else f"{self._at(node)}: {WANTED}")


def _name(node: fx.Node) -> str:
    return str(getattr(node.target, "__name__", node.target))

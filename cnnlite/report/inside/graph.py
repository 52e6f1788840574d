"""A network as plain values that a page's script can run: nodes, and what each computes.

The page holds the network itself where it can: its weights and its rules, so that every number of
every image in it is computed there, where one looks at it.  What a script cannot compute (layers of
one's own, weights that would make the page too large) is given as numbers where these are few, and
otherwise missing, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnlite import layers
from cnnlite.layers.trace import Ran
from cnnlite.report.document import array
from cnnlite.report.inside.known import rule_of
from cnnlite.report.inside.rules import (
    Activation,
    Affine,
    Maximum,
    Mix,
    Rule,
    Sum,
    Weighted,
    as_images,
)
from cnnlite.report.inside.seen_by import branches

__all__ = ["Node", "as_plain", "graph"]

WEIGHT_BYTES = 2_400_000
"""Of all weights in a page; the smallest ones come first."""
GIVEN_BYTES = 700_000
"""Of all numbers that are given because they cannot be computed."""
MULTIPLY_ADDS = 600e6
"""Of a network that a browser may be asked to run, for one image."""


@dataclass(eq=False)
class Node:
    """A step of a network.

    Attributes:
        name: the layer's path; that of a container for what it does itself.
        kind: the class.
        text: the layer as it is printed.
        inputs: the nodes that it takes, by their numbers.
        y: its output, (N, ...).
        rule: what it computes; None where that is not known.
        explained: whether the page has the rule, weights included.
        given: whether the page has its output as numbers.
        why: why it has neither, or no rule; "" where all is there.
    """

    name: str
    kind: str
    text: str
    inputs: list[int]
    y: np.ndarray
    rule: Rule | None = None
    groups: int | None = None  # of a normalisation by the image's own statistics
    explained: bool = False
    given: bool = False
    why: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image's output, as (C, H, W)."""
        return as_images(self.y).shape[1:]


@dataclass
class _Graph:
    nodes: list[Node] = field(default_factory=list)
    homes: dict[int, int] = field(default_factory=dict)  # id of an array -> the node it is of

    def add(self, node: Node) -> int:
        self.nodes.append(node)
        self.homes[id(node.y)] = len(self.nodes) - 1
        return len(self.nodes) - 1

    def home(self, values: np.ndarray, name: str) -> int:
        """Return the node that an array is the output of, a new one where none is known."""
        if id(values) not in self.homes:
            why = f"what comes into {name} is made by a layer of your own"
            self.add(Node(f"into {name}", "input", "", [], values, why=why))
        return self.homes[id(values)]


def graph(x: np.ndarray, runs: Sequence[Ran]) -> list[Node]:
    """Return the steps of a network, the images first.

    Args:
        x: the batch that was traced.
        runs: what `trace` returned; its outputs have 2 to 4 axes.
    """
    found = _Graph()
    found.add(Node("", "image", "", [], x))
    for ran in runs:
        if not 2 <= ran.y.ndim <= 4:
            continue
        kind, text = type(ran.layer).__name__, repr(ran.layer)
        if isinstance(ran.layer, layers.Residual) and isinstance(rule_of(ran), Sum):
            inputs = [found.home(branch, ran.path) for branch in branches(ran, runs)]
            found.add(Node(ran.path, kind, "body + shortcut", inputs, ran.y, Sum()))
        elif not ran.layer.children():
            inputs = [found.home(ran.x, ran.path)] if 2 <= ran.x.ndim <= 4 else []
            node = Node(ran.path, kind, text, inputs, ran.y, rule_of(ran) if inputs else None)
            if isinstance(node.rule, Affine) and node.rule.measured:
                node.groups = _groups(ran)
            found.add(node)
        elif id(ran.y) not in found.homes:  # a container of one's own, which did something itself
            found.add(Node(ran.path, kind, f"{kind}, made of layers", [], ran.y))
    _choose(found.nodes)
    return found.nodes


def _groups(ran: Ran) -> int | None:
    """Return how many groups of channels a normalisation measures; None if it measures batches."""
    if isinstance(ran.layer, layers.GroupNorm):
        return ran.layer.num_groups
    if isinstance(ran.layer, layers.LayerNorm):
        return 1
    return ran.y.shape[1] if isinstance(ran.layer, layers.InstanceNorm2d) else None


def _choose(nodes: list[Node]) -> None:
    """Decide of which nodes a page has the rule, and of which the numbers."""
    room = WEIGHT_BYTES
    for node in sorted(nodes, key=_weight_bytes):
        size = _weight_bytes(node)
        batch = isinstance(node.rule, Affine) and node.rule.measured and node.groups is None
        if node.rule is None or batch:
            node.why = node.why or f"the page does not know how {node.kind} computes"
        elif size <= room:
            room -= size
            node.explained = True
        else:
            node.why = f"its {size / 1e6:.1f} MB of weights would make the page too large"
    room, work = GIVEN_BYTES, 0.0
    there = [True] + [False] * (len(nodes) - 1)
    for place, node in enumerate(nodes[1:], 1):
        cost = _multiply_adds(node)
        inputs = all(there[i] for i in node.inputs)
        if node.explained and inputs and work + cost <= MULTIPLY_ADDS:
            work += cost
            there[place] = True
            continue
        if not inputs:
            node.why = node.why or "the numbers that it takes are not in the page"
        elif node.explained:
            node.why = "a browser would take too long to compute it"
        size = 4 * node.y.size
        if size <= room:
            room -= size
            node.given = there[place] = True


def _weight_bytes(node: Node) -> int:
    rule = node.rule
    arrays = (rule.weight, rule.bias) if isinstance(rule, Weighted | Affine) else ()
    return sum(4 * values.size for values in arrays if values is not None)


def _multiply_adds(node: Node) -> float:
    rule = node.rule
    size = float(np.prod(node.shape))
    if isinstance(rule, Weighted):
        return size * rule.weight[0].size
    taps = rule.windows if isinstance(rule, Mix | Maximum) else ()
    return size * float(np.prod([table.shape[1] for table in taps] or 1))


def as_plain(nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """Return nodes as plain values for a section's data."""
    return [
        {
            "name": node.name,
            "kind": node.kind,
            "text": node.text,
            "inputs": node.inputs,
            "shape": list(node.shape),
            "rule": _rule(node) if node.explained else None,
            "values": array(as_images(node.y).astype(np.float32)) if node.given else None,
            "why": node.why,
        }
        for node in nodes
    ]


def _rule(node: Node) -> Mapping[str, Any]:
    rule = node.rule
    plain: dict[str, Any] = {"type": type(rule).__name__.lower()}
    if isinstance(rule, Weighted | Mix | Maximum):
        plain |= {"rows": _table(rule.windows.rows), "columns": _table(rule.windows.columns)}
    if isinstance(rule, Weighted):
        plain |= {"weight": _floats(rule.weight), "groups": rule.groups}
        plain["bias"] = None if rule.bias is None else _floats(rule.bias)
    elif isinstance(rule, Mix):
        plain |= {"across": _floats(rule.columns), "down": _floats(rule.rows)}
        plain["channels"] = rule.channels.tolist()
    elif isinstance(rule, Affine):
        plain |= {"eps": rule.eps, "groups": node.groups}
        for name in ("weight", "bias"):
            values = getattr(rule, name)
            plain[name] = None if values is None else _floats(values)
        if not rule.measured:
            plain |= {"mean": _floats(rule.mean), "variance": _floats(rule.variance)}
    elif isinstance(rule, Activation):
        plain |= {"name": rule.name, "formula": rule.formula, "settings": dict(rule.settings)}
    return plain


def _floats(values: np.ndarray) -> dict[str, Any]:
    return array(values.astype(np.float32))


def _table(table: np.ndarray) -> dict[str, Any]:
    long = table.size > 0 and table.max() > np.iinfo(np.int16).max
    return array(table.astype(np.int32 if long else np.int16))

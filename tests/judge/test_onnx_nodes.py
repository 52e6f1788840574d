"""The ONNX backend's published node tests, for the operators that there are here."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.judge.cases import done
from tests.judge.onnx_operators import OPERATORS, SKIPPED

RELATIVE, ABSOLUTE = 1e-5, 1e-6
ROUNDED = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 1e-3}
"""Published with four digits; the relative tolerance is then that of ONNX's own runner."""


class Node(NamedTuple):
    """One published test: a model of one node, what goes in, what must come out."""

    operator: str
    attributes: dict[str, Any]
    inputs: list[Any]
    outputs: list[Any]


@pytest.fixture(scope="module")
def published(onnx: Any) -> dict[str, Node]:
    """All published tests of our operators, by name."""
    root = Path(onnx.__file__).parent / "backend" / "test" / "data" / "node"
    nodes = {path.name: read(onnx, path) for path in sorted(root.iterdir())}
    return {name: node for name, node in nodes.items() if node is not None}


def read(onnx: Any, folder: Path) -> Node | None:
    """The test in a folder, or None if it is not one of an operator of ours."""
    graph = onnx.load(folder / "model.onnx").graph
    if len(graph.node) != 1 or graph.node[0].op_type not in OPERATORS:
        return None  # several nodes: the expansion of an operator into others
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in graph.node[0].attribute}
    data = folder / "test_data_set_0"
    inputs, outputs = (
        [tensor(onnx, data / f"{kind}_{i}.pb") for i in range(len(list(data.glob(f"{kind}_*"))))]
        for kind in ("input", "output")
    )
    return Node(graph.node[0].op_type, attributes, inputs, outputs)


def tensor(onnx: Any, path: Path) -> Any:
    return onnx.numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


def run(node: Node, relative: float = RELATIVE) -> None:
    """Fail unless the node's outputs are the published ones."""
    found = OPERATORS[node.operator](node.inputs, node.attributes)
    assert len(found) >= len(node.outputs)
    for ours, theirs in zip(found, node.outputs, strict=False):
        assert np.shape(ours) == theirs.shape
        assert np.asarray(ours).dtype == theirs.dtype or theirs.ndim == 0
        np.testing.assert_allclose(ours, theirs, relative, ABSOLUTE)


@pytest.mark.parametrize("operator", OPERATORS)
def test_published_outputs_are_ours(published: dict[str, Node], operator: str) -> None:
    mine = {name: node for name, node in published.items() if node.operator == operator}
    names = [name for name in mine if name not in SKIPPED]
    assert names, "no published test of it runs"
    wrong = []
    for name in names:
        try:
            run(mine[name], ROUNDED.get(name, RELATIVE))
        except (AssertionError, TypeError, ValueError) as error:
            wrong.append(f"{name}: {error}")
    assert not wrong, "\n\n".join(wrong)
    done["published ONNX node tests"] = done.get("published ONNX node tests", 0) + len(names)


def test_what_is_skipped_is_published_and_cannot_pass(published: dict[str, Node]) -> None:
    """A test that has come to pass leaves the table."""
    assert set(SKIPPED) <= set(published)
    for name in SKIPPED:
        try:
            run(published[name])
        except (AssertionError, TypeError, ValueError):
            continue
        pytest.fail(f"{name} passes: take it out of the table")
    done["more skipped with a reason"] = len(SKIPPED)

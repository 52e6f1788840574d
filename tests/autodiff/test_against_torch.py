"""PyTorch judges expressions that nobody thought of."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnnlite import autodiff as ad
from cnnlite.autodiff.parse import FUNCTIONS

UNARY = ["exp", "ln", "sqrt", "sin", "cos", "tan", "tanh", "sigmoid", "abs", "relu", "negate"]
Tree = Any  # "x", a number, or (name, tree, ...)

leaves = st.sampled_from(["x", "y", "z"]) | st.sampled_from([-2.0, -0.5, 0.25, 1.0, 3.0])


def _larger(trees: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    powers = st.tuples(st.just("power"), trees, st.sampled_from([-1.0, 2.0, 3.0, 0.5]))
    return (
        st.tuples(st.sampled_from(UNARY), trees)
        | st.tuples(st.sampled_from(["+", "-", "*", "/"]), trees, trees)
        | powers
    )


trees = st.recursive(leaves, _larger, max_leaves=12)
points = st.lists(st.floats(-2.5, 2.5).filter(lambda v: abs(v) > 0.01), min_size=3, max_size=3)


def build(tree: Tree, inputs: dict[str, Any], functions: dict[str, Any]) -> Any:
    """The same tree for us and for PyTorch; ln and sqrt of what is made positive first."""
    if isinstance(tree, str):
        return inputs[tree]
    if isinstance(tree, float):
        return tree * inputs["one"]
    name, *parts = tree
    if name == "power":
        base = build(parts[0], inputs, functions)
        return (base if parts[1] in (2, 3) else base * base + 0.5) ** parts[1]
    values = [build(part, inputs, functions) for part in parts]
    match name:
        case "+":
            return values[0] + values[1]
        case "-":
            return values[0] - values[1]
        case "*":
            return values[0] * values[1]
        case "/":
            return values[0] / (values[1] * values[1] + 0.5)
        case "negate":
            return -values[0]
        case "abs":
            return abs(values[0])
        case "ln" | "sqrt":
            return functions[name](values[0] * values[0] + 0.5)
    return functions[name](values[0])


OURS = {name: getattr(ad, name) for name in UNARY if hasattr(ad, name)}


def graph_of(tree: Tree) -> ad.Graph:
    names = ("x", "y", "z")
    return ad.trace(
        lambda *v: build(tree, {**dict(zip(names, v, strict=True)), "one": 1.0}, OURS), names
    )


def same(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * max(1, np.abs(theirs).max()))


@settings(max_examples=150, deadline=None)
@given(tree=trees, point=points)
def test_first_and_second_derivatives(torch: Any, tree: Tree, point: list[float]) -> None:
    graph = graph_of(tree)
    try:
        value = graph(*point)[0]
        ours = ad.jacobian(graph, point)[0]
        along = ad.hvp(graph, point, [1.0, -2.0, 0.5])
    except (ValueError, OverflowError):
        assume(False)
    assume(all(math.isfinite(v) and abs(v) < 1e8 for v in (value, *ours, *along)))

    theirs = {name: getattr(torch, "log" if name == "ln" else name, None) for name in OURS}
    x = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in point]
    zero = sum(v * 0 for v in x)  # so that PyTorch has a graph for constants too
    inputs = dict(
        zip(("x", "y", "z", "one"), [*x, torch.ones((), dtype=torch.float64)], strict=True)
    )
    y = build(tree, inputs, theirs) + zero
    first = torch.autograd.grad(y, x, create_graph=True)
    same(value, y.item())
    same(ours, [g.item() for g in first])
    product = first[0] - 2 * first[1] + 0.5 * first[2] + zero
    same(along, [g.item() for g in torch.autograd.grad(product, x)])


@settings(max_examples=100, deadline=None)
@given(tree=trees, point=points)
def test_all_ways_agree(tree: Tree, point: list[float]) -> None:
    graph = graph_of(tree)
    try:
        reverse = ad.jacobian(graph, point)
        forward = ad.jacobian(graph, point, "forward mode")
        symbolic = np.array([ad.gradient(graph)(*point)], float)
        direct, simple = graph(*point), ad.simplify(graph)(*point)
        complex_ = ad.jacobian(graph, point, "complex step")
    except (ValueError, OverflowError):
        assume(False)
    assume(np.isfinite(reverse).all() and np.abs(reverse).max() < 1e8)
    same(forward, reverse)
    same(symbolic, reverse)
    same(simple, direct)
    if "abs" not in str(tree) and "relu" not in str(tree):
        same(complex_, reverse)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_of_the_parser(torch: Any, name: str) -> None:
    graph = ad.parse(f"{name}(x)", ["x"])
    theirs = {"ln": torch.log, "step": lambda v: (v > 0) * 1.0 + 0 * v}.get(name) or getattr(
        torch, name
    )
    for at in (0.3, 1.7):
        x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        y = theirs(x)
        assert graph(at)[0] == pytest.approx(y.item(), rel=1e-14)
        (slope,) = torch.autograd.grad(y, x)
        assert ad.jacobian(graph, [at])[0, 0] == pytest.approx(slope.item(), rel=1e-13)


@pytest.mark.parametrize("name", ["abs", "relu", "sign", "step"])
def test_at_a_kink_the_derivative_is_zero_as_in_torch(name: str) -> None:
    assert ad.jacobian(ad.parse(f"{name}(x)", ["x"]), [0.0]).tolist() == [[0.0]]

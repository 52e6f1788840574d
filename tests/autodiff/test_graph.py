"""What is recorded, and what is said when it cannot be."""

import pytest

from cnnlite.autodiff import Graph, jacobian, parse, sin, trace


def test_nodes_stand_in_an_order_in_which_they_can_be_computed() -> None:
    graph = trace(lambda x, y: (x + y) * (y + 1))
    assert graph.inputs == ("x", "y")
    assert [graph.formula(place) for place in range(len(graph.nodes))] == [
        *("x", "y", "x + y", "1", "y + 1", "v1 * v2")
    ]
    for place, node in enumerate(graph.nodes):
        assert all(argument < place for argument in node.arguments)


def test_a_python_function_may_have_loops_and_constants() -> None:
    def horner(x):  # type: ignore[no-untyped-def]
        y = 0.0
        for coefficient in (2.0, -1.0, 3.0):
            y = y * x + coefficient
        return [y, 7.0]

    graph = trace(horner)
    assert graph(2.0) == [2 * 4 - 2 + 3, 7.0]
    assert jacobian(graph, [2.0]).tolist() == [[4 * 2 - 1], [0]]


def test_a_branch_on_a_symbol_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="'>' not supported"):
        trace(lambda x: x if x > 0 else -x)


def test_symbols_of_two_graphs_do_not_mix() -> None:
    kept = []
    trace(lambda x: kept.append(x) or x)
    with pytest.raises(ValueError, match="different graphs"):
        trace(lambda y: y + kept[0])


def test_wrong_number_of_inputs() -> None:
    with pytest.raises(ValueError, match=r"2 inputs \(x, y\), got 1 numbers"):
        trace(lambda x, y: x)(1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ln(x)", r"v1 = ln\(x\) .* is not defined at 0.0"),
        ("1/x", r"v1 = 1 / x .* is not defined at 1.0, 0.0"),
        ("(x-1)**0.5", r"v2 = v1 \*\* 0.5 .* is not defined at -1.0, 0.5"),
        ("exp(x+1000)", r"v2 = exp\(v1\) .* is not defined at 1000.0"),
    ],
)
def test_where_there_is_no_value_the_operation_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text, ["x"])(0.0)


@pytest.mark.parametrize("text", ["sqrt(x)", "x**0.5"])
def test_where_there_is_no_derivative_the_operation_is_named(text: str) -> None:
    assert parse(text, ["x"])(0.0) == [0.0]
    for way in ("forward mode", "reverse mode"):
        with pytest.raises(ValueError, match=r"v1 = .* derivative"):
            jacobian(parse(text, ["x"]), [0.0], way)


def test_numpy_numbers_leave_the_arithmetic_to_the_graph() -> None:
    import numpy as np

    graph = trace(lambda x: np.float64(2) * x + np.float32(1))
    assert isinstance(graph, Graph)
    assert jacobian(graph, np.array([3.0])).tolist() == [[2.0]]


def test_deep_graphs_do_not_exhaust_the_stack() -> None:
    def deep(x):  # type: ignore[no-untyped-def]
        for _ in range(5000):
            x = sin(x)
        return x

    assert abs(jacobian(trace(deep), [1.0])[0, 0]) < 1


def test_a_number_to_the_power_of_a_variable() -> None:
    graph = trace(lambda x: 2.0**x)
    assert graph.formula(graph.outputs[0]) == "2 ** x"

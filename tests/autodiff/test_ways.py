"""Numeric, forward and reverse: their errors, their products, what they cost."""

import math

import numpy as np
import pytest

from cnnlite import autodiff as ad


def test_errors_of_differences_shrink_as_they_should() -> None:
    graph = ad.parse("sin(x)", ["x"])

    def off(way: str, h: float) -> float:
        return abs(ad.jacobian(graph, [1.0], way, h)[0, 0] - math.cos(1))

    assert off("forward differences", 1e-2) / off("forward differences", 1e-3) == pytest.approx(
        10, rel=0.02
    )
    assert off("central differences", 1e-2) / off("central differences", 1e-3) == pytest.approx(
        100, rel=0.02
    )


def test_rounding_ruins_small_differences_but_no_complex_step() -> None:
    graph = ad.parse("exp(x)/sqrt(x)", ["x"])
    exact = ad.jacobian(graph, [1.5])
    assert abs(ad.jacobian(graph, [1.5], "forward differences", 1e-15) - exact) > 1e-3
    assert abs(ad.jacobian(graph, [1.5], "complex step", 1e-100) - exact) < 1e-14


@pytest.mark.parametrize(
    ("way", "h", "message"),
    [
        ("symbolic", None, "way is 'symbolic', expected one of forward differences"),
        ("reverse mode", 0.1, "reverse mode takes no step h"),
        ("complex step", 0.0, "h is 0.0, expected a number above 0"),
        ("forward differences", math.nan, "h is nan"),
    ],
)
def test_wrong_settings(way: str, h: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ad.jacobian(ad.parse("x", ["x"]), [1.0], way, h)


def test_outputs_that_depend_on_nothing_and_inputs_that_nothing_depends_on() -> None:
    graph = ad.parse("3, x, x", ["x", "y"])
    for way in ad.WAYS:
        found = ad.jacobian(graph, [1.0, 2.0], way)
        np.testing.assert_allclose(found, [[0, 0], [1, 0], [1, 0]], atol=1e-7)
    assert ad.vjp(graph, [1.0, 2.0], [5.0, 2.0, 3.0])[1] == [5.0, 0.0]
    assert ad.hessian(graph, [1.0, 2.0], 1).tolist() == [[0, 0], [0, 0]]


def test_a_number_used_twice_gets_both_adjoints() -> None:
    assert ad.jacobian(ad.trace(lambda x: x * x * x), [2.0]).tolist() == [[12]]


def test_third_derivative() -> None:
    graph = ad.parse("x**5", ["x"])
    third = ad.gradient(ad.gradient(ad.gradient(graph)))
    assert third(2.0)[0] == pytest.approx(60 * 4, rel=1e-14)


@pytest.mark.parametrize("n", [2, 10, 50])
def test_reverse_mode_costs_the_same_for_any_number_of_inputs(n: int) -> None:
    """The cheap gradient principle: a gradient for a few times the function, whatever n."""

    def product(*x: ad.graph.Scalar) -> ad.graph.Scalar:
        y = x[0]
        for factor in x[1:]:
            y = y * ad.sin(factor)
        return y

    graph = ad.trace(product, [f"x{i}" for i in range(n)])
    x = np.linspace(0.5, 1.5, n).tolist()
    cost = ad.count_operations(lambda p: graph(*p), x)
    assert cost == 2 * (n - 1)

    def count(way: str) -> int:
        return ad.count_operations(lambda p: ad.jacobian_rows(graph, p, way), x)

    assert count("reverse mode") <= 4 * cost
    assert count("forward differences") == (n + 1) * cost + 3 * n
    assert count("complex step") == n * (cost + 2)
    assert count("forward mode") >= n * cost


def test_reverse_mode_costs_a_sweep_for_each_output() -> None:
    def shared(x: ad.graph.Scalar) -> list[ad.graph.Scalar]:
        h = ad.exp(ad.sin(ad.tanh(x)))
        return [h * 2, h * 3, h * 4]

    graph = ad.trace(shared)

    def count(way: str) -> int:
        return ad.count_operations(lambda p: ad.jacobian_rows(graph, p, way), [1.0])

    assert count("forward mode") < count("reverse mode")


class TestSimplify:
    @pytest.mark.parametrize(
        ("text", "formula"),
        [
            ("x*1 + 0", "x"),
            ("0*sin(x) + 2*3", "6"),
            ("(x + 1) - 0", "x + 1"),
            ("-1*x", "-x"),
            ("x/1", "x"),
            ("x**1", "x"),
            ("1/0.5*x", "2 * x"),
        ],
    )
    def test_as_on_paper(self, text: str, formula: str) -> None:
        graph = ad.simplify(ad.parse(text, ["x"]))
        assert graph.formula(graph.outputs[0]) == formula

    def test_equal_parts_are_computed_once(self) -> None:
        graph = ad.simplify(ad.parse("sin(x+1)*sin(x+1)", ["x"]))
        assert sum(node.operation is not None for node in graph.nodes) == 3

    def test_inputs_stay_though_nothing_needs_them(self) -> None:
        assert ad.simplify(ad.parse("y", ["x", "y"]))(1.0, 2.0) == [2.0]


@pytest.mark.parametrize(
    ("text", "at", "derivative"),
    [
        ("x**101", -1.0, 101),
        ("x**150", -1.01, 150 * -(1.01**149)),
        ("x**-3", -2.0, -3 / 16),
        ("sigmoid(x)", -800.0, 0),
    ],
)
def test_the_complex_step_survives_large_powers_of_negatives_and_far_sigmoids(
    text: str, at: float, derivative: float
) -> None:
    found = ad.jacobian(ad.parse(text, ["x"]), [at], "complex step")
    assert found.item() == pytest.approx(derivative, rel=1e-12)


def test_a_power_of_zero_is_constant_at_zero_too() -> None:
    graph = ad.parse("x**0, x**1, x**2", ["x"])
    for way in ("complex step", "forward mode", "reverse mode"):
        assert ad.jacobian(graph, [0.0], way).tolist() == [[0], [1], [0]]
    assert [ad.hessian(graph, [0.0], k).item() for k in range(3)] == [0, 0, 2]
    assert [ad.hvp(graph, [0.0], [1.0], k) for k in range(3)] == [[0], [0], [2]]

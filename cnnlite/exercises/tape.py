"""The exercise tape: reverse-mode differentiation."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnlite.autodiff import jacobian, parse
from cnnlite.exercises.judge import describe
from cnnlite.exercises.parts import Case, Exercise, Part, Suspect

__all__ = ["TAPE"]

# Graphs are put together from Vars by hand, so that each part is tested without the others.
HELPERS = """
def _number(v, what):
    if not isinstance(v, Var):
        raise TypeError(f"{what} gave a {type(v).__name__}, expected a Var")
    return float(v.value)

def local(result, *inputs):
    if result is None:
        return None
    slopes = [_number(result, "it")]
    for x in inputs:
        slopes.append(sum(float(slope) for v, slope in result.edges if v is x))
    return slopes

def chain(steps, *slopes):
    v = [Var(1.0)]
    for _ in range(steps):
        v.append(Var(v[-1].value, [(v[-1], slope) for slope in slopes]))
    return v

def graph(edges, values):
    v = []
    for value, row in zip(values, edges):
        v.append(Var(value, [(v[i], slope) for i, slope in row]))
    return v

def places(nodes):
    ordered = order(nodes[-1])
    if ordered is None:
        return None
    known = {id(v): i for i, v in enumerate(nodes)}
    return [known.get(id(v), -1) for v in ordered]

def adjoints(nodes, times=1):
    before = [v.adjoint for v in nodes]
    for _ in range(times):
        backward(nodes[-1])
    after = [float(v.adjoint) for v in nodes]
    return None if after == before else after

def gradient(f, *numbers):
    xs = [Var(number) for number in numbers]
    one = Var(1.0)
    if None in (one + 1, one * 1, sin(one), ln(one)):
        return None
    result = f(*xs)
    backward(result)
    return [_number(result, "it"), *(float(x.adjoint) for x in xs)]
"""

Edges = list[list[tuple[int, float]]]


def _local(expression: str, names: str, point: list[float], *suspects: Suspect) -> Case:
    """Return a case of one operation, its value and local derivatives by cnnlite.autodiff."""
    expected = _value_and_gradient(expression, names, point)
    made = ", ".join(names)
    values = ", ".join(f"Var({number:g})" for number in point)
    call = f"(lambda {made}: local({expression}, {made}))({values})"
    parts = ", ".join(["value", *(f"d/d{name}" for name in names)])
    shown = f"[{parts}] of {expression} with {made} = {values}"
    return Case(call, {}, expected, suspects, shown=shown)


def _value_and_gradient(expression: str, names: str, point: list[float]) -> list[float]:
    graph = parse(expression, list(names))
    return [graph(*point)[0], *jacobian(graph, point)[0].tolist()]


def add_cases(rng: np.random.Generator) -> list[Case]:
    a, b = rng.uniform(1.5, 3, 2).round(2).tolist()
    wrong = Suspect("the derivatives are those of a product", lambda: [a + b, b, a])
    none = Suspect("the edges are missing", lambda: [a + b, 0, 0])
    return [
        _local("x + y", "xy", [a, b], none, wrong),
        _local("x + 2", "x", [a]),
        _local("2 + x", "x", [b]),
        _local("x + x", "x", [a], Suspect("an edge is missing where a number is used twice",
                                          lambda: [2 * a, 1])),
    ]  # fmt: skip


def multiply_cases(rng: np.random.Generator) -> list[Case]:
    a, b = rng.uniform(1.5, 3, 2).round(2).tolist()
    return [
        _local(
            *("x * y", "xy", [a, b]),
            Suspect("the edges are missing", lambda: [a * b, 0, 0]),
            Suspect("the local derivatives are swapped", lambda: [a * b, a, b]),
            Suspect("the local derivatives are those of a sum", lambda: [a * b, 1, 1]),
        ),
        _local("x * 2", "x", [a]),
        _local("3 * x", "x", [b]),
        _local("x * x", "x", [a], Suspect("an edge is missing where a number is used twice",
                                          lambda: [a * a, a])),
    ]  # fmt: skip


def sin_cases(rng: np.random.Generator) -> list[Case]:
    return [_sin(a) for a in (*rng.uniform(-3, 3, 2).round(2).tolist(), 0.0)]


def _sin(a: float) -> Case:
    y, slope = math.sin(a), math.cos(a)
    return _local(
        *("sin(x)", "x", [a]),
        Suspect("the sign of the derivative is turned", lambda: [y, -slope]),
        Suspect("the derivative is the function itself", lambda: [y, y]),
        Suspect("the edge is missing", lambda: [y, 0]),
        Suspect("the derivative is multiplied with x; the local one alone is asked for",
                lambda: [y, slope * a]),
    )  # fmt: skip


def ln_cases(rng: np.random.Generator) -> list[Case]:
    return [_ln(a) for a in rng.uniform(0.2, 5, 3).round(2).tolist()]


def _ln(a: float) -> Case:
    y = math.log(a)
    return _local(
        *("ln(x)", "x", [a]),
        Suspect("the edge is missing", lambda: [y, 0]),
        Suspect("the derivative is turned upside down", lambda: [y, a]),
        Suspect("the derivative is one over the result", lambda: [y, 1 / y]),
        Suspect("a logarithm to base 10", lambda: [math.log10(a), 1 / a]),
    )


# x, y, a = x y, b = a + x, c = a b, d = a + c: each after what it is computed from.
DAG: Edges = [
    *([], []),
    *([(0, 4.0), (1, 3.0)], [(2, 1.0), (0, 1.0)]),
    *([(2, 15.0), (3, 12.0)], [(2, 1.0), (4, 1.0)]),
]
VALUES = [3.0, 4.0, 12.0, 15.0, 180.0, 192.0]


def order_cases(rng: np.random.Generator) -> list[Case]:
    def case(nodes: str, edges: Edges, note: str) -> Case:
        judge = _ordered(edges)
        return Case(f"places({nodes})", {}, judge=judge, shown="order(result)", note=note)

    total: Edges = [[], [], [(1, 1.0), (0, 1.0)]]
    repeated: Edges = [[], *([(k, 0.5)] for k in range(60))]
    return [
        case("[Var(2.0)]", [[]], "an input"),
        case(f"graph({DAG}, {VALUES})", DAG, "a = x*y, b = a + x, c = a*b, result = a + c"),
        case(f"graph({total}, [1.0, 1.0, 2.0])", total, "y + x, where both are 1.0"),
        case("chain(60, 0.5, 0.5)", repeated, "60 times, each number is used twice by the next"),
    ]


def _ordered(edges: Edges) -> Callable[[Any], str | None]:
    def judge(places: Any) -> str | None:
        if not isinstance(places, list | tuple) or not all(isinstance(i, int) for i in places):
            return f"returned {describe(places)}, expected a list of Vars"
        if any(not 0 <= i < len(edges) for i in places):
            return "something is in the list that result was not computed from"
        if len(places) > len(set(places)):
            return "a number stands in the list twice\nlikely: it is reached in two ways"
        if len(places) < len(edges):
            text = f"{len(places)} numbers are in the list, expected {len(edges)}"
            if len(edges) - 1 not in places:
                return f"{text}\nlikely: result itself is missing"
            return f"{text}\nlikely: two numbers of one value were taken for the same"
        at = {place: k for k, place in enumerate(places)}
        if any(at[i] > at[k] for k, row in enumerate(edges) for i, _ in row):
            text = "a number stands before one that it was computed from"
            turned = all(at[i] > at[k] for k, row in enumerate(edges) for i, _ in row)
            return f"{text}\nlikely: {'the list is in reverse' if turned else WHEN}"
        return None

    return judge


WHEN = "it is put into the list when it is first met, not when all it needs is there"


def backward_cases(rng: np.random.Generator) -> list[Case]:
    def case(
        edges: Edges, right: list[float], note: str, times: int = 1, *suspects: Suspect
    ) -> Case:
        call = f"adjoints(graph({edges}, {[1.0] * len(edges)}), {times})"
        return Case(call, {}, right, suspects, shown=shown, note=note)

    shown = "adjoints after backward(result)"
    line: Edges = [[], [(0, 2.0)], [(1, 5.0)]]
    twice: Edges = [[], [(0, 3.0), (0, 3.0)]]
    first, sums = "y = 2x, result = 5y", "adjoints are multiplied along a way, not added"
    overwritten = "a number used twice: what comes back is added, not overwritten"
    again = "the adjoints of the first call are still there"
    early = "an adjoint is passed on before all of it is there"
    # a = 2x is used by b = 3a and by the result b + a.
    detour: Edges = [[], [(0, 2.0)], [(1, 3.0)], [(1, 1.0), (2, 1.0)]]
    return [
        case(line, [10, 5, 1], first, 1,
             Suspect(sums, lambda: [8, 6, 1]),
             Suspect("result's own adjoint is not 1 at the beginning", lambda: [10, 5, 2]),
             Suspect("the local derivatives alone, without the adjoint", lambda: [2, 5, 1]),
             Suspect("it stops after one step", lambda: [0, 5, 1])),
        case(twice, [6, 1], "result = x*x at x = 3", 1, Suspect(overwritten, lambda: [3, 1])),
        case(detour, [8, 4, 1, 1], "a = 2x, b = 3a, result = a + b", 1,
             Suspect(overwritten, lambda: [6, 3, 1, 1]),
             Suspect(overwritten, lambda: [2, 1, 1, 1]),
             Suspect(early, lambda: [2, 4, 1, 1]),
             Suspect(early, lambda: [10, 4, 1, 1])),
        case(line, [10, 5, 1], f"{first}; called twice", 2,
             Suspect(again, lambda: [20, 10, 1]),
             Suspect(again, lambda: [30, 10, 1]),
             Suspect(again, lambda: [40, 15, 2]),
             Suspect(again, lambda: [20, 10, 2])),
        Case("adjoints(chain(60, 0.5, 0.5))", {}, [1.0] * 61, shown=shown,
             note="60 times, each number is used twice by the next"),
        Case("adjoints(chain(300, 1.0))", {}, [1.0] * 301, shown=shown,
             note="300 numbers one after the other"),
    ]  # fmt: skip


def together_cases(rng: np.random.Generator) -> list[Case]:
    a, b = rng.uniform(0.5, 2, 2).round(2).tolist()
    return [
        _gradient("(x + y) * (y + 1)", [3.0, 4.0]),
        _gradient("ln(x + y) + x * x * y", [1.0, 2.0]),
        _gradient("sin(x * y) * sin(x * y) + 2 * ln(x) * y", [a, b]),
    ]


def _gradient(expression: str, point: list[float]) -> Case:
    expected = _value_and_gradient(expression, "xy", point)
    numbers = ", ".join(f"{number:g}" for number in point)
    call = f"gradient(lambda x, y: {expression}, {numbers})"
    shown = f"[value, x.adjoint, y.adjoint] of {expression} at x, y = {numbers}"
    return Case(call, {}, expected, shown=shown)


PATHS = "every way to a number is walked; there may be 2 to the power of 60 of them"

TAPE = Exercise(
    "tape",
    "reverse-mode differentiation with a tape",
    (
        Part("add", 1, "Var.__add__", add_cases),
        Part("multiply", 1, "Var.__mul__", multiply_cases),
        Part("sin", 1, "sin", sin_cases),
        Part("ln", 1, "ln", ln_cases),
        Part("order", 3, "order", order_cases, slow=PATHS),
        Part("backward", 4, "backward", backward_cases, slow=PATHS),
        Part("together", 1, "backward", together_cases),
    ),
    HELPERS,
)

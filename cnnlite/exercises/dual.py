"""The exercise dual: forward-mode differentiation by dual numbers."""

from __future__ import annotations

import math

import numpy as np

from cnnlite.autodiff import jacobian, parse
from cnnlite.exercises.parts import Case, Exercise, Part, Suspect

__all__ = ["DUAL"]

HELPERS = """
def pair(result):
    if result is None:
        return None
    if not isinstance(result, Dual):
        raise TypeError(f"it gave a {type(result).__name__}, expected a Dual")
    return [float(result.value), float(result.tangent)]

def ready():
    one = Dual(1.0)
    return None not in (one + 1, one * 1, one - 1, one / 1, sin(one), exp(one), ln(one))

def slope(f, x):
    return derivative(f, x) if ready() else None

def slopes(f, *point):
    return gradient(f, list(point)) if ready() else None
"""


def _step(expression: str, values: list[float], tangents: list[float], *wrong: Suspect) -> Case:
    """Value and tangent of one operation; the derivatives are those of cnnlite.autodiff."""
    names = ["x", "y"][: len(values)]
    graph = parse(expression, names)
    value = graph(*values)[0]
    tangent = float(np.dot(jacobian(graph, values)[0], tangents))
    made = ", ".join(f"Dual({v:g}, {t:g})" for v, t in zip(values, tangents, strict=True))
    call = f"(lambda {', '.join(names)}: pair({expression}))({made})"
    shown = f"[value, tangent] of {expression} with {', '.join(names)} = {made}"
    return Case(call, {}, [value, tangent], wrong, shown=shown)


def _four(rng: np.random.Generator) -> tuple[float, float, float, float]:
    a, b, s, t = rng.uniform(1.2, 3, 4).round(2).tolist()
    return a, b, s, t


def add_cases(rng: np.random.Generator) -> list[Case]:
    a, b, s, t = _four(rng)
    return [
        _step("x + y", [a, b], [s, t],
              Suspect("the tangents are multiplied; they are added", lambda: [a + b, s * t]),
              Suspect("the tangent of the other number is missing", lambda: [a + b, s]),
              Suspect("the tangent is missing", lambda: [a + b, 0.0])),
        _step("x - y", [a, b], [s, t],
              Suspect("the tangents are added in a difference too", lambda: [a - b, s + t])),
        _step("x + 2", [a], [s],
              Suspect("a constant has the tangent 0, not 1", lambda: [a + 2, s + 1])),
        _step("3 - x", [a], [s],
              Suspect("the sign is turned: other - self is asked for", lambda: [a - 3, s])),
    ]  # fmt: skip


def multiply_cases(rng: np.random.Generator) -> list[Case]:
    a, b, s, t = _four(rng)
    return [
        _step("x * y", [a, b], [s, t],
              Suspect("the tangents are multiplied; that is not the product rule",
                      lambda: [a * b, s * t]),
              Suspect("each tangent goes with its own value; it goes with the other's",
                      lambda: [a * b, a * s + b * t]),
              Suspect("the product rule has a second term", lambda: [a * b, s * b]),
              Suspect("the product rule has a second term", lambda: [a * b, a * t]),
              Suspect("the tangents' product does not belong to it: epsilon squared is 0",
                      lambda: [a * b, a * t + s * b + s * t])),
        _step("x * 2", [a], [s]),
        _step("3 * x", [b], [t]),
        _step("x * x", [a], [s]),
    ]  # fmt: skip


def divide_cases(rng: np.random.Generator) -> list[Case]:
    a, b, s, t = _four(rng)
    return [
        _step("x / y", [a, b], [s, t],
              Suspect("the tangents are divided; that is not the quotient rule",
                      lambda: [a / b, s / t]),
              Suspect("the terms of the quotient rule are swapped",
                      lambda: [a / b, (a * t - s * b) / b**2]),
              Suspect("the quotient rule has a minus", lambda: [a / b, (s * b + a * t) / b**2]),
              Suspect("it is divided by y, not by its square",
                      lambda: [a / b, (s * b - a * t) / b]),
              Suspect("the tangent of the divisor is missing", lambda: [a / b, s / b])),
        _step("x / 2", [a], [s]),
        _step("3 / x", [b], [t],
              Suspect("it is turned upside down: other / self is asked for",
                      lambda: [b / 3, t / 3])),
    ]  # fmt: skip


def functions_cases(rng: np.random.Generator) -> list[Case]:
    a, b, s, t = _four(rng)
    cases = []
    for name, value, local in (
        ("sin", math.sin, math.cos), ("exp", math.exp, math.exp), ("ln", math.log, lambda x: 1 / x),
    ):  # fmt: skip
        cases.append(
            _step(
                f"{name}(x)", [a], [s],
                Suspect("the local derivative is not multiplied with the tangent (chain rule)",
                        lambda v=value, d=local: [v(a), d(a)]),  # type: ignore[misc]
                Suspect("the function itself is applied to the tangent",
                        lambda v=value: [v(a), v(s)]),  # type: ignore[misc]
                Suspect("the local derivative is taken at the tangent, not at the value",
                        lambda v=value, d=local: [v(a), d(s)]),  # type: ignore[misc]
                Suspect("the tangent goes through unchanged", lambda v=value: [v(a), s]),  # type: ignore[misc]
                Suspect("the sign of the derivative is turned",
                        lambda v=value, d=local: [v(a), -d(a) * s]),  # type: ignore[misc]
            )
        )  # fmt: skip
    return [*cases, _step("ln(sin(x) + exp(x))", [b], [t])]


def derivative_cases(rng: np.random.Generator) -> list[Case]:
    a = round(float(rng.uniform(1.2, 2)), 2)
    return [_derivative(f, x) for f, x in (("x * x", 3.0), ("sin(x) / x", a), ("ln(x) * 2", a))]


def _derivative(expression: str, x: float) -> Case:
    graph = parse(expression, ["x"])
    value, slope = graph(x)[0], float(jacobian(graph, [x])[0, 0])
    suspects = (
        Suspect("this is the value; the tangent is asked for", lambda: value),
        Suspect("the tangent of x itself is not 1", lambda: 0.0),
    )
    call = f"slope(lambda x: {expression}, {x:g})"
    shown = f"derivative(f, {x:g}) of f = {expression}"
    return Case(call, {}, slope, suspects, shown=shown)


def gradient_cases(rng: np.random.Generator) -> list[Case]:
    a, b = rng.uniform(0.5, 2, 2).round(2).tolist()
    return [
        _gradient("(x + y) * (y + 1)", [3.0, 4.0]),
        _gradient("ln(x + y) + x * x * y", [1.0, 2.0]),
        _gradient("sin(x * y) / exp(x) - 2 / y", [a, b]),
    ]


def _gradient(expression: str, point: list[float]) -> Case:
    graph = parse(expression, ["x", "y"])
    right = jacobian(graph, point)[0].tolist()
    suspects = (
        Suspect("all tangents are 1 at once; each derivative takes a run of its own, with one 1",
                lambda: [sum(right)] * 2),
        Suspect("this is the derivative along (1, 1), one number", lambda: sum(right)),
        Suspect("the derivatives are in reverse order", lambda: right[::-1]),
    )  # fmt: skip
    at = ", ".join(f"{number:g}" for number in point)
    call = f"slopes(lambda x, y: {expression}, {at})"
    shown = f"gradient(f, [{at}]) of f = {expression}"
    return Case(call, {}, right, suspects, shown=shown)


DUAL = Exercise(
    "dual",
    "forward-mode differentiation by dual numbers",
    (
        Part("add", 1, "Dual.__add__", add_cases),
        Part("multiply", 2, "Dual.__mul__", multiply_cases),
        Part("divide", 2, "Dual.__truediv__", divide_cases),
        Part("functions", 2, "sin", functions_cases),
        Part("derivative", 1, "derivative", derivative_cases),
        Part("gradient", 2, "gradient", gradient_cases),
    ),
    HELPERS,
)

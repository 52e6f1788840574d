"""The elementary operations, each with its value and its local derivatives.

This table is all the calculus there is here: everything else is the chain rule.
"""

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["exp", "ln", "sqrt", "sin", "cos", "tan", "tanh", "sigmoid", "relu", "step", "sign"]

Scalar = Any  # a float, a complex, or a Number: whatever arithmetic is done with
Function = Callable[[Scalar], Scalar]


@dataclass(frozen=True)
class Operation:
    """A function of one or two numbers.

    Attributes:
        name: what `simplify` and the parser know it by.
        form: how it is written, with {} for each argument.
        value: computes it for floats and complex numbers.
        derivatives: for each argument, the local derivative as a function of the result and the
            arguments (y, *arguments), written in operations of this table.  So it can be taken
            of dual numbers and of symbols too, which is what makes second derivatives possible.
    """

    name: str
    form: str
    value: Callable[..., Scalar]
    derivatives: tuple[Callable[..., Scalar], ...]


def apply(operation: Operation, *arguments: Scalar) -> Scalar:
    """Return the operation's result, computed as the arguments' class computes.

    Args:
        operation: one of the table.
        *arguments: floats, complex numbers, Numbers of one class, or a mix of them.

    Raises:
        ValueError, ArithmeticError: it is not defined there.
    """
    for argument in arguments:
        if isinstance(argument, Number):
            return argument.apply(operation, arguments)
    return operation.value(*arguments)


def plain(number: Scalar) -> Scalar:
    """Return Python's own number for NumPy's: uint8 overflows, and float32 swallows small steps."""
    scalar = isinstance(number, np.generic) or (isinstance(number, np.ndarray) and not number.ndim)
    return number.item() if scalar else number


def _power(a: Scalar, b: Scalar) -> Scalar:
    # For floats math.pow, which refuses (-1) ** 0.5 where a ** b would turn complex.
    if not isinstance(a, complex) and not isinstance(b, complex):
        return math.pow(a, b)
    if a.real < 0 and not isinstance(b, complex) and float(b).is_integer():
        # Near the negative axis the angle is pi, and the complex step's 1e-30 is lost beside it.
        return (-a) ** b if b % 2 == 0 else -((-a) ** b)
    return a**b


def _either(real: Callable[[float], float], complex_: Callable[[complex], complex]) -> Any:
    return lambda x: complex_(x) if isinstance(x, complex) else real(x)


_EXP = _either(math.exp, cmath.exp)


def _sigmoid(x: Scalar) -> Scalar:
    e = _EXP(-x if x.real >= 0 else x)  # never overflows
    return (1 if x.real >= 0 else e) / (1 + e)


def _is_zero(x: Scalar) -> bool:
    return not isinstance(x, Number) and x == 0


def _sign(x: Scalar) -> float:
    return float((x.real > 0) - (x.real < 0))


def _step(x: Scalar) -> float:
    return float(x.real > 0)


ADD = Operation("+", "{} + {}", lambda a, b: a + b, (lambda y, a, b: 1.0, lambda y, a, b: 1.0))
SUBTRACT = Operation(
    "-", "{} - {}", lambda a, b: a - b, (lambda y, a, b: 1.0, lambda y, a, b: -1.0)
)
MULTIPLY = Operation("*", "{} * {}", lambda a, b: a * b, (lambda y, a, b: b, lambda y, a, b: a))
DIVIDE = Operation(
    "/", "{} / {}", lambda a, b: a / b, (lambda y, a, b: 1 / b, lambda y, a, b: -(y / b))
)
POWER = Operation(
    "**",
    "{} ** {}",
    _power,
    # a ** 0 is 1 for every a: its derivative is 0, at a = 0 too, where a ** -1 is not defined.
    # 0 ** b is 0 for every b > 0: its derivative is 0, though ln(0) is not defined.
    (
        lambda y, a, b: 0.0 if _is_zero(b) else b * a ** (b - 1),
        lambda y, a, b: 0.0 if _is_zero(a) and _is_zero(y) else y * ln(a),
    ),
)
NEGATE = Operation("-", "-{}", lambda a: -a, (lambda y, a: -1.0,))
EXP = Operation("exp", "exp({})", _EXP, (lambda y, a: y,))
LN = Operation("ln", "ln({})", _either(math.log, cmath.log), (lambda y, a: 1 / a,))
SQRT = Operation("sqrt", "sqrt({})", _either(math.sqrt, cmath.sqrt), (lambda y, a: 0.5 / y,))
SIN = Operation("sin", "sin({})", _either(math.sin, cmath.sin), (lambda y, a: cos(a),))
COS = Operation("cos", "cos({})", _either(math.cos, cmath.cos), (lambda y, a: -sin(a),))
TAN = Operation("tan", "tan({})", _either(math.tan, cmath.tan), (lambda y, a: 1 + y * y,))
TANH = Operation("tanh", "tanh({})", _either(math.tanh, cmath.tanh), (lambda y, a: 1 - y * y,))
SIGMOID = Operation("sigmoid", "sigmoid({})", _sigmoid, (lambda y, a: y * (1 - y),))
# With a kink: complex numbers go by their real part, and at the kink the derivative is 0.
ABS = Operation("abs", "abs({})", lambda a: -a if a.real < 0 else a, (lambda y, a: sign(a),))
RELU = Operation("relu", "relu({})", lambda a: 0.0 if a.real <= 0 else a, (lambda y, a: step(a),))
SIGN = Operation("sign", "sign({})", _sign, (lambda y, a: 0.0,))
STEP = Operation("step", "step({})", _step, (lambda y, a: 0.0,))

OPERATIONS = (
    *(ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, NEGATE),
    *(EXP, LN, SQRT, SIN, COS, TAN, TANH, SIGMOID, ABS, RELU, SIGN, STEP),
)


def _operators(operation: Operation) -> tuple[Callable[..., Scalar], Callable[..., Scalar]]:
    """Return the methods for `self OP other` and for `other OP self`."""
    return (
        lambda self, other: apply(operation, self, other),
        lambda self, other: apply(operation, other, self),
    )


class Number:
    """Something with arithmetic of its own, which all goes through `apply`."""

    __array_ufunc__ = None  # so that NumPy's scalars leave the arithmetic to us

    @classmethod
    def apply(cls, operation: Operation, arguments: tuple[Scalar, ...]) -> "Number":
        """Return the operation's result; at least one argument is of this class."""
        raise TypeError(f"{cls.__name__} does not say how it calculates")

    __add__, __radd__ = _operators(ADD)
    __sub__, __rsub__ = _operators(SUBTRACT)
    __mul__, __rmul__ = _operators(MULTIPLY)
    __truediv__, __rtruediv__ = _operators(DIVIDE)
    __pow__, __rpow__ = _operators(POWER)

    def __neg__(self) -> Scalar:
        return apply(NEGATE, self)

    def __abs__(self) -> Scalar:
        return apply(ABS, self)


def _function(operation: Operation) -> Function:
    def function(x: Scalar) -> Scalar:
        return apply(operation, x)

    function.__doc__ = f"Return {operation.form.format('x')}, x a float, a complex or a Number."
    function.__name__ = function.__qualname__ = operation.name
    return function


exp: Function = _function(EXP)
ln: Function = _function(LN)
sqrt: Function = _function(SQRT)
sin: Function = _function(SIN)
cos: Function = _function(COS)
tan: Function = _function(TAN)
tanh: Function = _function(TANH)
sigmoid: Function = _function(SIGMOID)
relu: Function = _function(RELU)
step: Function = _function(STEP)
sign: Function = _function(SIGN)

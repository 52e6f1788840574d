"""From text to a graph.  Nothing is evaluated: only the syntax listed here is understood."""

import ast
import math
from collections.abc import Sequence

from cnnlite.autodiff import operations as op
from cnnlite.autodiff.graph import Graph, trace
from cnnlite.autodiff.operations import Operation, Scalar, apply

__all__ = ["parse"]

LONGEST = 2000  # characters: far more than can be drawn, far less than would exhaust the stack

FUNCTIONS = {each.name: each for each in op.OPERATIONS if each.form == f"{each.name}({{}})"}
_BINARY: dict[type[ast.operator], Operation] = {
    ast.Add: op.ADD,
    ast.Sub: op.SUBTRACT,
    ast.Mult: op.MULTIPLY,
    ast.Div: op.DIVIDE,
    ast.Pow: op.POWER,
}
_CONSTANTS = {"pi": math.pi, "e": math.e}


def parse(text: str, names: Sequence[str]) -> Graph:
    """Return the graph of an expression.

    Args:
        text: numbers, names, + - * / ** and parentheses, and the functions of FUNCTIONS; several
            expressions with commas between them are several outputs.
        names: the names of the inputs, in order.  Other names are errors, except pi and e.

    Raises:
        ValueError: what is wrong, and where.
    """
    if len(text) > LONGEST:
        raise ValueError(f"the expression has {len(text)} characters, {LONGEST} are allowed")
    for name in names:
        if not name.isidentifier() or name in FUNCTIONS:
            raise ValueError(f"{name!r} cannot be the name of an input")
    if len(set(names)) < len(names):
        raise ValueError(f"two inputs have one name: {', '.join(names)}")
    try:
        body = ast.parse(text.strip(), mode="eval").body
        results = body.elts if isinstance(body, ast.Tuple) else [body]
        if not results:
            raise ValueError("there is no expression")
        return trace(
            lambda *inputs: [_build(e, dict(zip(names, inputs, strict=True))) for e in results],
            names,
        )
    except SyntaxError as error:
        place = f" at character {error.offset}" if error.offset else ""
        raise ValueError(f"{_short(text)!r} is no expression: {error.msg}{place}") from None
    except (RecursionError, MemoryError):
        raise ValueError("the expression is nested too deeply") from None


def _build(node: ast.expr, inputs: dict[str, Scalar]) -> Scalar:
    """Return the symbol that a piece of syntax stands for, or the number if it has no input."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _number(number, node)
        case ast.Name(id=name) if name in inputs:
            return inputs[name]
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _build(operand, inputs)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _apply(op.NEGATE, node, _build(operand, inputs))
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
            operation = _BINARY[type(operator)]
            return _apply(operation, node, _build(left, inputs), _build(right, inputs))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            return _apply(FUNCTIONS[name], node, _build(argument, inputs))
    raise ValueError(f"{_explain(node, inputs)} (at character {node.col_offset + 1})")


def _number(number: float, node: ast.expr) -> float:
    try:
        if math.isfinite(number):  # for a long integer, an OverflowError
            return float(number)
    except OverflowError:
        pass
    raise ValueError(f"the number at character {node.col_offset + 1} is too large")


def _apply(operation: Operation, node: ast.expr, *arguments: Scalar) -> Scalar:
    try:
        return apply(operation, *arguments)
    except (ValueError, ArithmeticError) as error:
        raise ValueError(f"{_short(ast.unparse(node))} is not defined: {error}") from None


def _explain(node: ast.expr, inputs: dict[str, Scalar]) -> str:
    match node:
        case ast.Name(id=name) if name in FUNCTIONS:
            return f"{name} is a function: write {name}(...)"
        case ast.Name(id=name):
            return f"{name} has no value (inputs: {', '.join(inputs) or 'none'})"
        case ast.BinOp(op=ast.BitXor()):
            return "a power is written **, not ^"
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
            return f"{name} takes one argument"
        case ast.Call(func=ast.Name(id=name)):
            return f"there is no function {name} (there are: {', '.join(FUNCTIONS)})"
    text = _short(ast.unparse(node))
    return f"{text!r} is not understood: numbers, names, + - * / ** and functions are"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."

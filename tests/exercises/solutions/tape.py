# cnnlite exercise: tape
import math


class Var:
    def __init__(self, value, edges=()):
        self.value = float(value)
        self.edges = list(edges)
        self.adjoint = 0.0

    def __add__(self, other):
        other = as_var(other)
        return Var(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = as_var(other)
        return Var(self.value * other.value, [(self, other.value), (other, self.value)])

    def __radd__(self, other):
        return as_var(other) + self

    def __rmul__(self, other):
        return as_var(other) * self


def as_var(number):
    return number if isinstance(number, Var) else Var(number)


def sin(x):
    return Var(math.sin(x.value), [(x, math.cos(x.value))])


def ln(x):
    return Var(math.log(x.value), [(x, 1 / x.value)])


def order(result):
    found = []
    seen = set()

    def visit(node):
        if id(node) in seen:
            return
        seen.add(id(node))
        for parent, _ in node.edges:
            visit(parent)
        found.append(node)

    visit(result)
    return found


def backward(result):
    nodes = order(result)
    for node in nodes:
        node.adjoint = 0.0
    result.adjoint = 1.0
    for node in reversed(nodes):
        for parent, slope in node.edges:
            parent.adjoint += node.adjoint * slope

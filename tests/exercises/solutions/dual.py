# cnnlite exercise: dual
import math


class Dual:
    def __init__(self, value, tangent=0.0):
        self.value = float(value)
        self.tangent = float(tangent)

    def __add__(self, other):
        other = as_dual(other)
        return Dual(self.value + other.value, self.tangent + other.tangent)

    def __sub__(self, other):
        other = as_dual(other)
        return Dual(self.value - other.value, self.tangent - other.tangent)

    def __mul__(self, other):
        other = as_dual(other)
        tangent = self.value * other.tangent + self.tangent * other.value
        return Dual(self.value * other.value, tangent)

    def __truediv__(self, other):
        other = as_dual(other)
        rise = self.tangent * other.value - self.value * other.tangent
        return Dual(self.value / other.value, rise / other.value**2)

    def __radd__(self, other):
        return as_dual(other) + self

    def __rsub__(self, other):
        return as_dual(other) - self

    def __rmul__(self, other):
        return as_dual(other) * self

    def __rtruediv__(self, other):
        return as_dual(other) / self


def as_dual(number):
    return number if isinstance(number, Dual) else Dual(number)


def sin(x):
    return Dual(math.sin(x.value), math.cos(x.value) * x.tangent)


def exp(x):
    return Dual(math.exp(x.value), math.exp(x.value) * x.tangent)


def ln(x):
    return Dual(math.log(x.value), x.tangent / x.value)


def derivative(f, x):
    return f(Dual(x, 1.0)).tangent


def gradient(f, point):
    runs = []
    for i in range(len(point)):
        duals = [Dual(x, float(i == k)) for k, x in enumerate(point)]
        runs.append(f(*duals).tangent)
    return runs

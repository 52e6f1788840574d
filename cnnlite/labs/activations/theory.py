"""Odd functions, their slopes, and a proof that is wrong."""

import numpy as np

from cnnlite.layers import Layer, ReLU, Sigmoid, Softsign, Tanh

ACTIVATIONS: dict[str, Layer] = {
    "softsign": Softsign(), "tanh": Tanh(), "sigmoid": Sigmoid(), "ReLU": ReLU(),
}  # fmt: skip
ODD = ("softsign", "tanh")
STEEPEST = {"softsign": 1.0, "tanh": 1.0, "sigmoid": 0.25, "ReLU": 1.0}  # the largest slope


def slope(g: Layer, x: np.ndarray) -> np.ndarray:
    """Return g'(x), from the layer's backward pass."""
    y, cache = g.forward(x)
    dx, _ = g.backward(np.ones_like(y), cache)
    assert dx is not None
    return dx


def even_part(g: Layer, x: np.ndarray) -> np.ndarray:
    """Return (g(x) + g(-x)) / 2, the mean of g over x and -x.

    Theorem: g is zero-centred, that is, E g(X) = 0 for every random X distributed symmetrically
    about zero, if and only if g is odd, g(-x) = -g(x).  If g is odd, E g(X) = E g(-X) = -E g(X), so
    it is zero.  If g is not odd, its even part is not zero at some x, and that is E g(X) for the X
    that is x or -x with equal probability.
    """
    return (g(x) + g(-x)) / 2


def softsign_slope(x: np.ndarray) -> np.ndarray:
    """Return the derivative of x/(1 + |x|), which is 1/(1 + |x|)^2.

    For x > 0 the quotient rule gives (1 + x - x)/(1 + x)^2.  The function is odd, so its
    derivative is even.  At zero the quotient g(h)/h = 1/(1 + |h|) tends to 1, from both sides,
    although |x| itself has no derivative there.

    It vanishes for large |x|, but only as a power: for |x| >= 1 it lies between 1/(4 x^2) and
    1/x^2, where the slopes of tanh and sigmoid fall exponentially.

    Source: Bergstra et al., "Quadratic polynomials learn better image features", 2009.
    """
    return 1 / (1 + np.abs(x)) ** 2


def central_quotient(g: Layer, x: np.ndarray, h: float) -> np.ndarray:
    """Return (g(x + h) - g(x - h)) / 2h, a derivative without calculus."""
    return (g(x + h) - g(x - h)) / (2 * h)


def wrong_slope_at_minus(slope_at_x: np.ndarray) -> np.ndarray:
    """Return what a well-known wrong proof takes g'(-x) to be for an odd g: -g'(x).

    It differentiates both sides of g(-x) = -g(x) into g'(-x) = -g'(x), sets x = 0, and finds that
    every odd function has g'(0) = 0.  The left side is a function of -x, whose inner derivative
    is -1: the chain rule gives -g'(-x) = -g'(x).  So the derivative of an odd function is even,
    g'(-x) = g'(x), which for x = 0 says nothing at all.  Softsign refutes it: g'(0) = 1.
    """
    return -slope_at_x


class OddPolynomial:
    """c_0 x + c_1 x^3 + c_2 x^5 ...: odd, and of any slope at zero, since g'(0) = c_0.

    Args:
        c: the coefficients, (n,).
    """

    def __init__(self, c: np.ndarray) -> None:
        self.c, self.powers = c, 2 * np.arange(len(c)) + 1

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x[..., None] ** self.powers @ self.c

    def slope(self, x: np.ndarray) -> np.ndarray:
        return x[..., None] ** (self.powers - 1) @ (self.powers * self.c)

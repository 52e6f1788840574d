"""The problem set's own figures, digit by digit."""

import math

import numpy as np
import pytest

from cnnlite.autodiff import Graph, gradient, hessian, jacobian, jvp, parse, record, trace, vjp

W = (1.0, 2.0)
EXACT = [[0.35018, -0.38630], [4.33333, 1.33333]]


@pytest.fixture(scope="module")
def f() -> Graph:
    return parse("cos(w1)*cos(w2) + sigmoid(w2), ln(w1 + w2) + w1**2 * w2", ["w1", "w2"])


def test_value(f: Graph) -> None:
    assert [round(y, 5) for y in f(*W)] == [0.65595, 3.09861]


@pytest.mark.parametrize(
    "way", ["central differences", "complex step", "forward mode", "reverse mode"]
)
def test_jacobian(f: Graph, way: str) -> None:
    assert np.round(jacobian(f, W, way), 5).tolist() == EXACT


def test_forward_differences_of_a_hundredth(f: Graph) -> None:
    found = jacobian(f, W, "forward differences", h=0.01)
    assert np.round(found, 5).tolist() == [[0.35129, -0.38557], [4.35278, 1.33278]]


def test_their_difference_is_the_truncation_error(f: Graph) -> None:
    """h f''/2 explains all but h^2 f'''/6, for each of the four."""
    h = 0.01
    off = jacobian(f, W, "forward differences", h) - jacobian(f, W)
    second = np.array([np.diag(hessian(f, W, output)) for output in (0, 1)])
    assert np.abs(off - h * second / 2).max() < h**2
    assert np.round(h * second / 2, 5).tolist() == [[0.00112, 0.00072], [0.01944, -0.00056]]


def test_second_derivatives_by_hand(f: Graph) -> None:
    first, second = hessian(f, W, 0), hessian(f, W, 1)
    s = 1 / (1 + math.exp(-2))
    mixed = math.sin(1) * math.sin(2)
    own = -math.cos(1) * math.cos(2)
    expected = [[own, mixed], [mixed, own + s * (1 - s) * (1 - 2 * s)]]
    np.testing.assert_allclose(first, expected, rtol=1e-14)
    np.testing.assert_allclose(second, [[4 - 1 / 9, 2 - 1 / 9], [2 - 1 / 9, -1 / 9]], rtol=1e-14)


def test_products_with_the_jacobian(f: Graph) -> None:
    exact = jacobian(f, W)
    y, along = jvp(f, W, [3.0, -1.0])
    assert y == f(*W)
    np.testing.assert_allclose(along, exact @ [3, -1], rtol=1e-14)
    y, back = vjp(f, W, [2.0, 5.0])
    assert y == f(*W)
    np.testing.assert_allclose(back, [2, 5] @ exact, rtol=1e-14)


def test_the_first_example() -> None:
    """f = (x + y)(y + 1): df/dx = y + 1, df/dy = x + 2y + 1, and y is used twice."""
    graph = trace(lambda x, y: (x + y) * (y + 1))
    assert graph(3.0, 4.0) == [35.0]
    assert jacobian(graph, (3, 4)).tolist() == [[5, 12]]
    tape = record(graph, (3.0, 4.0))
    assert tape.values == [3, 4, 7, 1, 5, 35]
    assert gradient(graph)(3.0, 4.0) == [5.0, 12.0]

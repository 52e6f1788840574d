"""NumPy's own numbers as inputs: a byte must not overflow, float32 must not swallow a step."""

import math
from typing import Any

import numpy as np
import pytest

from cnnlite import autodiff as ad

TYPES = [np.uint8, np.int8, np.int64, np.float16, np.float32, np.float64, np.bool_, int, bool]
TEXT = "x*x*100 + y/x - x**3 + (-y)**2 + x*y*200, x - y"


@pytest.mark.parametrize("kind", TYPES, ids=lambda t: t.__name__)
@pytest.mark.parametrize("way", ad.WAYS)
def test_every_way_takes_every_type_of_number(way: str, kind: Any) -> None:
    graph = ad.parse(TEXT, ["x", "y"])
    x = [kind(1), kind(1)] if kind in (bool, np.bool_) else [kind(2), kind(3)]
    exact = ad.jacobian(graph, [float(v) for v in x])
    np.testing.assert_allclose(ad.jacobian_rows(graph, x, way), exact, rtol=1e-5)
    np.testing.assert_allclose(ad.WAYS[way](graph, x), exact, rtol=1e-5)


@pytest.mark.parametrize("kind", TYPES, ids=lambda t: t.__name__)
def test_products_with_vectors_and_second_derivatives(kind: Any) -> None:
    graph = ad.parse(TEXT, ["x", "y"])
    x, v = [kind(1), kind(1)], [kind(1), kind(1)]
    floats = [float(n) for n in x]
    jacobian, hessian = ad.jacobian(graph, floats), ad.hessian(graph, floats)
    np.testing.assert_allclose(ad.vjp(graph, x, v)[1], jacobian.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(ad.jvp(graph, x, v)[1], jacobian.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(ad.hvp(graph, x, v), hessian.sum(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(graph(*x), graph(*floats))


@pytest.mark.parametrize("number", [np.uint8(200), np.float32(1.5), np.array(1.5, np.float32)])
@pytest.mark.parametrize("difference", [ad.forward_differences, ad.central_differences])
def test_differences_of_a_plain_function(difference: Any, number: Any) -> None:
    """In float32, forward differences gave 0."""
    assert difference(lambda x: [x * x], [number])[0][0] == pytest.approx(2 * float(number))
    assert difference(lambda x: [np.float64(x) * 3], [number])[0][0] == pytest.approx(3)


def test_powers_with_a_variable_exponent_at_zero(torch: Any) -> None:
    graph = ad.parse("x**y", ["x", "y"])
    x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.0, 2.0))
    (x**y).backward()
    expected = [[x.grad.item(), y.grad.item()]]
    assert ad.jacobian(graph, [0, 2]).tolist() == expected == [[0, 0]]
    assert ad.jacobian(graph, [0, 2], "forward mode").tolist() == expected
    with pytest.raises(ValueError, match=r"has no derivative at 0\.0, 0\.0"):
        ad.jacobian(graph, [0, 0])


def test_relu_passes_nan_on() -> None:
    """As PyTorch's does; it made it 0."""
    assert math.isnan(ad.parse("relu(x)", ["x"])(math.nan)[0])


def test_a_chain_of_20000_operations() -> None:
    def chain(x: Any) -> Any:
        for _ in range(20_000):
            x = x + 1
        return x

    graph = ad.trace(chain)
    assert ad.jacobian(graph, [1.0]).tolist() == [[1]]
    assert ad.gradient(graph)(2.0) == [1]

"""The gradient checker: right layers pass, and each usual mistake gets its name."""

import re
from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from cnnlite.gradcheck import check_layer, numeric_gradient, relative_error


class Affine:
    """A student's layer: forward, backward and params, nothing else."""

    def __init__(self, n: int = 3, m: int = 4) -> None:
        rng = np.random.default_rng(5)
        self.params = {"weight": rng.standard_normal((m, n)), "bias": rng.standard_normal(m)}

    def forward(self, x: Any) -> Any:
        return x @ self.params["weight"].T + self.params["bias"], x

    def backward(self, dy: Any, cache: Any) -> Any:
        grads = {"weight": dy.T @ cache, "bias": dy.sum(axis=0)}
        return dy @ self.params["weight"], grads


def _mistaken(change: Any, n: int = 3, m: int = 4) -> Any:
    """Affine, whose gradients go through change(dx, grads, dy, x) -> dx or None."""

    class Mistaken(Affine):
        def backward(self, dy: Any, cache: Any) -> Any:
            dx, grads = super().backward(dy, cache)
            changed = change(dx, grads, dy, cache)
            return (dx if changed is None else changed), grads

    return Mistaken(n, m)


def test_relative_error_is_the_course_s() -> None:
    assert relative_error([1.0, 2.0], [1.0, 2.2]) == pytest.approx(0.2 / 4.2)
    assert relative_error(0.0, 1e-12) == pytest.approx(1e-4)  # against 1e-8
    assert relative_error([], []) == 0


def test_numeric_gradient_of_a_known_function(rng: np.random.Generator) -> None:
    x, df = rng.standard_normal((2, 3)), rng.standard_normal((2, 3))
    before = x.copy()
    np.testing.assert_allclose(numeric_gradient(np.sin, x, df), np.cos(x) * df, atol=1e-9)
    np.testing.assert_allclose(numeric_gradient(lambda v: np.sum(v**2), x), 2 * x, atol=1e-8)
    np.testing.assert_array_equal(x, before)
    with pytest.raises(TypeError, match="x must be float64, got float32"):
        numeric_gradient(np.sin, x.astype(np.float32))


def test_a_right_layer_passes() -> None:
    report = check_layer(Affine(), (5, 3))
    assert report.passed, report
    assert [g.name for g in report.gradients] == ["x", "weight", "bias"]
    assert [g.checked for g in report.gradients] == [15, 12, 4]
    assert "Affine: gradients are right" in str(report)


@pytest.mark.parametrize(
    ("gradient", "change", "cause"),
    [
        ("weight", lambda dx, g, dy, x: g.update(weight=-g["weight"]), "the sign is wrong"),
        ("weight", lambda dx, g, dy, x: g.update(weight=g["weight"].T), "it is transposed"),
        ("bias", lambda dx, g, dy, x: g.update(bias=dy), "the sum over the batch is missing"),
        ("bias", lambda dx, g, dy, x: g.update(bias=dy[0]), "only example 0 is counted"),
        ("bias", lambda dx, g, dy, x: g.update(bias=dy[-1]), "only example 4 is counted"),
        ("bias", lambda dx, g, dy, x: g.update(bias=g["bias"] / 5), "5 times too small, the batch"),
        (
            "weight",
            lambda dx, g, dy, x: g.update(weight=5 * g["weight"]),
            "division by N .* forgot",
        ),
        ("weight", lambda dx, g, dy, x: g.update(weight=2 * g["weight"]), "it is 2 times what it"),
        ("weight", lambda dx, g, dy, x: g.update(weight=0 * g["weight"]), "zero everywhere"),
        ("weight", lambda dx, g, dy, x: g.update(weight=np.nan * g["weight"]), "not finite"),
        ("weight", lambda dx, g, dy, x: g.__delitem__("weight"), "gives no gradient for it"),
        ("weight", lambda dx, g, dy, x: g.update(weight=np.ones((2, 2))), r"expected \(4, 3\)"),
        ("weight", lambda dx, g, dy, x: g.update(weight=np.ones_like(dy).T @ x), "ignores dy"),
        ("weight", lambda dx, g, dy, x: g["weight"].__setitem__((1, 2), 9.0), "1 of 12 entries"),
        ("x", lambda dx, g, dy, x: np.vstack([dx[:1], 0 * dx[1:]]), "none in the first example"),
    ],
)
def test_the_likely_cause_is_named(gradient: str, change: Any, cause: str) -> None:
    report = check_layer(_mistaken(change), (5, 3))
    assert not report.passed
    assert [g.name for g in report.gradients if not g.passed] == [gradient]
    assert re.search(cause, report[gradient].diagnosis), report
    assert "WRONG" in str(report)
    assert f"FAIL {gradient}" in str(report)


def test_a_transposed_square_weight_is_recognised() -> None:
    """Its shape says nothing."""
    layer = _mistaken(lambda dx, g, dy, x: g.update(weight=g["weight"].T), 4, 4)
    assert "transposed" in check_layer(layer, (5, 4))["weight"].diagnosis


class Elementwise:
    """y = f(x), dx = dy * df(x)."""

    def __init__(self, f: Any, df: Any) -> None:
        self.f, self.df = f, df

    def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
        return self.f(x), x

    def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
        return dy * self.df(cache), {}


def test_a_missing_derivative_is_recognised() -> None:
    report = check_layer(Elementwise(np.tanh, lambda x: 1.0), (4, 3))
    assert "dx is dy itself" in report["x"].diagnosis


def test_a_fault_at_the_border_is_recognised() -> None:
    def at_border(x: Any) -> Any:
        inner = np.ones_like(x)
        inner[..., 0] = 0
        return inner

    report = check_layer(Elementwise(lambda x: x, at_border), (2, 3, 4, 4))
    assert "all at the border: look at the padding" in report["x"].diagnosis


class Convolution:
    """A convolution whose weight gradient is turned by 180 degrees."""

    def __init__(self) -> None:
        self.params = {"weight": np.random.default_rng(0).standard_normal((2, 2, 3, 3))}

    def forward(self, x: Any) -> Any:
        return F.conv2d_forward(x, self.params["weight"])

    def backward(self, dy: Any, cache: Any) -> Any:
        dx, dweight, _ = F.conv2d_backward(dy, cache)
        return dx, {"weight": dweight[:, :, ::-1, ::-1]}


def test_a_turned_kernel_is_recognised() -> None:
    report = check_layer(Convolution(), (2, 2, 5, 5))
    assert report["x"].passed
    assert "turned by 180 degrees" in report["weight"].diagnosis


RELU = Elementwise(lambda x: np.maximum(x, 0), lambda x: x > 0)


def test_kinks_are_skipped_and_counted(rng: np.random.Generator) -> None:
    x = rng.standard_normal((3, 4))
    x[0, 1] = x[2, 2] = 0
    check = check_layer(RELU, x)["x"]
    assert check.passed
    assert check.checked == 10
    assert [s.index for s in check.skipped] == [(0, 1), (2, 2)]
    assert "a kink or a tie: the slope is" in check.skipped[0].reason


def test_a_kink_is_skipped_even_if_the_average_slope_is_claimed() -> None:
    """A central difference at 0 is 1/2: it would agree with this layer."""
    half = Elementwise(lambda x: np.maximum(x, 0), lambda x: (np.sign(x) + 1) / 2)
    x = np.array([[0.0, 1.0, -1.0]])
    assert len(check_layer(half, x)["x"].skipped) == 1


@pytest.mark.parametrize("distance", [9e-6, 5e-6, 1e-6, 2e-7, -3e-6])
def test_a_kink_nearby_spoils_nothing(distance: float) -> None:
    """Within the step of the differences, but not at the point itself."""
    check = check_layer(RELU, np.array([[distance, 1.0, -2.0]]))["x"]
    assert check.passed, check


def test_ties_of_a_maximum_are_skipped() -> None:
    class Pool:
        def forward(self, x: Any) -> Any:
            return F.max_pool2d_forward(x, 2)

        def backward(self, dy: Any, cache: Any) -> Any:
            return F.max_pool2d_backward(dy, cache), {}

    x = np.arange(16.0).reshape(1, 1, 4, 4)
    x[0, 0, 1, 0] = x[0, 0, 1, 1]
    check = check_layer(Pool(), x)["x"]
    assert check.passed
    assert [s.index for s in check.skipped] == [(0, 0, 1, 0), (0, 0, 1, 1)]


def test_jumps_are_skipped() -> None:
    check = check_layer(Elementwise(np.sign, np.zeros_like), np.array([[0.0, 1.0]]))["x"]
    assert check.skipped[0].reason == "the output jumps here"


def test_only_kinks_is_no_pass() -> None:
    check = check_layer(RELU, np.zeros((2, 2)))["x"]
    assert not check.passed
    assert check.checked == 0
    assert "choose another x" in check.diagnosis


def test_a_minimum_is_no_kink() -> None:
    """There both one-sided slopes are small and of opposite sign."""
    square = Elementwise(np.square, lambda x: 2 * x)
    check = check_layer(square, np.array([[0.0, 1e-7, 3.0]]))["x"]
    assert check.passed, check
    assert not check.skipped


def test_large_arrays_are_checked_at_random_entries() -> None:
    first, again = (check_layer(RELU, (40, 50), max_entries=60)["x"] for _ in range(2))
    assert first.checked == 60
    assert first == again
    other = check_layer(RELU, (40, 50), max_entries=60, seed=1)["x"]
    assert other.worst_index != first.worst_index or other.analytic != first.analytic

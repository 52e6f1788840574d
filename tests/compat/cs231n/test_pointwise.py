"""ReLU and dropout as the Stanford course has them."""

from collections.abc import Callable

import numpy as np
import pytest

from cnnlite.compat.cs231n.layers import (
    dropout_backward,
    dropout_forward,
    relu_backward,
    relu_forward,
)

Rng = np.random.Generator


def test_relus_cache_is_x(rng: Rng) -> None:
    x = rng.standard_normal((3, 4))
    out, cache = relu_forward(x)
    assert cache is x
    np.testing.assert_array_equal(out, np.maximum(x, 0))


def test_relu_has_slope_0_at_0_and_passes_what_is_positive() -> None:
    x = np.array([[-1.0, 0.0, 2.0]])
    np.testing.assert_array_equal(relu_backward(np.full((1, 3), 5), x), [[0, 0, 5]])


def test_relu_promotes(rng: Rng) -> None:
    dout = rng.standard_normal((2, 3))
    dx = relu_backward(dout, np.array([[1, -1, 0], [2, 3, -4]]))
    np.testing.assert_array_equal(dx, dout * [[1, 0, 0], [1, 1, 0]])


@pytest.mark.usefixtures("course_seed")
@pytest.mark.parametrize("keep", [0.25, 0.4, 0.7, 1.0])
def test_p_is_the_probability_to_keep(keep: float, rng: Rng) -> None:
    x = rng.standard_normal((500, 500)) + 10
    out, (_, mask) = dropout_forward(x, {"mode": "train", "p": keep})
    assert abs((out != 0).mean() - keep) < 0.01
    assert abs(out.mean() - 10) < 0.1
    assert mask is not None
    np.testing.assert_array_equal(out, x * mask)


@pytest.mark.usefixtures("course_seed")
def test_the_mask_is_what_the_course_draws() -> None:
    out, _ = dropout_forward(np.ones((4, 5)), {"mode": "train", "p": 0.6, "seed": 123})
    np.random.seed(123)  # noqa: NPY002
    np.testing.assert_array_equal(out, (np.random.rand(4, 5) < 0.6) / 0.6)  # noqa: NPY002


@pytest.mark.usefixtures("course_seed")
def test_dropouts_gradient_is_its_derivative(
    assert_derivatives: Callable[..., None], rng: Rng
) -> None:
    settings = {"mode": "train", "p": 0.2, "seed": 123}
    x = rng.standard_normal((10, 10)) + 10
    assert_derivatives(lambda x: dropout_forward(x, settings), dropout_backward, x)


def test_in_test_mode_x_and_dout_go_through() -> None:
    x, dout = np.arange(4.0), np.ones(4)
    out, cache = dropout_forward(x, {"mode": "test", "p": 0.5})
    assert out is x
    assert cache[1] is None
    assert dropout_backward(dout, cache) is dout


@pytest.mark.usefixtures("course_seed")
def test_dropout_keeps_the_dtype() -> None:
    x = np.ones((3, 3), np.float32)
    out, cache = dropout_forward(x, {"mode": "train", "p": 0.5})
    assert out.dtype == dropout_backward(x, cache).dtype == np.float32


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"mode": "train", "p": 0}, ValueError, r"dropout_param\['p'\] is 0"),
        ({"mode": "train", "p": 1.5}, ValueError, r"dropout_param\['p'\] is 1.5"),
        ({"mode": "train"}, ValueError, "have no 'p'"),
        ({"p": 0.5}, ValueError, "have no 'mode'"),
        ({"mode": "eval", "p": 0.5}, ValueError, "mode is 'eval'"),
        (0.5, TypeError, "settings are 0.5, expected a dict"),
    ],
)
def test_wrong_settings_of_dropout_are_named(
    settings: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"dropout_forward: .*{message}"):
        dropout_forward(np.ones(3), settings)  # type: ignore[arg-type]

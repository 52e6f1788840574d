"""Conv2d: what it starts from, and what it refuses."""

import math
from typing import Any

import numpy as np
import pytest

from cnnlite.layers import Conv2d


def images(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


def test_first_weights_are_pytorchs(torch: Any) -> None:
    ours = Conv2d(64, 128, (3, 5), groups=2, rng=0)
    theirs = torch.nn.Conv2d(64, 128, (3, 5), groups=2)
    bound = 1 / math.sqrt(32 * 15)
    for key in ("weight", "bias"):
        array, judge = ours.params[key], theirs.state_dict()[key].numpy()
        assert array.shape == judge.shape
        assert np.abs(array).max() <= bound
        assert np.abs(array).max() > 0.95 * bound
        assert math.isclose(array.std(), judge.std(), rel_tol=0.2)


def test_the_same_rng_gives_the_same_weights_in_both_dtypes() -> None:
    one, two = Conv2d(2, 3, 3, rng=4), Conv2d(2, 3, 3, dtype=np.float64, rng=4)
    for key, array in two.params.items():
        np.testing.assert_array_equal(one.params[key], array.astype(np.float32))
    other = Conv2d(2, 3, 3, rng=5)
    assert (one.params["weight"] != other.params["weight"]).all()


def test_padding_of_four_sides() -> None:
    layer = Conv2d(1, 1, 3, padding=((2, 0), (0, 1)), dtype=np.float64, rng=0)
    assert "padding=((2, 0), (0, 1))" in repr(layer)
    x = np.random.default_rng(0).standard_normal((2, 1, 4, 5))
    padded = np.pad(x, ((0, 0), (0, 0), (2, 0), (0, 1)))
    layer_without = Conv2d(1, 1, 3, dtype=np.float64, rng=0)
    np.testing.assert_allclose(layer(x), layer_without(padded), rtol=1e-12)


def test_the_algorithm_can_be_chosen_and_is_printed() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 6))
    naive = Conv2d(3, 4, 3, algorithm="naive", dtype=np.float64, rng=0)
    assert "algorithm=naive" in repr(naive)
    np.testing.assert_allclose(
        naive(x), Conv2d(3, 4, 3, dtype=np.float64, rng=0)(x), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize(
    ("args", "settings", "error", "message"),
    [
        ((0, 4, 3), {}, ValueError, "in_channels is 0, expected an integer from 1 up"),
        ((3, 4.0, 3), {}, TypeError, "out_channels is 4.0, expected an integer"),
        ((3, 4, 3), {"groups": 3}, ValueError, "groups is 3, expected a divisor of in_channels 3"),
        ((3, 4, 0), {}, ValueError, "kernel_size .* got 0"),
        ((3, 4, (3, 3, 3)), {}, ValueError, r"kernel_size .* got \(3, 3, 3\)"),
        ((3, 4, 3), {"stride": 0}, ValueError, "stride .* got 0"),
        ((3, 4, 3), {"dilation": -1}, ValueError, "dilation .* got -1"),
        ((3, 4, 3), {"padding": -1}, ValueError, "padding .* got -1"),
        ((3, 4, 3), {"padding": "full"}, ValueError, "padding .* got 'full'"),
        ((3, 4, 3), {"padding": "same", "stride": 2}, ValueError, "padding 'same' needs stride 1"),
        ((3, 4, 3), {"padding_mode": "mirror"}, ValueError, "padding_mode is 'mirror'"),
        ((3, 4, 3), {"algorithm": "fft"}, ValueError, "algorithm is 'fft', expected 'auto' or"),
        ((3, 4, 3), {"rng": "0"}, TypeError, "rng is '0'"),
    ],
)
def test_wrong_arguments(args: Any, settings: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=f"Conv2d: {message}"):
        Conv2d(*args, **settings)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (
            images(2, 4, 8, 8),
            ValueError,
            r"x has 4 channels, weight expects 3 \(x \(2, 4, 8, 8\), weight \(5, 3, 3, 3\)\)",
        ),
        (images(3, 8, 8), ValueError, r"x must have shape \(N, C, H, W\)"),
        (images(2, 3, 2, 8), ValueError, "more than the padded image"),
        (images(2, 3, 8, 8, dtype=np.int64), TypeError, "x must be float32 or float64, got int64"),
        (images(2, 3, 8, 8, dtype=np.float64), TypeError, "float32.* float64|float64.* float32"),
        ([[0.0]], TypeError, "x must be a NumPy array, got list"),
    ],
)
def test_wrong_inputs(x: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match="Conv2d: .*" + message):
        Conv2d(3, 5, 3, rng=0)(x)


def test_a_gradient_of_the_wrong_shape() -> None:
    layer = Conv2d(3, 5, 3, rng=0)
    _, cache = layer.forward(images(2, 3, 8, 8))
    with pytest.raises(ValueError, match=r"Conv2d: dy has shape \(2, 5, 8, 8\), .*\(2, 5, 6, 6\)"):
        layer.backward(images(2, 5, 8, 8), cache)

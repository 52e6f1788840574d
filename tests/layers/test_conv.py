"""Conv2d: what it starts from, and what it refuses."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

from cnnlite import freeze, layers
from cnnlite.interop.torch import from_torch, to_torch
from cnnlite.layers import GELU, Conv1d, Conv2d, ConvTranspose2d, ReLU, Sequential, SiLU


def images(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("name", "kernel", "fan"),
    [("Conv2d", (3, 5), 480), ("Conv1d", 15, 480), ("ConvTranspose2d", (3, 5), 960)],
)
def test_first_weights_are_pytorchs(torch: Any, name: str, kernel: Any, fan: int) -> None:
    ours = getattr(layers, name)(64, 128, kernel, groups=2, rng=0)
    theirs = getattr(torch.nn, name)(64, 128, kernel, groups=2)
    bound = 1 / math.sqrt(fan)
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


def test_products_in_bfloat16_are_chosen_printed_and_kept_by_copies() -> None:
    x = np.random.default_rng(0).standard_normal((2, 16, 8, 8), np.float32)
    half = Conv2d(16, 16, 3, padding=1, multiply="bfloat16", rng=0)
    whole = Conv2d(16, 16, 3, padding=1, rng=0)
    assert repr(half)[:-1].endswith("padding=(1, 1), multiply=bfloat16")
    assert "multiply" not in repr(whole)
    y, exact = half(x), whole(x)
    assert y.dtype == np.float32
    assert 1e-3 < np.abs(y - exact).mean() / np.abs(exact).mean() < 2e-2
    for other in (pickle.loads(pickle.dumps(half)), copy.deepcopy(half), freeze(Sequential(half))):
        assert other(x).tobytes() == y.tobytes()
    old = whole.__dict__
    del old["multiply"]  # pickled before there was a choice
    assert whole(x).tobytes() == exact.tobytes()


@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((2, 16, 8, 8), {"stride": 2}),
        ((2, 16, 9, 9), {"dilation": 2}),
        ((2, 16, 8, 8), {"groups": 16}),
        ((2, 16, 8, 8), {"kernel_size": 1}),
        ((2, 16, 9, 9), {"kernel_size": 7}),
        ((2, 16, 8, 8), {"algorithm": "tiled"}),
        ((2, 16, 8, 8), {"algorithm": "im2col"}),
    ],
    ids=str,
)
def test_convolutions_that_are_not_winograds_of_3x3_stay_float32(
    shape: Any, settings: dict[str, Any], rng: np.random.Generator
) -> None:
    options: Any = {"kernel_size": 3, "rng": 0, **settings}
    x = rng.standard_normal(shape).astype(np.float32)
    results = []
    for multiply in ("float32", "bfloat16"):
        layer = Conv2d(16, 16, multiply=multiply, **options)
        y, cache = layer.forward(x)
        dx, grads = layer.backward(y, cache)
        results.append([a.tobytes() for a in (y, dx, *grads.values()) if a is not None])
    assert results[0] == results[1]


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
        ((3, 4, 3), {"padding_mode": "mirror"}, ValueError, "padding_mode is 'mirror'"),
        ((3, 4, 3), {"algorithm": "fft"}, ValueError, "algorithm is 'fft', expected 'auto' or"),
        ((3, 4, 3), {"multiply": "fp8"}, ValueError, "multiply is 'fp8', expected 'float32' or"),
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


@pytest.mark.parametrize(
    ("args", "settings", "message"),
    [
        ((3, 4, (3, 3)), {}, r"kernel_size must be an int or a tuple of one .* got \(3, 3\)"),
        ((3, 4, 3), {"stride": (1, 1)}, r"stride must be .* got \(1, 1\)"),
        ((3, 4, 3), {"dilation": 0}, "dilation must be .* got 0"),
        ((3, 4, 3), {"padding": (1, -1)}, r"padding must be .*\(left, right\).* got \(1, -1\)"),
        ((4, 6, 3), {"groups": 3}, "groups is 3, expected a divisor of in_channels 4"),
        ((3, 4, 3), {"padding_mode": "?"}, r"padding_mode is '\?', expected"),
    ],
)
def test_what_conv1d_refuses(args: Any, settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^Conv1d: {message}"):
        Conv1d(*args, **settings)


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        ({}, (2, 4, 8, 8), r"x must have shape \(N, C, L\) with C and L at least 1, got \(2, 4"),
        ({}, (4, 8), r"x must have shape \(N, C, L\)"),
        ({"groups": 2}, (2, 3, 8), "x has 3 channels, weight expects 4 in 2 groups"),
        ({"dilation": 4, "padding": (1, 2)}, (2, 4, 4), "kernel 3 with dilation 4 spans 9, more"),
        ({"algorithm": "winograd"}, (2, 4, 8), "algorithm 'winograd' cannot do this: it needs"),
        *(
            ({"padding": (1, 9), "padding_mode": mode}, (2, 4, 8), rf"{mode} padding \(1, 9\) is "
             rf"more than the row \(8,\) can give, \({room},\) \(x \(2, 4, 8\)\)$")
            for mode, room in (("circular", 8), ("reflect", 7))
        ),
    ],
)  # fmt: skip
def test_rows_that_conv1d_refuses(settings: Any, shape: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^Conv1d: {message}"):
        Conv1d(4, 6, 3, **settings)(images(*shape))


def test_the_gradient_of_images_is_none_of_rows() -> None:
    layer = Conv1d(4, 6, 3)
    _, cache = layer.forward(images(2, 4, 8))
    with pytest.raises(ValueError, match=r"^Conv1d: dy has shape \(2, 6, 1, 6\), but forward"):
        layer.backward(images(2, 6, 1, 6), cache)


@pytest.mark.parametrize("algorithm", ["naive", "im2col", "tiled"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((3, 6, 37), {"padding": (2, 0), "groups": 2}),
        ((1, 6, 5), {"padding": "same", "dilation": 2}),
        ((2, 6, 16), {"stride": 5, "padding": 1}),
        ((2, 6, 9), {"padding": 2, "padding_mode": "circular", "bias": False}),
        ((0, 6, 9), {}),
    ],
)
def test_conv1d_is_conv2d_of_images_of_one_row_and_fuses(
    shape: Any, settings: Any, dtype: Any, algorithm: str, rng: np.random.Generator
) -> None:
    options = {**settings, "algorithm": algorithm, "dtype": dtype}
    row = Conv1d(6, 10, 3, rng=0, **options)
    sides = settings.get("padding", 0)
    if not isinstance(sides, str):
        sides = ((0, 0), sides if isinstance(sides, tuple) else (sides, sides))
    pairs = {key: (1, settings[key]) for key in ("stride", "dilation") if key in settings}
    image = Conv2d(6, 10, (1, 3), **{**options, **pairs, "padding": sides})
    for key, array in row.params.items():
        image.params[key] = array.reshape(image.params[key].shape)
    x = rng.standard_normal(shape).astype(dtype)
    x.flat[:1] = np.nan
    (y, cache), (wanted, its) = row.forward(x), image.forward(x[:, :, None])
    np.testing.assert_array_equal(y, wanted[:, :, 0])
    dy = rng.standard_normal(y.shape).astype(dtype)
    (dx, grads), (dx2, grads2) = row.backward(dy, cache), image.backward(dy[:, :, None], its)
    assert dx is not None
    assert dx2 is not None
    np.testing.assert_array_equal(dx, dx2[:, :, 0])
    for key, grad in grads.items():
        np.testing.assert_array_equal(grad, np.reshape(grads2[key], grad.shape))
    for activation in (ReLU(), GELU(), SiLU()):
        outcomes = []
        for fuse in (True, False):
            network = Sequential(row, activation, fuse=fuse)
            y, caches = network.forward(x)
            assert len(caches) == (1 if fuse else 2)
            dx, grads = network.backward(dy, caches)
            outcomes.append([y, network(x), dx, *grads.values()])
        for ours, theirs in zip(*outcomes, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_conv1d_with_another_padding_at_each_end_pads_first_in_pytorch(
    torch: Any, mode: str, rng: np.random.Generator
) -> None:
    layer = Conv1d(3, 4, 3, padding=(2, 0), padding_mode=mode, dtype=np.float64, rng=0)
    module = to_torch(layer)
    again, x = from_torch(module), rng.standard_normal((2, 3, 7))
    np.testing.assert_array_equal(again(x), layer(x))
    np.testing.assert_allclose(module(torch.tensor(x)).detach().numpy(), layer(x), atol=1e-12)


@pytest.mark.parametrize(
    ("args", "settings", "message"),
    [
        ((3, 4, 0), {}, "kernel_size .* got 0"),
        ((4, 6, 3), {"groups": 4}, "groups is 4, expected a divisor of in_channels 4 and of out"),
        (
            (3, 4, 3), {"output_padding": 1},
            r"output_padding is \(1, 1\), expected less than stride \(1, 1\) or dilation \(1, 1\)",
        ),
        ((3, 4, 3), {"output_padding": (0, 2), "stride": 2}, r"output_padding is \(0, 2\), exp"),
        ((3, 4, 3), {"output_padding": -1}, "output_padding must be an int .* from 0 .* got -1"),
        ((3, 4, 3), {"padding": "full"}, "padding must be .* got 'full'"),
        ((3, 4, 3), {"padding_mode": "circular"}, "padding_mode is 'circular', expected 'zeros'"),
    ],
)  # fmt: skip
def test_what_conv_transpose2d_refuses(args: Any, settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^ConvTranspose2d: {message}"):
        ConvTranspose2d(*args, **settings)


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        ({}, (4, 5, 5), r"x must have shape \(N, C, H, W\)"),
        ({}, (2, 3, 5, 5), r"x has 3 channels, weight expects 4 \(x \(2, 3, 5, 5"),
        ({"padding": (0, 2)}, (2, 4, 5, 1), r"padding \(0, 0, 2, 2\) .* leaves nothing of the"),
        ({"stride": 2, "algorithm": "winograd"}, (2, 4, 5, 5), "algorithm 'winograd' cannot"),
    ],
)  # fmt: skip
def test_images_that_conv_transpose2d_refuses(settings: Any, shape: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^ConvTranspose2d: {message}"):
        ConvTranspose2d(4, 6, 3, **settings)(images(*shape))


@pytest.mark.parametrize("algorithm", ["auto", "naive", "im2col", "tiled", "winograd"])
@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((2, 16, 9, 7), {"padding": 1}),
        ((3, 4, 5, 6), {"padding": ((2, 0), (0, 1)), "groups": 2}),
        ((1, 4, 1, 1), {"padding": "valid"}),
        ((0, 4, 5, 5), {"padding": "same"}),
        ((2, 4, 5, 3), {"stride": (4, 1), "dilation": (1, 2), "output_padding": (3, 1)}),
        ((2, 4, 1, 2), {"dilation": 4, "output_padding": (3, 2), "padding": ((9, 0), (2, 2))}),
    ],
)
def test_conv_transpose2d_is_the_gradient_of_conv2d_and_fuses(
    shape: Any, settings: Any, algorithm: str, rng: np.random.Generator
) -> None:
    """Forwards it does what dx is there, backwards what y is; also where nothing reaches a row."""
    if algorithm == "winograd" and {"stride", "dilation"} & set(settings):
        return
    c, d = shape[1], {"dtype": np.float64}
    layer = ConvTranspose2d(c, 8, 3, algorithm=algorithm, rng=0, **settings, **d)
    x = rng.standard_normal(shape)
    y, cache = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    dx, grads = layer.backward(dy, cache)
    assert dx is not None
    assert dx.shape == x.shape
    # Linear in x and in the weight: what each gradient says is the whole change.
    bare = y - layer.params["bias"][:, None, None]
    total = np.sum(bare * dy)
    np.testing.assert_allclose(np.sum(dx * x), total, rtol=1e-10, atol=1e-10)
    weight = layer.params["weight"]
    np.testing.assert_allclose(np.sum(grads["weight"] * weight), total, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(grads["bias"], dy.sum(axis=(0, 2, 3)), rtol=1e-12)
    plain = {key: value for key, value in settings.items() if key != "output_padding"}
    if plain == settings and shape[0]:
        conv = Conv2d(8, c, 3, algorithm=algorithm, bias=False, **plain, **d)
        conv.params["weight"][...] = weight
        out, its = conv.forward(dy)
        np.testing.assert_array_equal(out, dx)
        back, of_weight = conv.backward(x, its)
        np.testing.assert_array_equal(of_weight["weight"], grads["weight"])
        np.testing.assert_array_equal(back + layer.params["bias"][:, None, None], y)
    for activation in (ReLU(), GELU(), SiLU()):
        outcomes = []
        for fuse in (True, False):
            network = Sequential(layer, activation, fuse=fuse)
            y, caches = network.forward(x)
            assert len(caches) == (1 if fuse else 2)
            dx, found = network.backward(dy, caches)
            outcomes.append([y, network(x), dx, *found.values()])
        for ours, theirs in zip(*outcomes, strict=True):
            np.testing.assert_array_equal(ours, theirs)

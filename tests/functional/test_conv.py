"""Convolution: every algorithm against PyTorch and against each other."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cnnlite.functional as F
from cnnlite.backend import backend_name
from cnnlite.functional.conv import ALGORITHMS, im2col

CASES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 7, 6), (4, 3, 3, 2), {}),
    ((2, 3, 7, 6), (4, 3, 3, 3), {"padding": 1}),
    ((2, 3, 8, 9), (4, 3, 2, 3), {"stride": (3, 4)}),  # stride larger than the kernel
    ((1, 2, 9, 5), (3, 2, 3, 1), {"stride": 2, "padding": (2, 1), "dilation": (2, 1)}),
    ((2, 6, 5, 5), (4, 3, 3, 3), {"groups": 2, "padding": 1}),
    ((2, 4, 6, 5), (8, 1, 3, 3), {"groups": 4}),  # depthwise
    ((3, 5, 4, 4), (2, 5, 1, 1), {}),
    ((3, 5, 4, 5), (2, 5, 1, 1), {"stride": 2}),
    ((2, 4, 3, 3), (2, 2, 1, 1), {"groups": 2}),
    ((2, 3, 4, 5), (2, 3, 4, 5), {}),  # one window
    ((2, 3, 5, 6), (2, 3, 2, 4), {"padding": "same"}),
    ((2, 3, 5, 6), (2, 3, 2, 4), {"padding": "same", "dilation": (1, 2)}),
    ((2, 3, 5, 6), (2, 3, 3, 2), {"padding": "valid"}),
    ((1, 1, 1, 1), (1, 1, 3, 3), {"padding": 1}),
    ((0, 3, 5, 5), (2, 3, 3, 3), {"padding": 1}),
]


def fits(algorithm: str, weight: tuple[int, ...], options: dict[str, Any]) -> bool:
    """Winograd's is for some kernels with stride and dilation 1, depthwise for one channel in a
    group.
    """
    plain = options.get("stride", 1) == options.get("dilation", 1) == 1
    if algorithm == "depthwise":
        return weight[1] == 1
    large = all(4 <= side <= 8 for side in weight[2:])
    return algorithm != "winograd" or (plain and (large or weight[2:] == (3, 3)))


JOBS = [
    (algorithm, *case)
    for algorithm in ALGORITHMS
    for case in CASES
    if fits(algorithm, case[1], case[2])
]


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("algorithm", "x_shape", "w_shape", "options"), JOBS)
def test_as_torch(
    x_shape: Any,
    w_shape: Any,
    options: Any,
    dtype: type,
    algorithm: str,
    as_torch: Any,
    torch: Any,
    rng: np.random.Generator,
) -> None:
    x, weight = (rng.standard_normal(s).astype(dtype) for s in (x_shape, w_shape))
    for bias in (None, rng.standard_normal(w_shape[0]).astype(dtype)):
        as_torch(
            lambda x, w, b: F.conv2d_forward(x, w, b, algorithm=algorithm, **options),
            F.conv2d_backward,
            lambda x, w, b: torch.nn.functional.conv2d(x, w, b, **options),
            x,
            weight,
            bias,
        )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("sides", [(1, 1, 1, 1), (2, 0, 1, 3), (5, 5, 6, 6), (0, 0, 1, 0)])
@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect", "replicate"])
def test_four_sides_and_every_mode_as_torch(
    mode: str, sides: Any, algorithm: str, as_torch: Any, torch: Any, rng: np.random.Generator
) -> None:
    top, bottom, left, right = (min(side, 4) for side in sides) if mode == "reflect" else sides
    stride, kernel = (1, (3, 3)) if algorithm == "winograd" else ((1, 2), (3, 2))
    channels, groups = (1, 3) if algorithm == "depthwise" else (3, 1)

    def theirs(x: Any, w: Any, b: Any) -> Any:
        pad = torch.nn.functional.pad(
            x, (left, right, top, bottom), mode="constant" if mode == "zeros" else mode
        )
        return torch.nn.functional.conv2d(pad, w, b, stride=stride, groups=groups)

    as_torch(
        lambda x, w, b: F.conv2d_forward(
            x,
            w,
            b,
            stride,
            ((top, bottom), (left, right)),
            groups=groups,
            padding_mode=mode,
            algorithm=algorithm,
        ),
        F.conv2d_backward,
        theirs,
        rng.standard_normal((2, 3, 5, 6)),
        rng.standard_normal((6, channels, *kernel)),
        rng.standard_normal(6),
    )


@st.composite
def geometries(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    """Shapes and settings for which at least one window fits."""
    groups = draw(st.integers(1, 3))
    small, few = st.integers(1, 3), st.integers(0, 3)
    kernel = draw(st.tuples(small, small))
    options: dict[str, Any] = {
        "stride": draw(st.tuples(small, small)),
        "padding": draw(st.tuples(st.tuples(few, few), st.tuples(few, few))),
        "dilation": draw(st.tuples(small, small)),
        "groups": groups,
    }
    size = draw(st.tuples(st.integers(1, 8), st.integers(1, 8)))
    for s, k, d, p in zip(size, kernel, options["dilation"], options["padding"], strict=True):
        assume(s + sum(p) >= d * (k - 1) + 1)
    x_shape = (draw(st.integers(0, 3)), groups * draw(st.integers(1, 2)), *size)
    w_shape = (groups * draw(st.integers(1, 2)), x_shape[1] // groups, *kernel)
    return x_shape, w_shape, options


@settings(max_examples=60, deadline=None)
@given(geometries(), st.sampled_from([np.float32, np.float64]))
def test_every_rung_as_naive(geometry: Any, dtype: type) -> None:
    x_shape, w_shape, options = geometry
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(s).astype(dtype) for s in (x_shape, w_shape, w_shape[0]))
    y, cache = F.conv2d_forward(x, w, b, algorithm="naive", **options)
    dy = rng.standard_normal(y.shape).astype(dtype)
    expected = (y, *F.conv2d_backward(dy, cache))
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    for algorithm in ("im2col", "tiled", "winograd", "depthwise"):
        if not fits(
            algorithm,
            w_shape,
            {"stride": max(options["stride"]), "dilation": max(options["dilation"])},
        ):
            continue
        y, cache = F.conv2d_forward(x, w, b, algorithm=algorithm, **options)
        for ours, theirs in zip((y, *F.conv2d_backward(dy, cache)), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@settings(max_examples=40, deadline=None)
@given(geometries())
def test_backward_is_the_adjoint_of_forward(geometry: Any) -> None:
    """Forward is linear in x and in the weights, hence <y, dy> = <x, dx> = <weight, dweight>."""
    x_shape, w_shape, options = geometry
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(x_shape), rng.standard_normal(w_shape)
    y, cache = F.conv2d_forward(x, w, **options)
    dy = rng.standard_normal(y.shape)
    dx, dw, db = F.conv2d_backward(dy, cache)
    assert db is None
    product = np.sum(y * dy)
    np.testing.assert_allclose([np.sum(x * dx), np.sum(w * dw)], product, atol=1e-9)


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        (algorithm, options)
        for algorithm in ALGORITHMS
        for options in (
            {"padding": 1, "groups": 2},
            {"stride": 2, "padding": 1},
            {"dilation": 2, "padding": ((2, 0), (1, 1)), "groups": 2},
            {"padding": 2, "padding_mode": "circular"},
        )
        if fits(algorithm, (3, 3), options)
    ],
)
def test_gradients_are_derivatives(
    options: Any, algorithm: str, as_differences: Any, rng: np.random.Generator
) -> None:
    groups = options.get("groups", 1)
    as_differences(
        lambda x, w, b: F.conv2d_forward(x, w, b, algorithm=algorithm, **options),
        F.conv2d_backward,
        rng.standard_normal((2, 4, 5, 4)),
        rng.standard_normal((2, 4 // groups, 3, 3)),
        rng.standard_normal(2),
        below=1e-9,
        h=0.1,  # linear in each argument: a long step has no error but rounding's, and little of it
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_need_dx_false_leaves_dx_out(algorithm: str, rng: np.random.Generator) -> None:
    groups = 3 if algorithm == "depthwise" else 1
    x, w, b = (rng.standard_normal(s) for s in ((2, 3, 5, 5), (6, 3 // groups, 3, 3), 6))
    y, cache = F.conv2d_forward(x, w, b, groups=groups, algorithm=algorithm)
    dx, dw, db = F.conv2d_backward(y, cache)
    without = F.conv2d_backward(y, cache, need_dx=False)
    assert dx is not None
    assert without[0] is None
    np.testing.assert_array_equal(without[1], dw)
    np.testing.assert_array_equal(without[2], db)


def test_tiles_of_images_give_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """Five images in tiles of two, with a short last tile, and one by one."""
    x, w, b = (rng.standard_normal(s) for s in ((5, 3, 6, 6), (4, 3, 3, 3), 4))
    per_image = 3 * 9 * 16 * 8
    results = []
    for limit in (10 * per_image, 2 * per_image, 1):
        monkeypatch.setattr(im2col, "COLUMN_BYTES", limit)
        y, cache = F.conv2d_forward(x, w, b, algorithm="im2col")
        results.append((y, *F.conv2d_backward(y, cache)))
    for other in results[1:]:
        for a, b in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(a, b)


def test_columns_stay_within_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def counting_empty(shape: tuple[int, ...], dtype: Any) -> Any:
        array = np.empty(shape, dtype)
        if array.ndim == 3:
            sizes.append(array.nbytes)
        return array

    monkeypatch.setattr(im2col, "empty", counting_empty)
    monkeypatch.setattr(im2col, "COLUMN_BYTES", 100_000)
    x = np.ones((32, 4, 8, 8), np.float32)  # 9216 bytes of columns an image
    weight = np.ones((2, 4, 3, 3), np.float32)
    y, cache = F.conv2d_forward(x, weight, padding=1, algorithm="im2col")
    F.conv2d_backward(y, cache)
    assert sizes == [10 * 9216] * 3


@pytest.mark.skipif(backend_name != "compiled", reason="the engine says so")
def test_padding_whose_sizes_would_overflow_is_refused() -> None:
    """Copies of 2**32 x 2**32 pixels, which is 0 in 64 bits, for taps that far apart."""
    x, w = np.ones((1, 16, 16, 16), np.float32), np.ones((16, 16, 3, 3), np.float32)
    far = (2**31 - 2, 2**31 - 8)
    message = "padding .* makes images of 4294967308 x 4294967296 pixels, expected at most"
    with pytest.raises(ValueError, match=message):
        F.conv2d_forward(x, w, padding=far, dilation=far, algorithm="tiled")


def test_huge_strides_take_one_window(rng: np.random.Generator) -> None:
    x, w = rng.standard_normal((1, 2, 4, 4)), rng.standard_normal((1, 2, 2, 2))
    y, cache = F.conv2d_forward(x, w, stride=2**31 - 1)
    np.testing.assert_allclose(y[0, 0, 0, 0], np.sum(x[0, :, :2, :2] * w[0]))
    dx, _, _ = F.conv2d_backward(y, cache)
    assert dx is not None
    np.testing.assert_allclose(dx[0, :, :2, :2], w[0] * y[0, 0, 0, 0])

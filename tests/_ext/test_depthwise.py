"""The depthwise kernels against their twins, in every form that a plane is read in."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cnnlite.functional as F
from cnnlite import _ext, reference, set_num_threads
from cnnlite.post_ops import RELU, PostOps
from cnnlite.reference.windows import output_sizes

SPECIAL = (np.inf, -np.inf, np.nan)
Window = tuple[Any, ...]
PLAIN: Window = ((3, 3), (1, 1), (1, 1, 1, 1), (1, 1))
HALF: Window = ((3, 3), (2, 2), (1, 1, 1, 1), (1, 1))
# height, width, and the window: (kernel, stride, padding, dilation)
PLANES: dict[str, tuple[int, int, Window]] = {
    "rows of whole vectors": (33, 64, PLAIN),
    "a vector and a number": (9, 33, PLAIN),
    "fewer rows than registers": (3, 40, PLAIN),
    "one row": (1, 40, PLAIN),
    "two rows in a vector": (8, 8, PLAIN),
    "two rows of 7, and one left": (7, 7, PLAIN),
    "more rows in a vector": (5, 3, PLAIN),
    "one column": (6, 1, PLAIN),
    "uneven sides": (11, 18, ((3, 3), (1, 1), (2, 0, 0, 3), (1, 1))),
    "more padding than kernel": (5, 6, ((3, 3), (1, 1), (4, 5, 6, 3), (1, 1))),
    "stride 2": (32, 66, HALF),
    "stride 2, odd": (15, 21, HALF),
    "stride 2, one pixel": (1, 1, HALF),
    "stride 3, which leaves pixels out": (20, 23, ((2, 2), (3, 3), (0, 1, 0, 0), (1, 1))),
    "strides that differ": (13, 37, ((3, 3), (1, 2), (1, 1, 1, 1), (1, 1))),
    "dilation": (20, 40, ((3, 3), (1, 1), (2, 2, 2, 2), (2, 2))),
    "dilated columns": (20, 40, ((3, 3), (2, 2), (1, 1, 3, 3), (1, 3))),
    "5 x 5": (14, 36, ((5, 5), (1, 1), (2, 2, 2, 2), (1, 1))),
    "5 x 5, short rows": (6, 5, ((5, 5), (1, 1), (2, 2, 2, 2), (1, 1))),
    "a row of taps": (4, 50, ((1, 7), (1, 1), (0, 0, 3, 3), (1, 1))),
    "more taps than are summed at once": (30, 31, ((24, 25), (1, 1), (2, 1, 0, 3), (1, 1))),
}


def arrays(
    images: int, channels: int, multiplier: int, height: int, width: int, window: Window, dtype: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return x, weight, bias and dy."""
    kernel, stride, padding, dilation = window
    filters = channels * multiplier
    rng = np.random.default_rng(0)
    outputs = output_sizes((height, width), kernel, stride, padding, dilation)
    shapes = (
        (images, channels, height, width), (filters, 1, *kernel), (filters,),
        (images, filters, *outputs),
    )  # fmt: skip
    x, weight, bias, dy = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    return x, weight, bias, dy


def passes(
    module: Any, given: tuple[np.ndarray, ...], window: Window, **post: Any
) -> dict[str, np.ndarray]:
    """Return what the three kernels of a module write, over memory that held something else."""
    x, weight, bias, dy = given
    out = {"y": dy, "dx": x, "dweight": weight, "dbias": bias}
    out = {name: np.full_like(array, 77) for name, array in out.items()}
    y, dx, dweight, dbias = out.values()
    module.conv2d_depthwise_forward(x, weight, bias, y, *window[1:], **post)
    module.conv2d_depthwise_input_gradient(dy, weight, dx, *window[1:])
    module.conv2d_depthwise_weight_gradient(x, dy, dweight, dbias, *window[1:])
    return out


def compare(given: tuple[np.ndarray, ...], window: Window, tolerance: float) -> None:
    truth = passes(reference, given, window)
    for name, got in passes(_ext, given, window).items():
        np.testing.assert_allclose(got, truth[name], tolerance, tolerance, err_msg=name)


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-4), (np.float64, 1e-11)])
@pytest.mark.parametrize("plane", PLANES)
def test_as_the_twin(plane: str, dtype: Any, tolerance: float, multiplier: int) -> None:
    *size, window = PLANES[plane]
    compare(arrays(3, 5, multiplier, *size, window, dtype), window, tolerance)


side, few = st.integers(1, 40), st.integers(0, 5)


@settings(max_examples=150, deadline=None)
@given(
    size=st.tuples(side, side),
    kernel=st.sampled_from([(3, 3), (3, 3), (3, 3), (1, 1), (2, 5), (4, 1), (5, 3)]),
    stride=st.sampled_from([(1, 1), (1, 1), (2, 2), (2, 2), (1, 3), (4, 2)]),
    padding=st.tuples(few, few, few, few),
    dilation=st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 3)]),
    counts=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
    special=st.sampled_from([0, 1, 2, 3]),
)
def test_any_window_as_the_twin_and_what_is_not_finite_in_its_place(
    size: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, counts: Any, special: int
) -> None:
    window = kernel, stride, padding, dilation
    assume(min(output_sizes(size, *window)) > 0)
    given = arrays(*counts, *size, window, np.float64)
    if special:
        rng = np.random.default_rng(special)
        array = (given[0], given[1], given[3])[special - 1]
        array.flat[rng.integers(array.size)] = SPECIAL[rng.integers(3)]
    compare(given, window, 1e-11)


@pytest.mark.parametrize("images", [1, 7])
@pytest.mark.parametrize("plane", PLANES)
def test_same_bits_for_any_number_of_threads(plane: str, images: int) -> None:
    *size, window = PLANES[plane]
    given = arrays(images, 6, 1, *size, window, np.float32)
    results = []
    try:
        for threads in (1, 2, 4):
            set_num_threads(threads)
            results.append([array.tobytes() for array in passes(_ext, given, window).values()])
    finally:
        set_num_threads(1)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("plane", ["rows of whole vectors", "two rows of 7, and one left", "5 x 5"])
def test_relu_in_the_same_pass_has_the_bits_of_relu_behind(plane: str) -> None:
    *size, window = PLANES[plane]
    given = arrays(2, 3, 2, *size, window, np.float32)
    plain, fused = passes(_ext, given, window)["y"], passes(_ext, given, window, post=RELU)["y"]
    assert fused.tobytes() == np.where(plain <= 0, np.float32(0), plain).tobytes()


def test_other_post_ops_are_refused() -> None:
    given = arrays(1, 2, 1, 4, 4, PLAIN, np.float32)
    for module in (_ext, reference):
        with pytest.raises(ValueError, match="addend"):
            passes(module, given, PLAIN, post=PostOps(addend=given[3]))
        pooled = (*given[:3], given[3][:, :, :2, :2].copy())
        with pytest.raises(ValueError, match="argmax"):
            passes(module, pooled, PLAIN, post=PostOps(pool=True))


@pytest.mark.parametrize("activation", [None, "relu", "gelu", "silu"])
@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_every_value_of_post_ops_has_the_bits_of_the_operations_in_turn(
    mode: str, pool: bool, activation: str | None, rng: np.random.Generator
) -> None:
    x, weight = rng.standard_normal((2, 4, 9, 8)), rng.standard_normal((8, 1, 3, 3))
    settings = {"padding": 1, "groups": 4, "padding_mode": mode, "algorithm": "depthwise"}
    post = PostOps(activation=activation, pool=pool)
    y, cache = F.conv2d_forward(x, weight, **settings, post=post)
    plain, plain_cache = F.conv2d_forward(x, weight, **settings)
    undo = []
    for name in [activation] * (activation is not None) + ["max_pool2d"] * pool:
        forward, backward = (getattr(F, f"{name}_{way}") for way in ("forward", "backward"))
        plain, kept = forward(plain, 2) if name == "max_pool2d" else forward(plain)
        undo.append((backward, kept))
    assert y.tobytes() == plain.tobytes()
    dy = rng.standard_normal(y.shape)
    ours = F.conv2d_backward(dy, cache)
    for backward, kept in reversed(undo):
        dy = backward(dy, kept)
    theirs = F.conv2d_backward(dy, plain_cache)
    assert [a.tobytes() for a in ours[:2]] == [a.tobytes() for a in theirs[:2]]

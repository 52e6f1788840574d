"""Both backends: the same names, signatures and results.  No kernel escapes this walk."""

import inspect
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnnlite import _ext, reference
from cnnlite.checks.windows import windows_along

NAMES = sorted({*_ext.__all__, *reference.__all__})

# image (N, C, H, W), kernel, stride, padding (top, bottom, left, right), dilation
WINDOWS = [
    ((2, 3, 8, 8), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    ((2, 3, 7, 5), (3, 2), (2, 1), (0, 0, 0, 0), (1, 1)),  # not square, not tiling
    ((1, 1, 1, 1), (1, 1), (1, 1), (0, 0, 0, 0), (1, 1)),
    ((3, 2, 9, 4), (1, 1), (3, 2), (0, 0, 0, 0), (1, 1)),  # 1x1, strided
    ((2, 2, 9, 10), (2, 2), (4, 3), (0, 0, 0, 0), (1, 1)),  # stride larger than the kernel
    ((2, 2, 9, 11), (3, 3), (1, 2), (2, 0, 1, 3), (2, 3)),  # dilation, four different sides
    ((2, 2, 4, 4), (2, 3), (1, 1), (3, 3, 4, 4), (1, 1)),  # windows with no pixel at all
    ((1, 2, 1, 1), (2, 2), (1, 1), (1, 1, 1, 1), (2, 2)),  # taps on both sides of the only pixel
    ((2, 3, 8, 6), (2, 2), (2, 2), (0, 0, 0, 0), (1, 1)),  # the fast path
    ((2, 3, 7, 9), (2, 2), (2, 2), (0, 0, 0, 0), (1, 1)),  # and a last row and column left over
    ((0, 3, 8, 6), (2, 2), (2, 2), (0, 0, 0, 0), (1, 1)),  # no images
    ((2, 0, 8, 6), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),  # no channels
    ((4, 16, 33, 35), (3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),  # enough for several threads
]


@st.composite
def windows(draw):
    def numbers(count, least, most):
        return tuple(draw(st.integers(least, most)) for _ in range(count))

    image = (*numbers(2, 0, 3), *numbers(2, 1, 9))
    kernel, stride = numbers(2, 1, 4), numbers(2, 1, 5)
    padding, dilation = numbers(4, 0, 3), numbers(2, 1, 3)
    assume(min(sizes(image, kernel, stride, padding, dilation)) > 0)
    return image, kernel, stride, padding, dilation


def sizes(image, kernel, stride, padding, dilation, ceil_mode=False):
    return tuple(
        windows_along(
            image[2 + i], kernel[i], stride[i], *padding[2 * i : 2 * i + 2], dilation[i], ceil_mode
        )
        for i in (0, 1)
    )


def both(name, inputs, outputs, *rest):
    """Run a kernel of both backends on outputs full of rubbish; return theirs, ours."""
    results = []
    for backend in (reference, _ext):
        arrays = [np.full(shape, 77, dtype) for shape, dtype in outputs]
        function = getattr(backend, name)
        read_only = [np.require(x, requirements="C") for x in inputs]
        for x in read_only:
            x.flags.writeable = False
        function(*read_only, *arrays, *rest)
        results.append(arrays)
    return results


def check_all(window, dtype, rng):
    """Compare every windowed kernel on one window."""
    image, kernel, stride, padding, dilation = window
    eps = 20 * np.finfo(dtype).eps
    x = rng.integers(-3, 4, image).astype(dtype)  # whole numbers: ties, and sums without rounding
    oh, ow = sizes(*window)
    cols_shape = (image[0], image[1] * kernel[0] * kernel[1], oh * ow)
    (expected,), (cols,) = both("im2col", [x], [(cols_shape, dtype)], *window[1:])
    np.testing.assert_array_equal(cols, expected)
    cols = rng.standard_normal(cols_shape).astype(dtype)
    (expected,), (dx,) = both("col2im", [cols], [(image, dtype)], *window[1:])
    np.testing.assert_array_equal(dx, expected)  # the same additions in the same order

    for ceil_mode in (False, True):
        output = (*image[:2], *sizes(*window, ceil_mode))
        outputs = [(output, dtype), (output, np.int32)]
        theirs, ours = both("max_pool2d_forward", [x], outputs, *window[1:])
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
        dy = rng.standard_normal(output).astype(dtype)
        (expected,), (dx,) = both("max_pool2d_backward", [dy, ours[1]], [(image, dtype)])
        np.testing.assert_array_equal(dx, expected)

        if dilation != (1, 1):
            continue
        for count in (True, False):
            rest = (kernel, stride, padding, count)
            (expected,), (y,) = both("avg_pool2d_forward", [x], [(output, dtype)], *rest)
            np.testing.assert_allclose(y, expected, rtol=eps, atol=eps)
            (expected,), (dx,) = both("avg_pool2d_backward", [dy], [(image, dtype)], *rest)
            np.testing.assert_allclose(dx, expected, rtol=eps, atol=eps)


@pytest.mark.parametrize("name", NAMES)
def test_both_backends_have_every_name(name):
    assert name in _ext.__all__
    assert name in reference.__all__
    assert callable(getattr(_ext, name))
    assert getattr(reference, name).__doc__


@pytest.mark.parametrize("name", NAMES)
def test_signatures_agree(name):
    ours, theirs = (
        [(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()]
        for f in (getattr(_ext, name), getattr(reference, name))
    )
    assert ours == theirs


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_results_agree(window, dtype, rng):
    check_all(window, dtype, rng)


@settings(max_examples=150, deadline=None)
@given(windows(), st.sampled_from([np.float32, np.float64]), st.integers(0, 2**32 - 1))
def test_results_agree_on_any_window(window, dtype, seed):
    check_all(window, dtype, np.random.default_rng(seed))


@pytest.mark.parametrize("window", [w for w in WINDOWS if 0 not in w[0]], ids=str)
@pytest.mark.parametrize("value", [np.nan, -np.inf, np.inf])
def test_results_agree_on_special_values(window, value, rng):
    x = rng.standard_normal(window[0]).astype(np.float32)
    x[rng.random(x.shape) < 0.4] = value
    output = (*window[0][:2], *sizes(*window))
    theirs, ours = both(
        "max_pool2d_forward", [x], [(output, x.dtype), (output, np.int32)], *window[1:]
    )
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


BAD = [
    ((2, 3, 8, 8), (0, 3), (1, 1), (1, 1, 1, 1), (1, 1), "kernel"),
    ((2, 3, 8, 8), (3, 3), (0, 1), (1, 1, 1, 1), (1, 1), "stride"),
    ((2, 3, 8, 8), (3, 3), (1, 1), (1, -1, 1, 1), (1, 1), "padding"),
    ((2, 3, 8, 8), (3, 3), (1, 1), (1, 1), (1, 1), "padding"),
    ((2, 3, 8, 8), (3, 3), (1, 1), (1, 1, 1, 1), (1, 0), "dilation"),
    ((2, 3, 8, 8), (3, 3), (1, 2**62), (1, 1, 1, 1), (1, 1), "stride"),
    ((2, 3, 8, 8), (3, 3), (1, 1), (2**62, 2**62, 1, 1), (1, 1), "padding"),
    ((2, 3, 8, 8), (3, 3), (1, 1), (1, 1, 1, 1), (2**63, 1), "dilation"),
    ((2, 3, 8, 8), (9, 3), (1, 1), (0, 0, 1, 1), (1, 1), "larger|height"),
    ((2, 3, 8, 8), (1, 3), (1, 1), (0, 0, 1, 1), (1, 2**31 - 1), "larger|width"),
]


@pytest.mark.parametrize("backend", [_ext, reference], ids=["_ext", "reference"])
@pytest.mark.parametrize(("image", "kernel", "stride", "padding", "dilation", "what"), BAD)
def test_a_bad_window_is_refused(backend, image, kernel, stride, padding, dilation, what):
    x = np.zeros(image, np.float32)
    cols, argmax = np.zeros((2, 27, 64), np.float32), np.zeros(image, np.int32)
    window = (kernel, stride, padding, dilation)
    with pytest.raises(ValueError, match=what):
        backend.im2col(x, cols, *window)
    with pytest.raises(ValueError, match=what):
        backend.col2im(cols, x, *window)
    with pytest.raises(ValueError, match=what):
        backend.max_pool2d_forward(x, x.copy(), argmax, *window)
    if dilation == (1, 1):
        with pytest.raises(ValueError, match=what):
            backend.avg_pool2d_forward(x, x.copy(), *window[:3], True)
        with pytest.raises(ValueError, match=what):
            backend.avg_pool2d_backward(x, x.copy(), *window[:3], True)


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_environment_chooses_the_backend():
    code = (
        "from cnnlite.backend import backend_name, kernels; "
        "print(backend_name, kernels.add.__module__)"
    )
    assert run(code, CNNLITE_BACKEND="reference").stdout.split() == [
        "reference",
        "cnnlite.reference.pointwise",
    ]
    assert run(code, CNNLITE_BACKEND="").stdout.split() == ["compiled", "cnnlite._ext.engine"]


def test_the_reference_backend_loads_no_compiled_kernel():
    code = """
import sys, cnnlite.backend
print([name for name in sys.modules if name.startswith("cnnlite._ext")])
"""
    assert run(code, CNNLITE_BACKEND="reference").stdout.strip() == "[]"


def test_an_unknown_backend_is_refused():
    result = run("import cnnlite.backend", CNNLITE_BACKEND="cuda")
    assert result.stderr.splitlines()[-1] == (
        "ValueError: CNNLITE_BACKEND is 'cuda', expected 'compiled' (the default) or 'reference'"
    )


def test_a_missing_extension_says_how_to_build_it():
    code = """
import sys
sys.modules["cnnlite._ext.patches"] = None
import cnnlite.backend
"""
    message = run(code, CNNLITE_BACKEND="").stderr.splitlines()[-1]
    assert message.startswith("ImportError: cnnlite's compiled kernels cannot be loaded")
    for part in ("cnnlite._ext.patches", "pip install -e .", "CNNLITE_BACKEND=reference"):
        assert part in message

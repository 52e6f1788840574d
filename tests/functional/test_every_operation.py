"""What holds for all operations on images alike, whatever they compute."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from tests.entries import pairs

SHAPE = (3, 4, 6, 5)
Pair = tuple[Callable[[Any], tuple[Any, Any]], Callable[[Any, Any], Any]]


def _weight(x: Any, *shape: int) -> Any:
    # Rounded to float32 always, so that both types have the same weights.
    numbers = np.random.default_rng(1).standard_normal(shape, np.float32)
    return numbers.astype(np.asarray(x).dtype)


def _conv(**options: Any) -> Pair:
    def forward(x: Any) -> tuple[Any, Any]:
        weight = _weight(x, 6, 4 // options.get("groups", 1), 3, 2)
        return F.conv2d_forward(x, weight, _weight(x, 6), **options)

    return forward, F.conv2d_backward


def _batch_norm(train: bool) -> Pair:
    def forward(x: Any) -> tuple[Any, Any]:
        statistics = _weight(x, 4), np.ones(4, np.asarray(x).dtype)
        return F.batch_norm_forward(x, _weight(x, 4), _weight(x, 4), *statistics, train)

    return forward, F.batch_norm_backward


def _dropout(x: Any) -> tuple[Any, Any]:
    return F.dropout_forward(x, 0.4, True, np.random.default_rng(2))


OPERATIONS: dict[str, Pair] = {
    "naive": _conv(algorithm="naive", padding=1),
    "im2col": _conv(algorithm="im2col", stride=2, padding=1, groups=2),
    "pointwise": (lambda x: F.conv2d_forward(x, _weight(x, 3, 4, 1, 1)), F.conv2d_backward),
    "reflect": _conv(padding=((1, 0), (2, 1)), padding_mode="reflect"),
    "replicate": _conv(padding=((1, 0), (2, 1)), padding_mode="replicate"),
    "circular": _conv(padding=((1, 0), (2, 1)), padding_mode="circular"),
    "max_pool": (lambda x: F.max_pool2d_forward(x, 3, 2, 1), F.max_pool2d_backward),
    "avg_pool": (lambda x: F.avg_pool2d_forward(x, 3, 2, 1), F.avg_pool2d_backward),
    "linear": (lambda x: F.linear_forward(x, _weight(x, 7, 5), _weight(x, 7)), F.linear_backward),
    "batch_norm": _batch_norm(True),
    "batch_norm_eval": _batch_norm(False),
    "layer_norm": (
        lambda x: F.layer_norm_forward(x, (6, 5), _weight(x, 6, 5), _weight(x, 6, 5)),
        F.layer_norm_backward,
    ),
    "group_norm": (
        lambda x: F.group_norm_forward(x, 2, _weight(x, 4), _weight(x, 4)),
        F.group_norm_backward,
    ),
    "dropout": (_dropout, F.dropout_backward),
    **pairs(),
}
every = pytest.mark.parametrize("name", OPERATIONS)


def _run(name: str, x: Any, dy: Any = None) -> list[Any]:
    """y, then all gradients."""
    forward, backward = OPERATIONS[name]
    y, cache = forward(x)
    dy = np.random.default_rng(3).standard_normal(y.shape).astype(y.dtype) if dy is None else dy
    gradients = backward(dy, cache)
    gradients = gradients if type(gradients) is tuple else (gradients,)
    return [y, *(g for g in gradients if g is not None)]


def _unaligned(x: Any) -> Any:
    raw = np.zeros(x.nbytes + 1, np.uint8)
    view = raw[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    assert not view.flags.aligned
    return view


def _read_only(x: Any) -> Any:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "backwards": lambda x: x[::-1, :, ::-1].copy()[::-1, :, ::-1],
    "channels last": lambda x: np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1),
    "read-only": _read_only,
    "unaligned": _unaligned,
}


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_order_does_not_matter(name: str, dtype: type, rng: np.random.Generator) -> None:
    x = rng.standard_normal(SHAPE).astype(dtype)
    expected = _run(name, x)
    dy = np.random.default_rng(3).standard_normal(expected[0].shape).astype(dtype)
    assert all(array.dtype == dtype for array in expected)
    for layout, arrange in LAYOUTS.items():
        for got, want in zip(_run(name, arrange(x), arrange(dy)), expected, strict=True):
            np.testing.assert_array_equal(got, want, err_msg=layout)
            assert got.flags.c_contiguous, layout


@every
def test_float32_is_close_to_float64(name: str, rng: np.random.Generator) -> None:
    x = rng.standard_normal(SHAPE).astype(np.float32)
    y64 = OPERATIONS[name][0](x.astype(np.float64))[0]
    dy = np.random.default_rng(3).standard_normal(y64.shape).astype(np.float32)
    exact = _run(name, x.astype(np.float64), dy.astype(np.float64))
    for got, want in zip(_run(name, x, dy), exact, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@every
def test_batch_of_none_and_of_one(name: str, rng: np.random.Generator) -> None:
    none = _run(name, np.zeros((0, *SHAPE[1:])))
    one = _run(name, rng.standard_normal((1, *SHAPE[1:])))
    for empty, single in zip(none, one, strict=True):
        if single.shape[0] == 1 and single.ndim > 1:
            assert empty.shape == (0, *single.shape[1:])
        else:
            assert empty.shape == single.shape
            assert not empty.any(), "the gradient of no image is zero"


@every
def test_nan_goes_through(name: str, rng: np.random.Generator) -> None:
    x = rng.standard_normal(SHAPE)
    x[1, 2, 2, 2] = np.nan
    forward, _ = OPERATIONS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, _ = forward(x)
    if name == "dropout":
        assert np.isnan(y[1, 2, 2, 2]) or y[1, 2, 2, 2] == 0
    else:
        assert np.isnan(y[1]).any()
    if name != "batch_norm":  # which mixes the images of a batch
        assert np.isfinite(y[[0, 2]]).all()


@every
def test_backward_changes_neither_dy_nor_cache(name: str, rng: np.random.Generator) -> None:
    forward, backward = OPERATIONS[name]
    x = rng.standard_normal(SHAPE)
    original = x.copy()
    y, cache = forward(x)
    dy = rng.standard_normal(y.shape)
    kept = dy.copy()
    first, second = backward(dy, cache), backward(dy, cache)
    np.testing.assert_array_equal(x, original)
    np.testing.assert_array_equal(dy, kept)
    first, second = (r if type(r) is tuple else (r,) for r in (first, second))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@every
@pytest.mark.parametrize(
    "x", [[[1.0, 2.0]], *(np.ones(SHAPE, dtype) for dtype in (np.int64, np.float16, ">f4")), None]
)
def test_other_types_are_refused(name: str, x: Any) -> None:
    forward, _ = OPERATIONS[name]
    with pytest.raises(TypeError, match=r"^\w+: x must be (float32 or float64|a NumPy array)"):
        forward(x)


@every
def test_dy_of_another_shape_or_type_is_refused(name: str) -> None:
    forward, backward = OPERATIONS[name]
    y, cache = forward(np.random.default_rng(0).standard_normal(SHAPE))
    with pytest.raises(ValueError, match=r"^\w+: dy has shape \(2, 2\), but forward returned"):
        backward(np.ones((2, 2)), cache)
    with pytest.raises(TypeError, match=r"^\w+: dy must be a NumPy array, got NoneType"):
        backward(None, cache)
    with pytest.raises(TypeError, match="dy is float32, but forward returned float64"):
        backward(np.ones(y.shape, np.float32), cache)
    with pytest.raises(TypeError, match="dy must be float32 or float64, got int64"):
        backward(np.ones(y.shape, np.int64), cache)

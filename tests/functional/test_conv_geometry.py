"""Convolution: what it refuses, and how it says so."""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from cnnlite.functional.conv import ALGORITHMS


def _ones(*shape: int, dtype: Any = np.float64) -> Any:
    return np.ones(shape, dtype)


X, W = _ones(2, 3, 5, 5), _ones(4, 3, 3, 3)
REFUSED: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    (
        (_ones(128, 4, 32, 32), _ones(32, 3, 3, 3)),
        {},
        r"x has 4 channels, weight expects 3 \(x \(128, 4, 32, 32\), weight \(32, 3, 3, 3\)\)",
    ),
    ((X, _ones(4, 2, 3, 3)), {"groups": 2}, "x has 3 channels, weight expects 4 in 2 groups"),
    ((X, _ones(3, 1, 3, 3)), {"groups": 2}, "groups=2 does not divide the 3 output channels"),
    ((X, W), {"groups": 0}, "groups is 0, expected an integer from 1 up"),
    ((_ones(3, 5, 5), W), {}, r"x must have shape \(N, C, H, W\).*got \(3, 5, 5\)"),
    ((_ones(2, 3, 0, 5), W), {}, r"with C, H and W at least 1, got \(2, 3, 0, 5\)"),
    ((X, _ones(3, 3, 3)), {}, r"weight must have shape \(out_channels, .* got \(3, 3, 3\)"),
    ((X, _ones(0, 3, 3, 3)), {}, r"none of them 0, got \(0, 3, 3, 3\)"),
    ((X, W, _ones(3)), {}, r"bias has shape \(3,\), expected \(4,\)"),
    ((X, W), {"stride": 0}, "stride must be an int or a pair of ints from 1 to .*, got 0"),
    ((X, W), {"stride": 2**40}, "stride must be an int or a pair of ints from 1 to 2147483647"),
    ((X, W), {"stride": 1.5}, r"stride must be .*got 1\.5"),
    ((X, W), {"stride": (1, 2, 3)}, r"stride must be .*got \(1, 2, 3\)"),
    ((X, W), {"dilation": (1, 0)}, r"dilation must be .*got \(1, 0\)"),
    ((X, W), {"padding": -1}, "padding must be .*got -1"),
    ((X, W), {"padding": "half"}, "padding must be .*'same' or 'valid', got 'half'"),
    ((X, W), {"padding": ((1, 1), 2)}, r"padding must be .*got \(\(1, 1\), 2\)"),
    (
        (X, _ones(4, 3, 6, 3)),
        {},
        r"kernel \(6, 3\) with dilation \(1, 1\) spans \(6, 3\) pixels, more than the padded image "
        r"\(5, 5\)",
    ),
    ((X, W), {"dilation": 3}, r"spans \(7, 7\) pixels, more than the padded image \(5, 5\)"),
    ((X, W), {"padding": 2**31 - 1}, "of shape .* would take .* bytes, more than can be addressed"),
    (
        (X, W),
        {"padding_mode": "mirror"},
        "padding_mode is 'mirror', expected 'zeros' or 'circular' or 'reflect' or 'replicate'",
    ),
    (
        (X, W),
        {"padding_mode": "circular", "padding": 6},
        r"circular padding \(6, 6, 6, 6\) is more than the image \(5, 5\) can give",
    ),
    (
        (X, W),
        {"padding_mode": "reflect", "padding": ((0, 0), (5, 0))},
        r"reflect padding \(0, 0, 5, 0\) is more than the image \(5, 5\) can give, \(4, 4\)",
    ),
    ((X, W), {"algorithm": "fft"}, "algorithm is 'fft', expected 'auto' or 'naive' or"),
]


@pytest.mark.parametrize(("operands", "options", "message"), REFUSED)
def test_wrong_arguments_are_refused(operands: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^Conv2d: .*{message}"):
        F.conv2d_forward(*operands, **options)


def test_mixed_types_are_refused() -> None:
    with pytest.raises(TypeError, match="Conv2d: weight is float32 but x is float64"):
        F.conv2d_forward(X, W.astype(np.float32))
    with pytest.raises(TypeError, match="Conv2d: bias must be a NumPy array, got list"):
        F.conv2d_forward(X, W, [1.0] * 4)  # type: ignore[arg-type]


def test_an_unfit_algorithm_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class OnlyThreeByThree:
        def unfit(self, geometry: Any) -> str | None:
            return None if geometry.kernel == (3, 3) else "its kernel is not 3x3"

    monkeypatch.setitem(ALGORITHMS, "special", OnlyThreeByThree())
    with pytest.raises(ValueError, match="algorithm 'special' cannot do this: its kernel is not"):
        F.conv2d_forward(X, _ones(4, 3, 1, 1), algorithm="special")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sizes_beyond_the_address_space_are_refused_before_allocation(algorithm: str) -> None:
    """A 1x1 image padded to 2**62 pixels, of which only a few become outputs."""
    x, w = np.ones((1, 1, 1, 1), np.float32), np.ones((1, 1, 2, 2), np.float32)
    far = 2**31 - 1
    with pytest.raises(ValueError, match="more than can be addressed"):
        F.conv2d_forward(x, w, padding=far, stride=1, algorithm=algorithm)


def test_groups_may_be_numpys_integer_and_do_not_overflow_in_it() -> None:
    x, w = np.ones((1, 120, 3, 3)), np.ones((40, 3, 3, 3))
    y, cache = F.conv2d_forward(x, w, groups=np.int8(40))  # type: ignore[arg-type]
    np.testing.assert_array_equal(y, np.full((1, 40, 1, 1), 27.0))
    assert type(cache.geometry.groups) is int
    x, w = np.ones((1, 200, 3, 3)), np.ones((100, 2, 3, 3))
    y, _ = F.conv2d_forward(x, w, groups=np.int8(100))  # type: ignore[arg-type]
    assert y.shape == (1, 100, 1, 1)


@pytest.mark.parametrize("argument", ["stride", "padding", "dilation"])
@pytest.mark.parametrize("wrong", [(True, True), (1.0, 1.0), (np.float64(1), 1)])
def test_a_setting_that_equals_one_resolved_before_is_still_refused(
    argument: str, wrong: tuple[Any, Any]
) -> None:
    right = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1)}
    F.conv2d_forward(X, W, **right)
    with pytest.raises(ValueError, match=f"{argument} must be"):
        F.conv2d_forward(X, W, **(right | {argument: wrong}))
    y, _ = F.conv2d_forward(X, W, **(right | {argument: [np.int64(1), 1]}))
    assert y.shape == (2, 4, 5, 5)


@pytest.mark.parametrize("mode", ["circular", "reflect", "replicate"])
def test_no_memory_for_the_padded_images_names_the_layer(
    monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    def full(*args: Any) -> None:
        raise MemoryError("Unable to allocate")

    monkeypatch.setattr(np, "pad", full)
    x, weight = np.ones((1, 1, 4, 4), np.float32), np.ones((1, 1, 1, 1), np.float32)
    with pytest.raises(MemoryError, match=r"^Conv2d: Unable .*\(x \(1, 1, 4, 4\), padding \(1, 1,"):
        F.conv2d_forward(x, weight, padding=1, padding_mode=mode)

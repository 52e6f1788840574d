"""The compiled crops equal their NumPy twins to the bit, and check before they touch memory."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlite import reference
from cnnlite.backend import kernels


def offsets(rng: np.random.Generator, n: int, padding: int) -> tuple[np.ndarray, ...]:
    return (
        rng.integers(0, 2 * padding + 1, n, dtype=np.int32),
        rng.integers(0, 2 * padding + 1, n, dtype=np.int32),
        rng.integers(0, 2, n, dtype=np.uint8),
    )


sizes = st.integers(0, 9)


@settings(max_examples=150, deadline=None)
@given(sizes, sizes, sizes, sizes, st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_crop_flip_equals_its_twin(n, c, h, w, padding, seed) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, c, h, w), dtype=np.uint8)
    where = offsets(rng, n, padding)
    out, expected = np.full_like(images, 77), np.full_like(images, 99)
    kernels.crop_flip(images, out, *where, padding)
    reference.crop_flip(images, expected, *where, padding)
    np.testing.assert_array_equal(out, expected)


@settings(max_examples=150, deadline=None)
@given(
    sizes, sizes, sizes, sizes, st.integers(0, 12), st.sampled_from(["f4", "f8"]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_crop_flip_normalize_equals_its_twin(n, c, h, w, padding, dtype, seed) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (5, c, h, w), dtype=np.uint8)
    index = rng.integers(0, 5, n)
    scale, shift = rng.normal(size=(2, c, h, w)).astype(np.float32)
    out, expected = (np.full((n, c, h, w), np.nan, dtype) for _ in range(2))
    arguments = (images, index, *offsets(rng, n, padding), padding, scale, shift)
    kernels.crop_flip_normalize(*arguments, out)
    reference.crop_flip_normalize(*arguments, expected)
    np.testing.assert_array_equal(out, expected)


def fitting(h: int, w: int, padding: int) -> int:
    """The padding, or the widest that images of that size can be reflected in."""
    return max(0, min(padding, min(h, w) - 1))


@settings(max_examples=100, deadline=None)
@given(
    sizes, sizes, st.integers(1, 9), st.integers(1, 9), st.integers(0, 8),
    st.sampled_from(["f4", "f8"]), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_reflections_equal_their_twins(n, c, h, w, padding, dtype, seed) -> None:
    rng, padding = np.random.default_rng(seed), fitting(h, w, padding)
    images = rng.integers(0, 256, (n, c, h, w), dtype=np.uint8)
    where = offsets(rng, n, padding)
    out, expected = np.full_like(images, 77), np.full_like(images, 99)
    kernels.crop_flip(images, out, *where, padding, True)
    reference.crop_flip(images, expected, *where, padding, True)
    np.testing.assert_array_equal(out, expected)
    scale, shift = rng.normal(size=(2, c, h, w)).astype(np.float32)
    out, expected = (np.full((n, c, h, w), np.nan, dtype) for _ in range(2))
    arguments = (images, np.arange(n)[::-1].copy(), *where, padding, scale, shift)
    kernels.crop_flip_normalize(*arguments, out, True)
    reference.crop_flip_normalize(*arguments, expected, True)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("backend", [kernels, reference])
def test_a_border_too_wide_to_be_a_reflection(backend) -> None:
    images, zeros = np.zeros((1, 1, 4, 6), np.uint8), np.zeros(1, np.int32)
    where = zeros, zeros, zeros.astype(np.uint8), 4
    with pytest.raises(ValueError, match="crop_flip: padding is 4, which images of 4x6 pixels"):
        backend.crop_flip(images, images.copy(), *where, True)
    ones, out = np.ones((1, 4, 6), np.float32), np.zeros((1, 1, 4, 6), np.float32)
    with pytest.raises(ValueError, match="crop_flip_normalize: padding is 4"):
        backend.crop_flip_normalize(images, zeros.astype(np.int64), *where, ones, ones, out, True)


def arguments() -> dict[str, object]:
    return {
        "images": np.zeros((4, 3, 5, 5), np.uint8),
        "index": np.zeros(2, np.int64),
        "top": np.zeros(2, np.int32),
        "left": np.zeros(2, np.int32),
        "flip": np.zeros(2, np.uint8),
        "padding": 1,
        "scale": np.zeros((3, 5, 5), np.float32),
        "shift": np.zeros((3, 5, 5), np.float32),
        "out": np.zeros((2, 3, 5, 5), np.float32),
    }


WRONG = [
    ("index", np.array([0, 4])),
    ("index", np.array([-1, 0])),
    ("index", np.zeros(3, np.int64)),
    ("top", np.array([0, 3], np.int32)),
    ("top", np.array([-1, 0], np.int32)),
    ("top", np.zeros(1, np.int32)),
    ("left", np.array([3, 0], np.int32)),
    ("left", np.array([0, -1], np.int32)),
    ("left", np.zeros(1, np.int32)),
    ("flip", np.zeros(1, np.uint8)),
    ("padding", -1),
    ("scale", np.zeros((3, 5, 4), np.float32)),
    ("shift", np.zeros((1, 5, 5), np.float32)),
    ("out", np.zeros((2, 3, 5, 4), np.float32)),
    ("out", np.zeros((1, 3, 5, 5), np.float32)),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
@pytest.mark.parametrize("backend", [kernels, reference])
def test_wrong_arguments_are_refused(backend, name: str, value: object) -> None:
    given = {**arguments(), name: value}
    with pytest.raises(ValueError, match="crop_flip_normalize"):
        backend.crop_flip_normalize(*given.values())
    if name in ("top", "left", "flip", "padding"):
        images = np.zeros((2, 3, 5, 5), np.uint8)
        where = [given[key] for key in ("top", "left", "flip", "padding")]
        with pytest.raises(ValueError, match="crop_flip"):
            backend.crop_flip(images, images.copy(), *where)


@pytest.mark.parametrize("backend", [kernels, reference])
def test_another_shape_of_out_is_refused(backend) -> None:
    images, zeros = np.zeros((2, 3, 5, 5), np.uint8), np.zeros(2, np.int32)
    with pytest.raises(ValueError, match="crop_flip: out"):
        backend.crop_flip(images, images[..., 1:].copy(), zeros, zeros, zeros.astype(np.uint8), 0)


def test_the_number_of_threads_changes_nothing(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (64, 3, 32, 32), dtype=np.uint8)
    where = offsets(rng, 64, 4)
    results, before = [], kernels.get_num_threads()
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            out = np.empty_like(images)
            kernels.crop_flip(images, out, *where, 4)
            results.append(out)
    finally:
        kernels.set_num_threads(before)
    assert all((out == results[0]).all() for out in results)


def free_memory() -> int:
    """Bytes that can be had without swapping; 0 where that cannot be known."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("MemAvailable")))


@pytest.mark.slow
@pytest.mark.skipif(free_memory() < 7 * 2**30, reason="needs 7 GB of free memory")
def test_more_than_2_to_the_31_elements() -> None:
    """Positions beyond 32 bits: the last images are those that a 32-bit position would miss."""
    count = 2**31 // 3072 + 3
    images = np.zeros((count, 3, 32, 32), np.uint8)  # zeros that nobody has written take no memory
    assert images.size > 2**31
    rng = np.random.default_rng(0)
    images[-5:] = rng.integers(1, 256, (5, 3, 32, 32), dtype=np.uint8)
    top, left, flip = offsets(rng, count, 4)
    out = np.full_like(images, 77)
    kernels.crop_flip(images, out, top, left, flip, 4)
    expected = np.empty_like(images[-5:])
    reference.crop_flip(images[-5:], expected, top[-5:], left[-5:], flip[-5:], 4)
    np.testing.assert_array_equal(out[-5:], expected)
    assert not out[:-5].any()

    index = np.arange(count - 5, count)
    scale = np.full((3, 32, 32), 0.5, np.float32)
    batch, wanted = np.empty((2, 5, 3, 32, 32), np.float32)
    where = top[-5:], left[-5:], flip[-5:]
    kernels.crop_flip_normalize(images, index, *where, 4, scale, scale, batch)
    reference.crop_flip_normalize(images[-5:], np.arange(5), *where, 4, scale, scale, wanted)
    np.testing.assert_array_equal(batch, wanted)

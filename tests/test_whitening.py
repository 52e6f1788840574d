"""Whitening: NumPy's eigenvectors as judge, outputs that do not correlate, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite import get_num_threads, set_num_threads
from cnnlite.initializers import whitening
from cnnlite.whitening import eigenvectors


@pytest.mark.parametrize("size", [1, 2, 12, 27])
def test_eigenvectors_are_those_of_lapack(rng: np.random.Generator, size: int) -> None:
    root = rng.standard_normal((size, size + 2))
    matrix = root @ root.T
    values, vectors = eigenvectors(matrix)
    wanted = np.linalg.eigvalsh(matrix)[::-1]
    np.testing.assert_allclose(values, wanted, rtol=1e-10)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(size), atol=1e-13)
    np.testing.assert_allclose(vectors @ matrix, values[:, None] * vectors, atol=1e-12 * size**2)
    assert (vectors[np.arange(size), np.abs(vectors).argmax(axis=1)] > 0).all()


def test_matrices_without_directions_of_their_own() -> None:
    for matrix in (np.zeros((3, 3)), np.eye(3), np.diag([1.0, 3.0, 3.0])):
        values, vectors = eigenvectors(matrix)
        np.testing.assert_array_equal(np.sort(np.diagonal(matrix))[::-1], values)
        np.testing.assert_array_equal(np.abs(vectors).sum(axis=1), 1)


def pictures(rng: np.random.Generator, dtype: Any = np.float32) -> np.ndarray:
    """Images whose neighbouring pixels and channels are alike."""
    noise = rng.standard_normal((150, 3, 9, 8))
    return (noise + noise.mean(axis=1, keepdims=True) * 3 + noise[:, :, ::-1]).astype(dtype)


@pytest.mark.parametrize("window", [(2, 2), (3, 1)])
def test_outputs_are_white(rng: np.random.Generator, window: tuple[int, int]) -> None:
    size = 3 * window[0] * window[1]
    images, weight = pictures(rng), np.empty((2 * size, 3, *window), np.float32)
    assert whitening(weight, images, eps=0) is weight
    views = np.lib.stride_tricks.sliding_window_view(images, window, axis=(2, 3))
    outputs = np.einsum("nchwij,ocij->onhw", views, weight).reshape(2 * size, -1)
    moments = outputs @ outputs.T / outputs.shape[1]
    np.testing.assert_allclose(moments[:size, :size], np.eye(size), atol=2e-3)
    np.testing.assert_array_equal(weight[size:], -weight[:size])


def test_fewer_filters_take_the_largest_eigenvalues_and_more_stay(rng: np.random.Generator) -> None:
    images, whole = pictures(rng, np.float64), np.empty((24, 3, 2, 2))
    whitening(whole, images)
    few, many = np.empty((7, 3, 2, 2)), np.full((30, 3, 2, 2), 5.0)
    whitening(few, images)
    whitening(many, images)
    np.testing.assert_array_equal(few, np.concatenate([whole[:4], whole[12:15]]))
    np.testing.assert_array_equal(many[:24], whole)
    assert (many[24:] == 5).all()


def test_the_same_bits_for_any_number_of_threads(rng: np.random.Generator) -> None:
    images, before, found = pictures(rng), get_num_threads(), set()
    try:
        for threads in (1, 3):
            set_num_threads(threads)
            found.add(whitening(np.empty((24, 3, 2, 2), np.float32), images).tobytes())
    finally:
        set_num_threads(before)
    assert len(found) == 1


IMAGES = np.ones((4, 3, 8, 8), np.float32)


@pytest.mark.parametrize(
    ("shape", "images", "eps", "error", "message"),
    [
        ((24, 3), IMAGES, 0.1, ValueError, r"array has shape \(24, 3\), expected \(out, in, kh"),
        ((24, 1, 2, 2), IMAGES, 0.1, ValueError, r"images have the shape \(4, 3, 8, 8\), expected"),
        ((24, 3, 9, 2), IMAGES, 0.1, ValueError, "at least 9x2 pixels"),
        ((24, 3, 2, 2), IMAGES[:0], 0.1, ValueError, r"images have the shape \(0, 3"),
        ((24, 3, 2, 2), IMAGES.astype(np.uint8), 0.1, TypeError, "images are uint8"),
        ((24, 3, 2, 2), IMAGES * np.nan, 0.1, ValueError, "NaN or infinity"),
        ((24, 3, 2, 2), IMAGES, -1, ValueError, "eps is -1"),
        ((24, 3, 2, 2), [1], 0.1, TypeError, "images"),
    ],
)
def test_what_does_not_fit_is_named(
    shape: Any, images: Any, eps: float, error: type[Exception], message: str
) -> None:
    array = np.full(shape, 7.0)
    with pytest.raises(error, match=f"whitening: .*{message}|whitening: {message}"):
        whitening(array, images, eps)
    assert (array == 7).all()

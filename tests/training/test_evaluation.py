"""Accuracy in batches: every image once, never more than a batch of them as floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite.data import Normalization
from cnnlite.evaluation import accuracy, model_dtype, scores_of_batches
from cnnlite.layers import Flatten, Layer, Linear, ReLU, Sequential


class FirstPixel(Layer):
    """Scores that say: the class is the value of the first pixel."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.params["unused"] = np.zeros(1, np.float64)

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
        assert not train
        self.shapes.append(x.shape)
        return np.eye(10)[x.reshape(len(x), -1)[:, 0].astype(int)], None

    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple:
        return None, {}


@pytest.fixture
def images() -> np.ndarray:
    X = np.zeros((23, 1, 2, 2), np.uint8)
    X[:, 0, 0, 0] = np.arange(23) % 10
    return X


def test_every_image_counts_once(images: np.ndarray) -> None:
    model, y = FirstPixel(), np.arange(23) % 10
    assert accuracy(model, images, y, batch_size=5) == 1
    assert [shape[0] for shape in model.shapes] == [5, 5, 5, 5, 3]
    y[[0, 7, 22]] += 1
    for size in (1, 7, 23, 100):
        assert accuracy(model, images, y, batch_size=size) == 20 / 23


def test_index_chooses_images(images: np.ndarray) -> None:
    y = np.arange(23) % 10
    y[:10] = 0
    index = np.array([0, 1, 15, 22])
    assert accuracy(FirstPixel(), images, y, batch_size=3, index=index) == 3 / 4
    batches = list(scores_of_batches(FirstPixel(), images, batch_size=3, index=index))
    np.testing.assert_array_equal(np.concatenate([where for where, _ in batches]), index)


def test_pixels_are_normalised(images: np.ndarray) -> None:
    normalization = Normalization(
        np.full((1, 1, 1), 0.5, np.float32), np.full((1, 1, 1), 1.0, np.float32)
    )
    y = np.arange(23) % 10 // 2 + 1
    assert accuracy(FirstPixel(), images, y, normalization) == 1


def test_after_batch_can_end_it(images: np.ndarray) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    model = FirstPixel()
    with pytest.raises(KeyboardInterrupt):
        accuracy(model, images, np.zeros(23, int), batch_size=5, after_batch=stop)
    assert len(model.shapes) == 1


def test_nothing_to_measure(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"there are no images, X has the shape \(0, 1, 2, 2\)"):
        accuracy(FirstPixel(), images[:0], np.zeros(0, int))


def test_dtype_of_a_model() -> None:
    model = Sequential(Flatten(), Linear(4, 2, rng=0))
    assert model_dtype(model) == np.float32
    assert model_dtype(model.astype(np.float64)) == np.float64
    assert model_dtype(ReLU()) == np.float32

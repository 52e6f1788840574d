"""Data sets check what they are given, and normalisation is exact."""

from pathlib import Path

import numpy as np
import pytest

from cnnlite.data import Dataset, MixUp, Normalization
from cnnlite.data.dataset import pixel_sums
from cnnlite.layers import Flatten, Linear, Sequential
from cnnlite.report import sheet
from cnnlite.solver import Solver


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (700, 3, 5, 4), dtype=np.uint8) // np.uint8([[[1]], [[2]], [[3]]])


def test_sums_are_exact(images: np.ndarray) -> None:
    whole = images.astype(object)
    expected = np.stack([whole.sum(axis=0), (whole**2).sum(axis=0)])
    np.testing.assert_array_equal(pixel_sums(images), expected)
    white = np.full((600, 1, 2, 2), 255, np.uint8)
    assert pixel_sums(white)[1, 0, 0, 0] == 600 * 255**2, "blocks do not overflow"


def test_channel_normalization(images: np.ndarray) -> None:
    normalization = Normalization.from_images(images)
    assert normalization.scale.shape == normalization.shift.shape == (3, 1, 1)
    y = normalization.apply(images, np.float64)
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=(0, 2, 3)), 1, atol=1e-6)


def test_mean_image_normalization(images: np.ndarray) -> None:
    normalization = Normalization.from_images(images, "image")
    assert normalization.scale.shape == normalization.shift.shape == (3, 5, 4)
    y = normalization.apply(images, np.float64)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=(0, 2, 3)), 1, atol=1e-6)


@pytest.mark.parametrize("kind", ["channel", "image"])
def test_images_that_never_vary_are_only_shifted(kind: str) -> None:
    images = np.full((3, 2, 4, 4), 9, np.uint8)
    y = Normalization.from_images(images, kind).apply(images)
    np.testing.assert_array_equal(y, 0)


def test_the_order_of_images_does_not_matter(images: np.ndarray) -> None:
    for kind in ("channel", "image"):
        forward, back = (Normalization.from_images(x, kind) for x in (images, images[::-1]))
        np.testing.assert_array_equal(forward.scale, back.scale)
        np.testing.assert_array_equal(forward.shift, back.shift)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_apply_writes_to_out(images: np.ndarray, dtype: type) -> None:
    normalization = Normalization.from_images(images)
    out = np.empty(images.shape, dtype)
    assert normalization.apply(images, dtype, out) is out
    expected = images * normalization.scale.astype(dtype) + normalization.shift.astype(dtype)
    np.testing.assert_array_equal(out, expected)
    assert normalization.apply(images.astype(np.float64), dtype).dtype == dtype


def test_normalization_refuses(images: np.ndarray) -> None:
    one = np.ones((3, 1, 1), np.float32)
    with pytest.raises(TypeError, match="scale is float64"):
        Normalization(one.astype(np.float64), one)
    with pytest.raises(ValueError, match="one shape"):
        Normalization(one, one[:2])
    with pytest.raises(ValueError, match="kind is 'pixel'"):
        Normalization.from_images(images, "pixel")
    with pytest.raises(ValueError, match="no images"):
        Normalization.from_images(images[:0])
    with pytest.raises(TypeError, match="float32, expected uint8"):
        Normalization.from_images(images.astype(np.float32))
    with pytest.raises(ValueError, match=r"\(3, 5, 4\), expected"):
        Normalization.from_images(images[0])
    for wrong in (images[:, :2], images[0]):
        with pytest.raises(ValueError, match="do not fit"):
            Normalization(one, one).apply(wrong)


def arrays(n: int = 4) -> dict[str, np.ndarray]:
    return {"X_train": np.zeros((n, 3, 2, 2), np.uint8), "y_train": np.arange(n) % 2}


def test_a_data_set_is_a_mapping() -> None:
    data = Dataset(arrays(), ["cat", "dog"], name="pets")
    assert set(data) == {"X_train", "y_train"}
    assert len(data) == 2
    assert "X_test" not in data
    assert dict(data)["y_train"].tolist() == [0, 1, 0, 1]
    assert data.normalization is None
    assert repr(data) == ("Dataset pets: 2 classes (cat, dog)\n  train      4 images 3x2x2 uint8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X_training": np.zeros(3)}, "unknown arrays.*X_training"),
        ({"X_val": np.zeros((4, 3, 2, 2))}, "X_val and y_val must come together"),
        ({"y_train": np.arange(3)}, r"y_train is int64 \(3,\)"),
        ({"y_train": np.zeros(4)}, "y_train is float64"),
        ({"y_train": np.array([0, 1, 2, 0])}, "labels from 0 to 2, expected 0 to 1"),
        ({"y_train": np.array([0, 1, -1, 0])}, "labels from -1 to 1"),
    ],
)
def test_a_data_set_refuses(change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Dataset({**arrays(), **change}, ["cat", "dog"])


def test_targets_may_be_probabilities(tmp_path: Path) -> None:
    """Solver took them, a Dataset did not."""
    X = np.arange(6 * 3 * 4 * 4, dtype=np.uint8).reshape(6, 3, 4, 4)
    y = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]] * 0.9 + np.float32(0.1 / 3)
    found = Dataset({"X_train": X, "y_train": y, "X_val": X, "y_val": y.tolist()}, list("abc"))
    assert found["y_val"].shape == (6, 3)
    assert "train      6 images" in repr(found)
    sheet.save(found, found.class_names, tmp_path / "sheet.png")
    model = Sequential(Flatten(), Linear(48, 3, rng=0))
    solver = Solver(model, found, batch_size=6, num_epochs=1, verbose=False, augment=MixUp())
    assert len(solver.train()) == 1
    for wrong in (y[:, :2], y[:5], y[:, 0], y > 0.5):
        with pytest.raises(ValueError, match=r"expected one integer for each of the 6 images of"):
            Dataset({"X_train": X, "y_train": wrong}, list("abc"))

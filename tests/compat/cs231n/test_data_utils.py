"""CIFAR-10 as the notebooks want it."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from cnnlite.compat.cs231n.data_utils import get_CIFAR10_data, load_CIFAR10, load_CIFAR_batch

FOLDER = "cs231n/datasets/cifar-10-batches-py"
BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


@pytest.fixture
def pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """A small CIFAR-10 where the course's script puts it, and the folder of the notebooks."""
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    written = {}
    for name in BATCHES:
        written[name] = rng.integers(0, 256, (4, 3072), dtype=np.uint8)
        content = {"data": written[name], "labels": [1, 2, 3, 4]}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNLITE_CACHE", str(tmp_path / "cache"))
    return written


def test_splits_are_float64_channels_first_without_the_mean(pixels: dict[str, np.ndarray]) -> None:
    data = get_CIFAR10_data(num_training=15, num_validation=5, num_test=3)
    images = np.concatenate([pixels[name] for name in BATCHES[:5]]).reshape(-1, 3, 32, 32)
    mean = images[:15].astype(float).mean(axis=0)
    np.testing.assert_array_equal(data["X_train"], images[:15] - mean)
    np.testing.assert_array_equal(data["X_val"], images[15:20] - mean)
    test = pixels["test_batch"].reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(data["X_test"], test[:3] - mean)
    assert [data[f"y_{split}"].tolist() for split in ("val", "test")] == [
        [4, 1, 2, 3, 4],
        [1, 2, 3],
    ]
    assert data["X_train"].flags.c_contiguous
    assert data["y_train"].flags.writeable


def test_the_mean_may_stay(pixels: dict[str, np.ndarray]) -> None:
    data = get_CIFAR10_data(10, 5, 2, subtract_mean=False)
    expected = pixels["data_batch_1"].reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(data["X_train"][:4], expected)
    assert data["X_train"].dtype == np.float64


def test_raw_batches_have_channels_last(pixels: dict[str, np.ndarray]) -> None:
    X, y = load_CIFAR_batch(f"{FOLDER}/data_batch_2")
    expected = pixels["data_batch_2"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(X, expected)
    assert X.dtype == np.float64
    assert y.tolist() == [1, 2, 3, 4]
    X_train, y_train, X_test, y_test = load_CIFAR10(FOLDER)
    assert X_train.shape == (20, 32, 32, 3)
    assert (len(y_train), len(X_test), len(y_test)) == (20, 4, 4)
    np.testing.assert_array_equal(X_train[4:8], X)


@pytest.mark.usefixtures("pixels")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "num_training . num_validation is 50000, but there are 20 images"),
        ((10, 5, 9), "num_test is 9, but there are 4 images"),
        ((0, 5, 1), "num_training is 0"),
    ],
)
def test_more_than_there_is_is_refused(arguments: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"get_CIFAR10_data: {message}"):
        get_CIFAR10_data(*arguments)


@pytest.mark.cifar10
def test_the_real_one_has_the_courses_splits() -> None:
    data = get_CIFAR10_data()
    assert data["X_train"].shape == (49000, 3, 32, 32)
    assert data["X_val"].shape == data["X_test"].shape == (1000, 3, 32, 32)
    assert abs(data["X_train"].mean(axis=0)).max() < 1e-9

"""Images that are kept elsewhere: what has shape, dtype and [index] without being an array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite.data import Dataset, MixUp, Normalization, RandomCropFlip, batches
from cnnlite.data.stored import StoredArray, stored
from cnnlite.solver import Solver
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


class Kept:
    """Refuses what h5py does: indices that repeat or do not increase."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.most = 0

    def __getitem__(self, index: Any) -> np.ndarray:
        if not isinstance(index, np.ndarray) or (np.diff(index) <= 0).any():
            raise TypeError("Indexing elements must be in increasing order")
        self.most = max(self.most, len(index))
        return self.array[index]


def kept(data: Any) -> dict[str, Any]:
    return {key: Kept(np.asarray(array)) for key, array in data.items()}


@pytest.mark.parametrize("augment", [None, RandomCropFlip(1), MixUp()], ids=repr)
def test_a_training_on_stored_images_is_that_on_arrays(augment: Any) -> None:
    """It was a TypeError, though the design promises it."""
    data = trainings.data()
    lazy = kept(data)
    expected = trainings.solver(data=data, augment=augment, num_epochs=2)
    solver = trainings.solver(data=lazy, augment=augment, num_epochs=2)
    expected.train()
    solver.train()
    assert solver.loss_history == expected.loss_history
    assert solver.val_loss_history == expected.val_loss_history
    for key, array in expected.model.state_dict().items():
        np.testing.assert_array_equal(solver.model.state_dict()[key], array)
    scores = solver.predict(lazy["X_val"])
    np.testing.assert_array_equal(scores, expected.predict(data["X_val"]))
    assert solver.check_accuracy(lazy["X_val"], lazy["y_val"]) == expected.check_accuracy(
        data["X_val"], data["y_val"]
    )
    assert lazy["X_train"].most <= 256  # never all of a large one at once


def test_a_data_set_of_stored_images() -> None:
    data = trainings.data()
    found = Dataset(kept(data), list("abcd"), name="kept")
    assert isinstance(found["X_train"], StoredArray)
    assert isinstance(found["y_train"], np.ndarray)
    assert found.settings["size"] == list(data["X_train"].shape[2:])
    assert Solver(trainings.model(), found, batch_size=16, verbose=False).smoke() > 0


def test_any_index_gives_what_an_array_gives(rng: np.random.Generator) -> None:
    array = rng.integers(0, 256, (20, 3, 4, 5), dtype=np.uint8)
    lazy = stored("test", "X", Kept(array))
    several = rng.integers(0, 20, 50)
    for index in (several, several[:0], 3, -1, slice(2, 9), slice(None, None, -3), (4, 0, 1)):
        np.testing.assert_array_equal(lazy[index], array[index])
    with pytest.raises(IndexError):
        lazy[20]
    measured = Normalization.from_images(lazy)
    np.testing.assert_array_equal(measured.scale, Normalization.from_images(array).scale)
    np.testing.assert_array_equal(
        batches.gather(lazy, several, measured), batches.gather(array, several, measured)
    )


class Wrong(Kept):
    def __getitem__(self, index: Any) -> np.ndarray:
        return self.array


class OneByOne(Kept):
    def __getitem__(self, index: Any) -> np.ndarray:
        return self.array[int(index)]


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        (Wrong, ValueError, r"X_train \(Wrong\) gives uint8 \(70, .*\) for 2 indices, expected"),
        (OneByOne, TypeError, r"X_train \(OneByOne\) cannot be indexed with an increasing array"),
        (list, TypeError, "X_train must be an array, got list"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_step(kind: Any, error: Any, message: str) -> None:
    data = trainings.data()
    images = np.zeros((70, 3, 8, 8), np.uint8)
    with pytest.raises(error, match=message):
        trainings.solver(data={**data, "X_train": kind(images), "y_train": np.zeros(70, int)})


def test_a_tensor_is_told_how_to_become_an_array(torch: Any) -> None:
    data = trainings.data()
    tensor = torch.zeros(data["X_train"].shape)
    with pytest.raises(TypeError, match=r"X_train must be an array, got Tensor of torch.float32"):
        trainings.solver(data={**data, "X_train": tensor})
    with pytest.raises(TypeError, match=r"y_train must be an array, got Tensor of torch.int64"):
        trainings.solver(data={**data, "y_train": torch.zeros(len(tensor), dtype=torch.int64)})

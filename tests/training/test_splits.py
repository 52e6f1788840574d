"""What Solver refuses as data, and how it says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import Conv2d, Flatten, Linear, Sequential
from cnnlite.solver import Solver
from cnnlite.training.splits import Split, check_fit, checked_arrays
from tests import trainings


def broken(**changes: Any) -> Any:
    return lambda: trainings.solver(data={**trainings.data(), **changes})


def without(key: str) -> Any:
    def make() -> Solver:
        data = trainings.data()
        del data[key]
        return trainings.solver(data=data)

    return make


X8 = np.zeros((70, 3, 8, 8), np.uint8)
Y8 = np.zeros(70, np.int64)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            broken(X_train=X8[:9], y_train=Y8[:9]),
            ValueError,
            "batch_size is 16, but X_train has 9 im",
        ),
        (
            broken(X_train=X8[:0], y_train=Y8[:0]),
            ValueError,
            r"X_train is empty, .* \(0, 3, 8, 8\)",
        ),
        (broken(X_val=X8[:0], y_val=Y8[:0]), ValueError, "X_val is empty"),
        (broken(y_train=Y8[:69]), ValueError, r"y_train has the shape \(69,\), expected \(70,\)"),
        (broken(y_val=Y8), ValueError, r"y_val has the shape \(70,\), expected \(30,\)"),
        (broken(y_train=Y8[:, None]), ValueError, r"y_train has the shape \(70, 1\), expected"),
        (
            broken(y_train=Y8 + 4),
            ValueError,
            r"y_train\[0\] is 4, the model's 4 classes are 0 to 3",
        ),
        (
            broken(y_val=Y8[:30] - 1),
            ValueError,
            r"y_val\[0\] is -1, the model's 4 classes are 0 to",
        ),
        (broken(y_train=Y8 * 1.0), TypeError, "y_train is float64, expected integer labels"),
        (broken(y_train=list(Y8)), TypeError, "y_train must be an array, got list"),
        (
            broken(X_train=X8, y_train=np.zeros((70, 4), np.float16)),
            TypeError,
            r"y_train is float16, expected integer labels, or targets of float32 or float64: y_",
        ),
        (broken(X_train=X8.astype(int)), TypeError, "X_train is int64, expected uint8, float32 or"),
        (broken(X_train=X8[0, 0, 0]), ValueError, r"X_train has the shape \(8,\), expected"),
        (
            broken(X_train=X8[:, 0]),
            ValueError,
            r"X_train has the shape \(70, 8, 8\), expected \(N, C",
        ),
        (broken(X_val=X8[:30, :, :4]), ValueError, r"X_val holds uint8 \(3, 4, 8\), X_train uint8"),
        (broken(X_train=X8[:, :1], X_val=X8[:30, :1]), ValueError, "Conv2d: .*channel"),
        (without("y_val"), ValueError, "data has no 'y_val', only X_train, y_train, X_val"),
        (
            lambda: trainings.solver(data=[1]),
            TypeError,
            "data must be a mapping of arrays, got list",
        ),
        (
            lambda: trainings.solver(batch_size=0),
            ValueError,
            "batch_size is 0, expected an integer from 1 up",
        ),
        (
            lambda: trainings.solver(batch_size=1.5),
            TypeError,
            "batch_size is 1.5, expected an integer",
        ),
        (
            lambda: trainings.solver(num_epochs=0),
            ValueError,
            "num_epochs is 0, expected an integer",
        ),
        (
            lambda: trainings.solver(overfit=71),
            ValueError,
            "overfit is 71, but X_train has 70 images",
        ),
        (
            lambda: trainings.solver(num_train_samples=0),
            ValueError,
            "num_train_samples is 0, expected",
        ),
        (
            lambda: trainings.solver(model=Sequential(*list(trainings.model())[:1])),
            ValueError,
            r"the model gives \(1, 4, 8, 8\) for one image \(1, 3, 8, 8\), expected scores",
        ),
    ],
)
def test_refused_at_construction(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("y", "hint"),
    [
        (np.eye(3, dtype=bool)[np.arange(8) % 3], r"one-hot rows, y_train\.argmax\(axis=1\)"),
        (np.array(list("abcabcab")), r"np\.unique\(y_train, return_inverse=True\)\[1\]"),
    ],
)
def test_labels_of_another_form_say_how_to_number_them(y: np.ndarray, hint: str) -> None:
    X = np.zeros((8, 3, 8, 8), np.uint8)
    with pytest.raises(TypeError, match=f"expected integer labels.*{hint}"):
        checked_arrays(X, y, "X_train", "y_train")


def test_channels_last_are_named_where_the_network_cannot_take_them() -> None:
    X, y = np.zeros((8, 10, 10, 3), np.uint8), np.arange(8) % 2
    model = Sequential(Conv2d(3, 2, 3), Flatten(), Linear(128, 2))
    split = Split(X, y)
    with pytest.raises(ValueError, match=r"channels last: X\.transpose\(0, 3, 1, 2\)"):
        check_fit(model, split, split, None)

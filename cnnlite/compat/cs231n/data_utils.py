"""The course's data_utils.py: CIFAR-10 as arrays of float64, by our readers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from cnnlite.checks.numbers import flag, integer
from cnnlite.data import cifar10, find
from cnnlite.data.cifar10 import read_python_batch

__all__ = ["get_CIFAR10_data", "load_CIFAR10", "load_CIFAR_batch"]

DATASETS = Path("cs231n", "datasets")
"""Where the course's own script puts CIFAR-10, seen from the folder of the notebooks."""


def get_CIFAR10_data(
    num_training: int = 49000,
    num_validation: int = 1000,
    num_test: int = 1000,
    subtract_mean: bool = True,
) -> dict[str, np.ndarray]:
    """Load CIFAR-10 as the notebooks of assignment 2 want it.

    It is looked for in cs231n/datasets of the current folder, then where `cnnlite.data.cifar10`
    looks.

    Args:
        num_training, num_validation: how many of the 50,000 training images train, and how many of
            those behind them validate.
        num_test: how many test images are taken.
        subtract_mean: whether the mean of the images that train is taken off all.

    Returns:
        X_train, y_train, X_val, y_val, X_test, y_test: X float64 (N, 3, 32, 32), y int64 (N,).

    Raises:
        FileNotFoundError, DataError: as `cnnlite.data.cifar10`.
        TypeError, ValueError: a number is none, or more than there are images.
    """
    name = "get_CIFAR10_data"
    flag(name, "subtract_mean", subtract_mean)
    num_training = integer(name, "num_training", num_training, 1)
    num_validation = integer(name, "num_validation", num_validation, 0)
    num_test = integer(name, "num_test", num_test, 0)
    data = cifar10(_root(), num_validation=0, normalize=None)
    images, labels = data["X_train"], data["y_train"]
    for what, wanted, there in (
        ("num_training + num_validation", num_training + num_validation, len(images)),
        ("num_test", num_test, len(data["X_test"])),
    ):
        if wanted > there:
            raise ValueError(f"{name}: {what} is {wanted}, but there are {there} images")
    train, val = slice(num_training), slice(num_training, num_training + num_validation)
    test = slice(num_test)
    mean = images[train].mean(axis=0, dtype=np.float64) if subtract_mean else 0.0
    return {
        "X_train": images[train] - mean,
        "y_train": labels[train].copy(),
        "X_val": images[val] - mean,
        "y_val": labels[val].copy(),
        "X_test": data["X_test"][test] - mean,
        "y_test": data["y_test"][test].copy(),
    }


def load_CIFAR10(ROOT: str | os.PathLike[str]) -> tuple[np.ndarray, ...]:
    """Return all of CIFAR-10's images, float64 (N, 32, 32, 3), and labels, int64 (N,).

    Args:
        ROOT: its folder, as for `cnnlite.data.cifar10`.

    Returns:
        X_train, y_train, X_test, y_test.

    Raises:
        FileNotFoundError, DataError: as `cnnlite.data.cifar10`.
    """
    data = cifar10(ROOT, num_validation=0, normalize=None)
    X_train, X_test = (_channels_last(data[key]) for key in ("X_train", "X_test"))
    return X_train, data["y_train"], X_test, data["y_test"]


def load_CIFAR_batch(filename: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the images, float64 (N, 32, 32, 3), and labels, int64 (N,), of one pickled batch.

    Raises:
        DataError, OSError: the file is damaged or missing.
    """
    images, labels = read_python_batch(filename)
    return _channels_last(images), labels


def _channels_last(images: np.ndarray) -> np.ndarray:
    return images.transpose(0, 2, 3, 1).astype(np.float64, order="C")


def _root() -> Path | None:
    """The course's folder if CIFAR-10 is there, else None for our own place."""
    try:
        find(DATASETS)
    except FileNotFoundError:
        return None
    return DATASETS

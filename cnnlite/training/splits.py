"""The images and labels that Solver is given: what is wrong is found before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from cnnlite.data import Normalization, batches
from cnnlite.data.ahead import in_batches, read_ahead
from cnnlite.data.mapped import reading
from cnnlite.data.stored import stored, whole
from cnnlite.layers import Layer
from cnnlite.training.evaluation import model_dtype, not_finite

COLOURS = (1, 3, 4)  # channels of images, where they could be taken for a length
BLOCK = 2**20
"""Numbers that are looked at at once: a memory map may be larger than the memory."""


class Split(NamedTuple):
    """Images and labels that belong together."""

    X: np.ndarray  # uint8 (N, C, H, W), or floating point (N, ...)
    y: np.ndarray  # int64 (N,), or floating point (N, classes)


def sample(count: int | None, n: int, seed: int) -> np.ndarray | None:
    """Draw `count` of `n` indices, always the same ones; None if that is all of them."""
    if count is None or count >= n:
        return None
    return np.sort(batches.epoch_order(n, 0, seed)[:count])


def checked_splits(
    model: Layer, data: Mapping[str, Any], overfit: int | None, batch_size: int
) -> tuple[Split, Split, Normalization | None, int]:
    """Return training split, validation split, normalization and the number of classes.

    All are found to fit the model.

    Raises:
        ValueError, TypeError: see `checked_split` and `check_fit`; or there are too few images.
    """
    train, val = checked_split(data, "train"), checked_split(data, "val")
    normalization = find_normalization(data, train.X)
    classes = check_fit(model, train, val, normalization)
    name, wanted = ("overfit", overfit) if overfit else ("batch_size", batch_size)
    if wanted > len(train.X):
        there, flag = len(train.X), name.replace("_", "-")
        raise ValueError(
            f"Solver: {name} is {wanted}, but X_train has {there} images only: choose at most "
            f"{there} ({name}={there}, --{flag} {there})"
        )
    if overfit is not None:
        train = val = Split(train.X[:overfit], train.y[:overfit])
    dtype = model_dtype(model)
    check_finite("X_train", train.X, dtype)
    if val.X is not train.X:
        check_finite("X_val", val.X, dtype)
    return train, val, normalization, classes


def checked_split(data: Mapping[str, Any], name: str) -> Split:
    """Return the images and labels of a split.

    Raises:
        ValueError: arrays are missing, empty, or of different lengths.
        TypeError: `data` is no mapping of arrays, or an array has a dtype that cannot be used.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"Solver: data must be a mapping of arrays, got {type(data).__name__}")
    for key in (f"X_{name}", f"y_{name}"):
        if key not in data:
            raise ValueError(f"Solver: data has no {key!r}, only {', '.join(data) or 'nothing'}")
    return checked_arrays(data[f"X_{name}"], data[f"y_{name}"], f"X_{name}", f"y_{name}")


def checked_arrays(X: Any, y: Any, X_name: str = "X", y_name: str = "y") -> Split:
    """Return X and y, labels as int64; see `checked_split` for what is raised.

    Floats of two axes are targets of the scores' shape: probabilities, or numbers.
    """
    y, X = whole("Solver", y_name, y), checked_images(X_name, X)
    if y.dtype in (np.float32, np.float64) and y.ndim == 2 and len(y) == len(X):
        check_finite(y_name, y, y.dtype, "targets")
        return Split(X, y)
    if y.dtype.kind not in "iu":
        raise TypeError(
            f"Solver: {y_name} is {y.dtype}, expected integer labels{_as_labels(y_name, y)}"
        )
    if y.ndim != 1 or len(X) != len(y):
        rows = y.ndim == 2 and len(X) == len(y) and y.shape[1] > 1
        hint = f"; of one-hot rows, {y_name}.argmax(axis=1) are the labels" if rows else ""
        raise ValueError(
            f"Solver: {y_name} has the shape {y.shape}, expected {(len(X),)}, "
            f"one label for each of {X_name} {X.shape}{hint}"
        )
    return Split(X, y.astype(np.int64))


def _as_labels(name: str, y: np.ndarray) -> str:
    """Return how something else becomes labels, where that can be told."""
    if y.dtype.kind in "USO":
        return f"; np.unique({name}, return_inverse=True)[1] numbers names of classes"
    if y.dtype.kind == "b" and y.ndim == 2:
        return f"; of one-hot rows, {name}.argmax(axis=1) are the labels"
    if y.dtype.kind == "f" and y.ndim == 2:
        return f", or targets of float32 or float64: {name}.astype(np.float32)"
    if y.dtype.kind == "f" and y.ndim == 1:
        return f", or targets (N, scores): {name}[:, None] is one of each image"
    return ""


def checked_images(name: str, X: Any) -> Any:
    """Return images, an array or a `StoredArray`; raise unless there is one at least.

    Raises:
        TypeError, ValueError: X is something else.
    """
    X = stored("Solver", name, X)
    if X.dtype != np.uint8 and X.dtype not in (np.float32, np.float64):
        raise TypeError(f"Solver: {name} is {X.dtype}, expected uint8, float32 or float64")
    if X.ndim < 2 or (X.dtype == np.uint8 and X.ndim != 4):
        expected = "(N, C, H, W)" if X.dtype == np.uint8 else "(N, C, H, W) or (N, D)"
        raise ValueError(f"Solver: {name} has the shape {X.shape}, expected {expected}")
    if not len(X):
        raise ValueError(f"Solver: {name} is empty, its shape is {X.shape}")
    return X


def check_finite(name: str, X: np.ndarray, dtype: np.dtype, what: str = "images") -> None:
    """Raise ValueError, with the place, unless arrays are finite in the dtype that they will have.

    A few are looked at at a time.
    """
    if X.dtype.kind != "f":
        return
    size = max(1, BLOCK // max(1, X[0].size))
    for where in read_ahead(X, in_batches(np.arange(len(X)), size)):
        start = int(where[0])
        reading(X, len(where))
        with np.errstate(over="ignore"):
            good = np.isfinite(X[start : start + len(where)].astype(dtype, copy=False))
        if not good.all():
            image, *place = (int(i) for i in np.argwhere(~good)[0])
            value = X[(start + image, *place)]
            limit = f" in {dtype}, the model's dtype" if np.isfinite(value) else ""
            raise ValueError(
                f"Solver: {name}[{start + image}] holds {value} "
                f"at {tuple(place)}; {what} must be finite{limit}"
            )


def find_normalization(data: Any, X: np.ndarray) -> Normalization | None:
    """Return the data set's normalization; else one measured on pixels, and none for floats."""
    given = getattr(data, "normalization", None)
    if given is not None or X.dtype != np.uint8:
        return given
    return Normalization.from_images(X)


def check_fit(model: Layer, train: Split, val: Split, normalization: Normalization | None) -> int:
    """Run one image through the model, compare the labels with its number of classes, return it.

    Raises:
        TypeError: the model gives no array.
        ValueError: splits with different images, parameters or scores that are not finite, scores
            that are not (N, classes), or a label that is no class; or what the model says of an
            image it cannot take.
    """
    if val.X.shape[1:] != train.X.shape[1:] or val.X.dtype != train.X.dtype:
        raise ValueError(
            f"Solver: X_val holds {val.X.dtype} {val.X.shape[1:]}, "
            f"X_train {train.X.dtype} {train.X.shape[1:]}"
        )
    x = batches.gather(train.X, np.arange(1), normalization, model_dtype(model))
    try:
        scores = model(x)
    except ValueError as error:
        if x.ndim == 4 and x.shape[3] in COLOURS and x.shape[1] not in COLOURS:
            raise ValueError(
                f"{error} (X_train {train.X.shape} may have its channels last: "
                "X.transpose(0, 3, 1, 2) puts them second)"
            ) from error
        raise
    if not isinstance(scores, np.ndarray):
        raise TypeError(f"Solver: the model gives {type(scores).__name__}, expected an array")
    if scores.ndim != 2 or len(scores) != 1 or not scores.size:
        raise ValueError(
            f"Solver: the model gives {scores.shape} for one image {x.shape}, "
            "expected scores (1, classes)"
        )
    bad = not_finite({**model.params, **model.buffers})
    if bad is not None:
        raise ValueError(f"Solver: the model's {bad} is not finite before the first step")
    if not np.isfinite(scores).all() and np.isfinite(x).all():
        raise ValueError(
            "Solver: the model gives scores that are not finite before the first step, "
            f"for X_train[0]: {scores[0]}"
        )
    classes = int(scores.shape[1])
    for name, y in (("y_train", train.y), ("y_val", val.y)):
        if y.ndim == 2:
            if y.shape[1] != classes:
                raise ValueError(
                    f"Solver: {name} has the shape {y.shape}, but the model gives {classes} scores "
                    "for each image"
                )
            continue
        wrong = np.flatnonzero((y < 0) | (y >= classes))
        if len(wrong):
            hint = "; labels count from 0" if y.min() == 1 and y.max() == classes else ""
            raise ValueError(
                f"Solver: {name}[{wrong[0]}] is {y[wrong[0]]}, the model's {classes} classes are "
                f"0 to {classes - 1}{hint}"
            )
    return classes

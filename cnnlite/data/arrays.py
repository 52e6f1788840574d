"""Arrays in files of their own as a data set: mapped .npy files, or zarr; nothing is copied."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.data.cache import expanded
from cnnlite.data.dataset import Dataset, Normalization
from cnnlite.data.errors import DataError
from cnnlite.data.npz import CLASS_NAMES, NAMES, check_arrays, class_labels, split_keys
from cnnlite.data.places import PathLike
from cnnlite.data.splits import check_division, validates, warn_of_unvalidated
from cnnlite.data.stored import Part, stored, whole
from cnnlite.terminal import printable

__all__ = ["arrays", "holds_arrays"]

ZARR = ("zarr.json", ".zgroup")
"""The file that tells a folder to be a group of zarr, format 3 or 2."""


def holds_arrays(folder: Path) -> bool:
    """Return whether a folder is one that `arrays` loads: images as .npy lie in it, or zarr's."""
    known = (f"{name}.npy" for name in chain(*NAMES.values()))
    return any((folder / name).is_file() for name in (*ZARR, *known))


def arrays(path: PathLike, val: float = 0.1, seed: int = 0) -> Dataset:
    """Load images and labels that are larger than the memory: nothing but the labels is read.

    The folder has .npy files, which are mapped, or is a zarr group. Names are those that `npz`
    takes: X_train, y_train and, where there are such, X_val, y_val, X_test, y_test; X and y alone
    train. Names of the classes may be given as class_names, an array of strings, or as that
    attribute of the group. Images are uint8 (N, C, H, W), or float32 or float64 (N, C, H, W),
    which are taken as they are.

    Args:
        path: the folder.
        val: the share of each class's training images that validates, where there is no X_val.
        seed: which of them do.

    Returns:
        A mapping with X_train, y_train, X_val, y_val, and X_test, y_test where there are such: X
        memory maps, or what reads from zarr, y int64 (N,); pixels are normalised by channel.

    Raises:
        DataError: it is no such folder, or holds something else; the message says what.
        ImportError: zarr is not installed, and needed.
        OSError: a file cannot be read.
        ValueError, TypeError: val is not between 0 and 1, or seed no integer.
    """
    val, seed = check_division("arrays", val, seed)
    path = expanded(path).resolve()
    if not path.is_dir() or not holds_arrays(path):
        what = "has no X_train.npy, and is no zarr group" if path.is_dir() else "is no folder"
        raise DataError(f"{path} {what}: expected X_train and y_train in it, or X and y")
    zarr = any((path / name).is_file() for name in ZARR)
    there, named = _zarr(path) if zarr else _npy(path)
    keys = split_keys(path, sorted(there))
    found: dict[str, Any] = {}
    for split, (images, labels) in keys.items():
        X = _images(f"{path}: {images}", there[images])
        y = whole("arrays", labels, there[labels])
        found[f"X_{split}"], found[f"y_{split}"] = X, class_labels(f"{path}: {labels}", y, len(X))
    names = named if named is None else np.array(named, str)
    check_arrays(path, keys, found, names)
    if names is None:
        names = np.arange(int(found["y_train"].max()) + 1).astype(str)
    class_names = [printable(str(name)) for name in names]
    if "val" not in keys:
        found |= _divided(path, found["X_train"], found["y_train"], val, seed)
        warn_of_unvalidated(printable(str(path)), class_names, found["y_val"])
    pixels = found["X_train"].dtype == np.uint8
    normalization = Normalization.from_images(found["X_train"]) if pixels else None
    kind = "zarr" if zarr else "npy"
    settings = {"kind": kind, "path": str(path), "val": val, "seed": seed}
    return Dataset(found, class_names, normalization, printable(path.stem), settings)


def _npy(path: Path) -> tuple[Mapping[str, np.ndarray], Any]:
    found = {}
    for file in sorted(path.glob("*.npy")):
        try:
            found[file.stem] = np.load(file, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            what = "it holds Python objects, or is damaged" if "pickle" in str(error) else error
            raise DataError(f"{printable(str(file))} cannot be mapped: {what}") from None
    return found, next((found.pop(name) for name in CLASS_NAMES if name in found), None)


def _zarr(path: Path) -> tuple[Mapping[str, Any], Any]:
    try:
        import zarr
    except ImportError:
        raise ImportError(
            f'{path} is a zarr group, and reading it needs zarr: pip install "cnnlite[zarr]"'
        ) from None
    try:
        group = zarr.open_group(path, mode="r")
        found = dict(group.arrays())
    except Exception as error:  # whatever zarr stumbles over is a fault of the files
        raise DataError(f"{path} is no zarr group, or damaged: {error}") from error
    return found, next((group.attrs[name] for name in CLASS_NAMES if name in group.attrs), None)


def _images(name: str, images: Any) -> Any:
    X = stored("arrays", name, images)
    kinds = (np.uint8, np.float32, np.float64)
    if X.dtype not in kinds or X.ndim != 4 or not X.shape[0]:
        raise DataError(
            f"{name} is {X.dtype} {X.shape}, expected images (N, C, H, W): uint8, or float32 or "
            "float64 that are taken as they are"
        )
    return X


def _divided(path: Path, X: Any, y: np.ndarray, val: float, seed: int) -> dict[str, Any]:
    """Divide the training images without copying one."""
    chosen = validates(y, val, seed)
    if not chosen.any():
        raise DataError(f"{path} has one image of each class: none is left to validate with")
    found: dict[str, Any] = {}
    for split, part in (("train", ~chosen), ("val", chosen)):
        found[f"X_{split}"] = stored("arrays", f"X_{split}", Part(X, np.flatnonzero(part)))
        found[f"y_{split}"] = y[part]
    return found

"""Arrays in an .npz file as a data set; everything in it is checked, and nothing is guessed."""

import contextlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from cnnlite.data.cache import cached_arrays, expanded
from cnnlite.data.dataset import SPLITS, Dataset, Normalization
from cnnlite.data.errors import DataError
from cnnlite.data.listing import MAX_CLASSES
from cnnlite.data.places import PathLike
from cnnlite.data.splits import check_division, validates, warn_of_unvalidated
from cnnlite.terminal import printable

__all__ = ["CLASS_NAMES", "check_arrays", "class_labels", "npz", "split_keys"]

# Names of the images and of the labels, as cnnlite, Keras, MedMNIST and others have them.
NAMES = {
    "train": ("X_train", "x_train", "train_images", "train_x", "X", "x", "images"),
    "val": ("X_val", "x_val", "val_images", "val_x", "X_valid", "x_valid"),
    "test": ("X_test", "x_test", "test_images", "test_x"),
}
LABELS = {
    "train": ("y_train", "Y_train", "train_labels", "train_y", "y", "Y", "labels"),
    "val": ("y_val", "Y_val", "val_labels", "val_y", "y_valid", "Y_valid"),
    "test": ("y_test", "Y_test", "test_labels", "test_y"),
}
CLASS_NAMES = ("class_names", "classes", "label_names")
MOST_NAMES = 20  # of arrays in a message
COLOURS = (1, 3, 4)  # channels of images, where they could be taken for a length


def npz(path: PathLike, val: float = 0.1, seed: int = 0, cache: bool = True) -> Dataset:
    """Load images and labels from a NumPy file with several arrays.

    The arrays are X_train, y_train and, where there are such, X_val, y_val, X_test, y_test; X and
    y alone train. The names of Keras (x_train) and MedMNIST (train_images, train_labels) are known
    too. Images are (N, C, H, W), or (N, H, W) of one channel: integers from 0 to 255, or floats
    from 0 to 1, which are scaled by 255 and rounded. Labels are integers from 0, (N,) or (N, 1).
    Names of the classes may be given as an array of strings, class_names.

    Args:
        path: the file. Nothing in it is unpickled.
        val: the share of each class's training images that validates, where there is no X_val.
        seed: which of them do.
        cache: keep the images as mapped files in the cache folder; False holds them in memory.

    Returns:
        A mapping with X_train, y_train, X_val, y_val, and X_test, y_test where there are such: X
        uint8 (N, C, H, W), y int64 (N,), normalised by channel.

    Raises:
        DataError: the file is damaged, or holds something else; the message says what and what to
            do.
        OSError: it cannot be read, or the disk is too full for the cache.
        ValueError, TypeError: val is not between 0 and 1, or seed no integer.
    """
    val, seed = check_division("npz", val, seed)
    path = expanded(path).resolve()
    with _opened(path) as file:
        keys = split_keys(path, file.files)
        splits = ["train", "val", *(["test"] if "test" in keys else [])]
        names = [f"{kind}_{split}" for split in splits for kind in "Xy"]
    names.append("class_names")

    def make() -> Mapping[str, np.ndarray]:
        with _opened(path) as file:
            return _read(path, file, keys, val, seed)

    made = cached_arrays(f"npz-{val:g}-{seed}", [path], names, make) if cache else make()
    arrays = {key: np.array(made[key]) if key[0] == "y" else made[key] for key in names[:-1]}
    class_names = [printable(str(name)) for name in made["class_names"]]
    if "val" not in keys:
        warn_of_unvalidated(printable(str(path)), class_names, arrays["y_val"])
    normalization = Normalization.from_images(arrays["X_train"])
    settings = {"kind": "npz", "path": str(path), "val": val, "seed": seed}
    return Dataset(arrays, class_names, normalization, printable(path.stem), settings)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator["np.lib.npyio.NpzFile"]:
    if not path.exists():
        raise DataError(f"{path}: there is no such file")
    if path.is_dir():
        raise DataError(f"{path} is a folder, expected an .npz file")
    with open(path, "rb") as raw:  # NumPy would leave a damaged one open
        try:
            file = np.load(raw, allow_pickle=False)
        except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
            # NumPy takes whatever it does not know for a pickle, and advises to trust it.
            what = "it is something else, or damaged" if "pickle" in str(error) else error
            raise DataError(f"{path} is no .npz file: {what}") from None
        if not isinstance(file, np.lib.npyio.NpzFile):
            hint = "np.savez(path, X=X, y=y) writes one"
            raise DataError(f"{path} is one array, expected an .npz file: {hint}")
        with file:
            yield file


def split_keys(path: Path, there: list[str]) -> dict[str, tuple[str, str]]:
    """Return the names of the images and of the labels of each split."""
    found: dict[str, tuple[str, str]] = {}
    for split in SPLITS:
        pair = [next((n for n in known[split] if n in there), None) for known in (NAMES, LABELS)]
        if pair[0] and pair[1]:
            found[split] = (pair[0], pair[1])
        elif pair[0] or pair[1]:
            missing = f"labels, {LABELS[split][0]}" if pair[0] else f"images, {NAMES[split][0]}"
            what = f"{pair[0] or pair[1]}, but no {missing}"
            raise DataError(f"{path} has {what}; its arrays are {_listed(there)}")
    if "train" not in found:
        raise DataError(f"{path} has {_listed(there)}, expected X_train and y_train, or X and y")
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(map(printable, names[:MOST_NAMES])) or "no arrays"


def _read(
    path: Path,
    file: "np.lib.npyio.NpzFile",
    keys: dict[str, tuple[str, str]],
    val: float,
    seed: int,
) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for split, (images, labels) in keys.items():
        X = _images(f"{path}: {images}", _array(path, file, images))
        y = class_labels(f"{path}: {labels}", _array(path, file, labels), len(X))
        arrays[f"X_{split}"], arrays[f"y_{split}"] = X, y
    names = next((_array(path, file, name) for name in CLASS_NAMES if name in file.files), None)
    check_arrays(path, keys, arrays, names)
    if names is None:
        names = np.array([str(label) for label in range(int(arrays["y_train"].max()) + 1)])
    if "val" not in keys:
        X, y = arrays["X_train"], arrays["y_train"]
        chosen = validates(y, val, seed)
        if not chosen.any():
            raise DataError(f"{path} has one image of each class: none is left to validate with")
        arrays |= {"X_train": X[~chosen], "y_train": y[~chosen]}
        arrays |= {"X_val": X[chosen], "y_val": y[chosen]}
    return {**arrays, "class_names": names}


def _array(path: Path, file: "np.lib.npyio.NpzFile", name: str) -> np.ndarray:
    try:
        return file[name]
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, OSError) as error:
        objects = "pickle" in str(error)
        hint = "holds Python objects, which are not read: save it with another dtype than object"
        raise DataError(f"{path}: {name} cannot be read: {hint if objects else error}") from None
    except MemoryError:
        raise DataError(f"{path}: {name} is larger than the memory") from None


def _images(name: str, images: np.ndarray) -> np.ndarray:
    """Return images as uint8 (N, C, H, W)."""
    if images.dtype.kind not in "uifb":
        raise DataError(
            f"{name} is {images.dtype}, expected numbers: integers from 0 to 255, or floats from 0 "
            "to 1"
        )
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4:
        raise DataError(
            f"{name} has the shape {images.shape}, expected (N, C, H, W): reshape the images"
        )
    if images.shape[3] in COLOURS and images.shape[1] not in COLOURS:
        raise DataError(
            f"{name} has the shape {images.shape}, channels last, expected (N, C, H, W): "
            "X.transpose(0, 3, 1, 2) puts them there"
        )
    if not images.size:
        raise DataError(f"{name} has the shape {images.shape}: there are no images")
    low, high = images.min(), images.max()
    if images.dtype.kind == "f":
        if not (np.isfinite(low) and np.isfinite(high)):
            what = "NaN" if np.isnan(low) else "infinity"
            raise DataError(f"{name} has {what} in it, expected floats from 0 to 1")
        if low < 0:
            raise DataError(
                f"{name} has floats from {low:g} to {high:g}, expected 0 to 1: "
                "(X - X.min()) / (X.max() - X.min()) makes them so"
            )
        if high > 1:
            raise DataError(
                f"{name} has floats from {low:g} to {high:g}, expected 0 to 1: divide them by "
                "their largest value, or save integers from 0 to 255 (uint8)"
            )
        return np.rint(images * images.dtype.type(255)).astype(np.uint8)
    if images.dtype.kind == "b":
        return images.astype(np.uint8) * np.uint8(255)
    if low < 0 or high > 255:
        shift = " - X.min()" if low < 0 else ""
        raise DataError(
            f"{name} has integers from {low} to {high}, expected 0 to 255: save them as floats "
            f"from 0 to 1, X = X.astype(float){shift}; X /= X.max()"
        )
    return np.ascontiguousarray(images, np.uint8)


def class_labels(name: str, labels: np.ndarray, number: int) -> np.ndarray:
    """Return labels as int64 (N,)."""
    if labels.dtype.kind in "US":
        raise DataError(
            f"{name} has names of classes, expected integers from 0: "
            "class_names, y = np.unique(y, return_inverse=True), and save both"
        )
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2:
        one_hot = labels.dtype.kind in "uifb" and bool(
            (((labels == 0) | (labels == 1)).all(axis=1) & (labels.sum(axis=1) == 1)).all()
        )
        what = "are one-hot: y.argmax(axis=1) makes them integers" if one_hot else "are no integers"
        raise DataError(f"{name} has the shape {labels.shape}, expected (N,); they {what}")
    if labels.dtype.kind not in "ui":
        whole = labels.dtype.kind == "b" or (
            labels.dtype.kind == "f" and bool((labels == np.rint(labels)).all())
        )
        hint = "y.astype(int) makes them so" if whole else "a class for each image, counted from 0"
        raise DataError(f"{name} is {labels.dtype}, expected integers: {hint}")
    if labels.shape != (number,):
        raise DataError(f"{name} has the shape {labels.shape}, expected {(number,)}, one an image")
    if labels.min() < 0:
        raise DataError(
            f"{name} has labels from {labels.min()} to {labels.max()}, expected 0 on: "
            "np.unique(y, return_inverse=True)[1] numbers them through"
        )
    if labels.max() >= MAX_CLASSES:
        raise DataError(
            f"{name} has labels up to {labels.max()}, expected fewer than {MAX_CLASSES:,} classes: "
            "class_names, y = np.unique(y, return_inverse=True) numbers them through"
        )
    return labels.astype(np.int64)


def check_arrays(
    path: Path,
    keys: dict[str, tuple[str, str]],
    arrays: dict[str, np.ndarray],
    names: np.ndarray | None,
) -> None:
    """Raise DataError unless the splits, the labels and the names belong together."""
    X, y = arrays["X_train"], arrays["y_train"]
    counts = np.bincount(y)
    label = f"{path}: {keys['train'][1]}"
    if counts[0] == 0 and counts[1:].all():
        raise DataError(f"{label} has labels from 1 to {y.max()}, expected 0 on: y - 1 makes it so")
    if not counts.all():
        empty = int(np.argmin(counts > 0))
        raise DataError(
            f"{label} has labels up to {y.max()}, but none is {empty}: np.unique(y, "
            "return_inverse=True)[1] numbers them through"
        )
    if len(counts) == 1:
        raise DataError(f"{label} has one class: there must be two to tell apart")
    for split, (images, labels) in keys.items():
        if arrays[f"X_{split}"].shape[1:] != X.shape[1:]:
            raise DataError(
                f"{path}: {images} has images {arrays[f'X_{split}'].shape[1:]}, "
                f"{keys['train'][0]} {X.shape[1:]}"
            )
        most = int(arrays[f"y_{split}"].max())
        if most >= len(counts):
            raise DataError(
                f"{path}: {labels} has the label {most}, {keys['train'][1]} has 0 to {y.max()}"
            )
    if names is None:
        return
    if names.dtype.kind != "U" or names.shape != counts.shape:
        raise DataError(
            f"{path}: the names of the classes are {names.dtype} {names.shape}, expected "
            f"{len(counts)} strings, one for each label from 0 to {y.max()}"
        )
    several = next((name for name in names if (names == name).sum() > 1), None)
    if several is not None:
        raise DataError(f"{path}: two classes are called {printable(str(several))}")

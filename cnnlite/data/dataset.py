"""A data set: the arrays of its splits, and how pixels become what a network sees."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import DTypeLike

from cnnlite.checks.arrays import check_array, float_dtype
from cnnlite.checks.numbers import choice, integer
from cnnlite.data.ahead import in_batches, read_ahead
from cnnlite.data.mapped import reading
from cnnlite.data.notebook import dataset_html
from cnnlite.data.stored import stored, whole

__all__ = ["Dataset", "Normalization", "SPLITS", "pixel_sums"]

SPLITS = ("train", "val", "test")
SHOWN = 100  # names of classes
_BLOCK = 256  # images whose sums are taken at once: 255^2 * 256 fits in 32 bits
_BLOCK_PIXELS = 2**20  # of so many pixels at most, which take 4 MB


@dataclass(frozen=True, eq=False)
class Normalization:
    """Turns pixels into numbers of mean 0 and deviation 1: `pixel * scale + shift`.

    Args:
        scale: float32, (C, 1, 1) or (C, H, W).
        shift: float32, of the same shape.

    Raises:
        ValueError, TypeError: other shapes or dtypes.
    """

    scale: np.ndarray
    shift: np.ndarray

    def __post_init__(self) -> None:
        check_array("Normalization", "scale", self.scale)
        check_array("Normalization", "shift", self.shift)
        if self.scale.dtype != np.float32 or self.shift.dtype != np.float32:
            raise TypeError(
                f"Normalization: scale is {self.scale.dtype} and shift {self.shift.dtype}, "
                "expected float32"
            )
        if self.scale.ndim != 3 or self.scale.shape != self.shift.shape:
            raise ValueError(
                f"Normalization: scale {self.scale.shape} and shift {self.shift.shape} "
                "must have one shape, (C, 1, 1) or (C, H, W)"
            )

    @classmethod
    def from_images(cls, images: np.ndarray, kind: str = "channel") -> "Normalization":
        """Measure the images of a training split.

        The sums are exact integers, so the result is the same to the bit on every machine.

        Args:
            images: uint8 (N, C, H, W).
            kind: "channel" takes the mean and the standard deviation of each channel; "image"
                subtracts the mean image and divides by each channel's deviation from it.

        Returns:
            The normalization; a channel that never varies is only shifted.

        Raises:
            ValueError, TypeError: no images, images that are not uint8 (N, C, H, W), another kind.
        """
        return cls.from_sums(pixel_sums(images), len(images), kind)

    @classmethod
    def from_sums(cls, sums: np.ndarray, count: int, kind: str = "channel") -> "Normalization":
        """The same from the `pixel_sums` of `count` images."""
        choice("Normalization", "kind", kind, ("channel", "image"))
        count = integer("Normalization", "count", count, 0)
        if not count:
            raise ValueError("Normalization: there are no images to measure")
        _, channels, height, width = sums.shape
        pixels = count * height * width
        scale = np.empty((channels, 1, 1))
        shift = np.empty((channels, 1, 1) if kind == "channel" else (channels, height, width))
        for c in range(channels):
            total, squares = (int(s.sum()) for s in sums[:, c])
            if kind == "channel":
                mean = np.float64(total / pixels)
                variance = (squares * pixels - total * total) / pixels**2
            else:
                mean = sums[0, c].astype(np.float64) / count
                of_means = sum(int(s) * int(s) for s in sums[0, c].flat)
                variance = (squares * count - of_means) / (count * pixels)
            scale[c] = 1 / (math.sqrt(variance) or 1.0)
            shift[c] = -mean * scale[c]
        shape = shift.shape
        return cls(np.broadcast_to(scale, shape).astype(np.float32), shift.astype(np.float32))

    def apply(
        self, images: np.ndarray, dtype: DTypeLike = np.float32, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the images normalised.

        Args:
            images: (N, C, H, W) in pixel units, usually uint8.
            dtype: float32 or float64.
            out: an array of that shape and dtype to write to, instead of a new one.

        Returns:
            (N, C, H, W) of `dtype`.

        Raises:
            ValueError: the images have other channels or another size than the normalization.
        """
        self.check(images)
        dtype = float_dtype("Normalization", dtype)
        out = np.empty(images.shape, dtype) if out is None else out
        np.multiply(images, self.scale.astype(dtype), out=out, casting="unsafe", dtype=dtype)
        out += self.shift
        return out

    def check(self, images: np.ndarray) -> None:
        """Raise ValueError if the images (N, C, H, W) have other channels or another size."""
        check_array("Normalization", "images", images)
        shape = self.scale.shape
        fits = images.ndim == 4 and all(
            length in (1, size) for length, size in zip(shape, images.shape[1:], strict=True)
        )
        if not fits:
            raise ValueError(f"Normalization: images {images.shape} do not fit its shape {shape}")


def pixel_sums(images: np.ndarray) -> np.ndarray:
    """Sum each pixel, and its square, over all images.

    Args:
        images: uint8 (N, C, H, W).

    Returns:
        uint64 (2, C, H, W): the sums, and the sums of the squares.

    Raises:
        TypeError, ValueError: images of another dtype or number of axes.
    """
    images = stored("pixel_sums", "images", images)
    if images.dtype != np.uint8:
        raise TypeError(f"pixel_sums: images are {images.dtype}, expected uint8")
    if images.ndim != 4:
        raise ValueError(f"pixel_sums: images have the shape {images.shape}, expected (N, C, H, W)")
    sums = np.zeros((2, *images.shape[1:]), dtype=np.uint64)
    step = max(1, min(_BLOCK, _BLOCK_PIXELS // max(1, sums[0].size)))
    for where in read_ahead(images, in_batches(np.arange(len(images)), step)):
        reading(images, len(where))
        block = images[where[0] : where[-1] + 1].astype(np.uint32)
        sums[0] += block.sum(axis=0, dtype=np.uint32)
        block *= block
        sums[1] += block.sum(axis=0, dtype=np.uint32)
    return sums


def _array(name: str, value: Any) -> np.ndarray:
    """Return a list as an array; of what is like one, images where they are, labels in memory."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        found: np.ndarray = (stored if name[0] == "X" else whole)("Dataset", name, value)
        return found
    if not isinstance(value, list | tuple):
        kind = type(value).__name__
        raise TypeError(f"Dataset: {name} is a {kind}, expected an array or a list")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:  # NumPy's words for images of different shapes
        raise ValueError(f"Dataset: {name} is a list that makes no array: {error}") from None
    if array.dtype.kind not in "iufb":
        raise TypeError(f"Dataset: {name} is a list of {array.dtype}, expected numbers")
    return array if array.size or name[0] == "X" else array.astype(np.int64)


class Dataset(Mapping[str, np.ndarray]):
    """The arrays `X_train, y_train, X_val, y_val, X_test, y_test`, as Solver takes them.

    Args:
        arrays: them; X (N, C, H, W), y integers (N,) or probabilities, floats (N, classes); or
            lists of images and of labels; or what has shape, dtype and [index], which is read when
            its images are needed. Splits may be missing; X and y go together.
        class_names: the name of each label.
        normalization: how pixels become what a network sees; None where X is ready as it is.
        name: what messages and run records call the data set.
        settings: how its images were prepared, as `cnnlite.data.prepare` takes it: "kind", "path",
            "size" [height, width], "grey" and "fit". What is left out follows from X_train.
        files: for each split, the file of each image, below settings["path"]; None where images
            have no files of their own.

    Raises:
        ValueError: lengths that differ, a label without a name, or images of different shapes.
        TypeError: something else than arrays and lists of numbers.
    """

    def __init__(
        self,
        arrays: Mapping[str, npt.ArrayLike],
        class_names: Sequence[str],
        normalization: Normalization | None = None,
        name: str = "unnamed",
        settings: Mapping[str, Any] | None = None,
        files: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        known = {f"{kind}_{split}" for split in SPLITS for kind in "Xy"}
        if not known.issuperset(arrays):
            raise ValueError(f"Dataset: unknown arrays {sorted(set(arrays) - known)}")
        self._arrays = {key: _array(key, value) for key, value in arrays.items()}
        self.class_names = tuple(class_names)
        self.normalization = normalization
        self.name = name
        self.files = files
        for split in SPLITS:
            X, y = self._arrays.get(f"X_{split}"), self._arrays.get(f"y_{split}")
            if (X is None) != (y is None):
                raise ValueError(f"Dataset: X_{split} and y_{split} must come together")
            if X is not None and y is not None:
                self._check(split, X, y)
        self._settings = dict(settings or {})

    @property
    def classes(self) -> list[str]:
        """The names of the classes, as a list."""
        return list(self.class_names)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of one image, (C, H, W)."""
        return tuple(self["X_train"].shape[1:])

    @property
    def mean(self) -> tuple[float, ...] | None:
        """The mean of each channel of the training images, 0 to 255; None without normalization."""
        if self.normalization is None:
            return None
        shift = self.normalization.shift.astype(np.float64)
        return tuple((-shift / self.normalization.scale).mean(axis=(1, 2)).tolist())

    @property
    def std(self) -> tuple[float, ...] | None:
        """The standard deviation of each channel of the training images, as `mean`."""
        if self.normalization is None:
            return None
        return tuple((1 / self.normalization.scale[:, 0, 0].astype(np.float64)).tolist())

    @property
    def settings(self) -> dict[str, Any]:
        """How another picture becomes an image like these, for `cnnlite.data.prepare`.

        Every value can be written as JSON: "kind" (what was loaded), "path" (from where, or None),
        "size" [height, width], "grey" and "fit".
        """
        images = self._arrays.get("X_train")
        found: dict[str, Any] = {"kind": "arrays", "path": None}
        if images is not None and len(images.shape) == 4:
            channels, *size = (int(length) for length in images.shape[1:])
            found |= {"size": size, "grey": channels == 1, "fit": "crop"}
        return found | self._settings

    def _check(self, split: str, X: np.ndarray, y: np.ndarray) -> None:
        count, classes = len(X), len(self.class_names)
        if y.dtype.kind == "f" and y.shape == (count, classes):
            return
        if y.ndim != 1 or y.dtype.kind not in "iu" or len(y) != count:
            raise ValueError(
                f"Dataset: y_{split} is {y.dtype} {y.shape}, expected one integer for each of "
                f"the {count} images of X_{split}, or floats ({count}, {classes})"
            )
        if len(y) and not 0 <= int(y.min()) <= int(y.max()) < len(self.class_names):
            raise ValueError(
                f"Dataset: y_{split} has labels from {y.min()} to {y.max()}, "
                f"expected 0 to {len(self.class_names) - 1}"
            )

    def __getitem__(self, key: str) -> np.ndarray:
        return self._arrays[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def _repr_html_(self) -> str:
        """Return a sheet of training images with the names of their classes, for a notebook."""
        return dataset_html(self.name, self, self.class_names, SPLITS)

    def __repr__(self) -> str:
        sizes = [
            f"  {split:5s} {len(self[f'y_{split}']):6d} images"
            f" {'x'.join(map(str, self[f'X_{split}'].shape[1:]))} {self[f'X_{split}'].dtype}"
            for split in SPLITS
            if f"y_{split}" in self
        ]
        head = f"Dataset {self.name}: {len(self.class_names)} classes"
        names = [*self.class_names[:SHOWN]]
        if len(self.class_names) > SHOWN:
            names.append(f"and {len(self.class_names) - SHOWN:,} more")
        return "\n".join([f"{head} ({', '.join(names)})", *sizes])

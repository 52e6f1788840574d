"""From a data set to the batches that a network sees."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import check_allocation, float_dtype
from cnnlite.checks.labels import check_indices
from cnnlite.checks.numbers import integer, shown
from cnnlite.data.augment import Augment, Offsets, RandomCropFlip, check_batch
from cnnlite.data.compose import mixes, steps_of
from cnnlite.data.dataset import Normalization
from cnnlite.data.mapped import reading
from cnnlite.data.mixing import Mixing
from cnnlite.data.resize import shape_after
from cnnlite.data.stored import stored
from cnnlite.random import Rng

__all__ = ["augmented", "changed", "epoch_order", "gather", "needed", "targets"]


def epoch_order(n: int, epoch: int, seed: int) -> np.ndarray:
    """Shuffle the indices of `n` images for one epoch.

    Returns:
        int64 (n,), a permutation that depends on n, epoch and seed, on nothing else.
    """
    name = "epoch_order"
    n, epoch = integer(name, "n", n, 0), integer(name, "epoch", epoch)
    check_allocation(name, "the order", (n,), np.dtype(np.int64), "n")
    generator = Rng(integer(name, "seed", seed), epoch, "data.epoch_order").generator()
    return generator.permutation(n).astype(np.int64, copy=False)


def gather(
    X: np.ndarray,
    index: np.ndarray,
    normalization: Normalization | None,
    dtype: DTypeLike = np.float32,
    augment: Augment | None = None,
    epoch: int = 0,
    seed: int = 0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Make one batch: pick images, augment them, normalise them.

    Pixels with RandomCropFlip, or with no augmentation, are read once and written once, by one
    compiled kernel, after a copy where they do not lie in C order in memory; everything else goes
    step by step and gives the same numbers.

    Args:
        X: the images of a split, (M, ...): uint8 (M, C, H, W), or floats; an array, or what has
            shape, dtype and [index] (see `stored.StoredArray`).
        index: integers (N,), positions in X.
        normalization: what is applied to the picked and augmented images; None leaves them as they
            are (pixels are then numbers from 0 to 255).
        dtype: float32 or float64.
        augment: a pure function of the images, their indices, the epoch and the seed; one that
            mixes images, or a `Compose`; or None.
        epoch: the number of the epoch.
        seed: the run's seed.
        out: a C-contiguous array of the batch's shape and dtype to write to, instead of a new one.

    Returns:
        (N, ...) of `dtype`: `out` if it was given.

    Raises:
        ValueError: an index is out of range, or `out` or the augmented images have another shape.
        TypeError: the indices are not integers, dtype or `out` is not float32 or float64, or
            the augmented images are of another kind.
    """
    dtype = float_dtype("gather", dtype)
    epoch, seed = integer("gather", "epoch", epoch), integer("gather", "seed", seed)
    for argument, value, need in (
        ("normalization", normalization, "apply"),
        ("augment", augment, "__call__"),
        ("out", out, "shape"),
    ):
        if value is not None and not hasattr(value, need):
            raise TypeError(f"gather: {argument} is {shown(value)}, which has no {need}")
    X = stored("gather", "X", X)
    if not X.shape:
        raise ValueError("gather: X has the shape (), expected (M, ...)")
    index = check_indices("gather", "index", index, len(X))
    shape = shape_after(steps_of(augment), (len(index), *X.shape[1:]), epoch)
    if out is None:
        out = empty(shape, dtype)
    elif out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous:
        raise ValueError(
            f"gather: out is {out.dtype} {out.shape}, expected C-contiguous {dtype} {shape}"
        )
    reading(X, len(index), scattered=True)
    plain = augment is None or type(augment) is RandomCropFlip
    if plain and X.dtype == np.uint8 and X.ndim == 4:
        where = index
        if not isinstance(X, np.ndarray) or not X.flags.c_contiguous:
            X, where = np.ascontiguousarray(X[index]), np.arange(len(index))
        _gather_pixels(X, where, index, normalization, augment, epoch, seed, out)
        return out
    images = changed(X, index, augment, epoch, seed)
    if normalization is None:
        out[...] = images
    else:
        normalization.apply(images, dtype, out)
    return out


def changed(
    X: np.ndarray, index: np.ndarray, augment: Augment | None, epoch: int, seed: int
) -> np.ndarray:
    """Return images of a split, augmented, in their own dtype; arguments as in `gather`.

    Raises:
        ValueError, TypeError: what the augmentation gives is no such array.
    """
    return _images(steps_of(augment), X, index, epoch, seed)


def targets(
    y: np.ndarray,
    index: np.ndarray,
    augment: Augment | None,
    epoch: int,
    seed: int,
    classes: int,
    size: Sequence[int],
) -> np.ndarray:
    """Return what a batch's scores should be, which an augmentation may change.

    Args:
        y: the targets of a split: integers (M,), or floats (M, classes).
        index: integers (N,), positions in y.
        augment, epoch, seed: as in `gather`.
        classes: how many there are.
        size: the images' height and width.

    Returns:
        y[index]; or, where the augmentation mixes images, probabilities (N, classes): float32, or
        of y's dtype.

    Raises:
        ValueError, TypeError: an index or a label is out of range, or they are no integers.
    """
    index = check_indices("targets", "index", index, len(y))
    if not mixes(augment):
        found: np.ndarray = y[index]
        return found
    if y.ndim == 1:
        check_indices("targets", "y", y, classes)
    return _targets(steps_of(augment), y, index, epoch, seed, classes, size)


def augmented(
    augment: Augment, images: np.ndarray, index: np.ndarray, epoch: int, seed: int
) -> np.ndarray:
    """Return what `augment`, a single one, makes of images (N, ...).

    Raises:
        ValueError, TypeError: it gives no array, one of another shape, or pixels (uint8) as
            something else, which would have to be guessed: 0 to 1, or 0 to 255?
    """
    found = augment(images, index, epoch, seed)
    if not isinstance(found, np.ndarray):
        kind = type(found).__name__
        raise TypeError(f"gather: augment returned {kind}, expected an array {images.shape}")
    shape = shape_after([(augment, 0)], images.shape, epoch)
    if found.shape != shape:
        raise ValueError(f"gather: augment returned {found.shape}, expected {shape}")
    pixels = images.dtype == np.uint8
    if (pixels and found.dtype != np.uint8) or (not pixels and found.dtype.kind != "f"):
        raise TypeError(f"gather: augment returned {found.dtype}, expected {images.dtype}")
    return found


def _images(
    steps: Sequence[tuple[Augment, int]], X: np.ndarray, index: np.ndarray, epoch: int, seed: int
) -> np.ndarray:
    """Return the images after these steps; partners go through those before the mixing too."""
    if not steps:
        return X[index]
    *before, (step, more) = steps
    images = _images(before, X, index, epoch, seed)
    if not isinstance(step, Mixing):
        return augmented(step, images, index, epoch, seed + more)
    check_batch(type(step).__name__, images)
    partners = step.partners(index, epoch, seed + more, len(X))
    others = _images(before, X, partners, epoch, seed)
    return step.mix(images, others, index, epoch, seed + more)


def needed(
    augment: Augment | None, index: np.ndarray, epoch: int, seed: int, count: int
) -> np.ndarray:
    """Return the images of `count` that `gather` asks for: partners too, where images are mixed."""
    wanted = index
    for step, more in reversed(steps_of(augment)):
        if isinstance(step, Mixing):
            partners = step.partners(wanted, epoch, seed + more, count)
            wanted = np.concatenate([wanted, partners])
    return wanted


def _targets(
    steps: Sequence[tuple[Augment, int]], y: np.ndarray, index: np.ndarray, epoch: int, seed: int,
    classes: int, size: Sequence[int],
) -> np.ndarray:  # fmt: skip
    """Return the targets after these steps: probabilities (N, classes)."""
    if not steps:
        return y[index] if y.ndim == 2 else np.eye(classes, dtype=np.float32)[y[index]]
    *before, (step, more) = steps
    wanted = _targets(before, y, index, epoch, seed, classes, size)
    if not isinstance(step, Mixing):
        return wanted
    partners = step.partners(index, epoch, seed + more, len(y))
    others = _targets(before, y, partners, epoch, seed, classes, size)
    _, _, height, width = shape_after(before, (0, 0, *size), epoch)
    share = step.shares(index, epoch, seed + more, (height, width)).astype(wanted.dtype)[:, None]
    return wanted * share + others * (1 - share)


def _gather_pixels(
    X: np.ndarray,
    where: np.ndarray,
    index: np.ndarray,
    normalization: Normalization | None,
    augment: Augment | None,
    epoch: int,
    seed: int,
    out: np.ndarray,
) -> None:
    shape = X.shape[1:]
    if normalization is None:
        scale, shift = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    else:
        normalization.check(X)
        scale = np.ascontiguousarray(np.broadcast_to(normalization.scale, shape))
        shift = np.ascontiguousarray(np.broadcast_to(normalization.shift, shape))
    padding, reflect = 0, False
    zeros = np.zeros(len(index), np.int32)
    offsets = Offsets(zeros, zeros, zeros.astype(np.uint8))
    if isinstance(augment, RandomCropFlip):
        augment.check_images(X.shape)
        padding, reflect = augment.padding, augment.reflect
        offsets = augment.offsets(index, epoch, seed)
    kernels.crop_flip_normalize(X, where, *offsets, padding, scale, shift, out, reflect)

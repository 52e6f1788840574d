"""Training on images that grow from epoch to epoch: progressive resizing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnlite.checks.numbers import count, integer, shown
from cnnlite.data.augment import Augment

__all__ = ["ProgressiveResize", "shape_after"]


@dataclass(frozen=True)
class ProgressiveResize:
    """Makes training images another size, which depends on the epoch alone.

        augment = Compose([RandomCropFlip(), ProgressiveResize({0: 24, 4: 32})])

    Small images cost less time and say nearly as much while a network knows little; the network has
    to take images of any size, as those with a global pooling do.  Evaluation sees the images as
    they are.  Each output pixel is the mean of those around its place, weighted by a triangle that
    is as wide as the images shrink.

    Args:
        sizes: the side of the images from each epoch on, by epoch, from 0; a rectangle keeps its
            proportions, and the number is its shorter side.

    Raises:
        TypeError, ValueError: it is no such mapping, or does not begin with epoch 0.

    Source: Howard, "Training Imagenet in 3 hours for $25", fast.ai, 2018; the weights are those of
    torch.nn.functional.interpolate(mode="bilinear", antialias=True).
    """

    sizes: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = "ProgressiveResize"
        if not isinstance(self.sizes, Mapping):
            raise TypeError(f"{name}: sizes is {shown(self.sizes)}, expected sides by epoch")
        sizes = {
            integer(name, "sizes", epoch, 0): count(name, f"sizes[{epoch}]", side)
            for epoch, side in self.sizes.items()
        }
        if 0 not in sizes:
            raise ValueError(f"{name}: sizes is {shown(self.sizes)}, expected a side for epoch 0")
        object.__setattr__(self, "sizes", dict(sorted(sizes.items())))

    def resized(self, shape: tuple[int, ...], epoch: int) -> tuple[int, ...]:
        """Return the shape that images (N, C, H, W) of a shape have after it in an epoch."""
        if len(shape) != 4 or not all(shape[2:]):
            raise ValueError(
                f"ProgressiveResize: images have the shape {shape}, expected (N, C, H, W)"
            )
        side = [side for first, side in self.sizes.items() if first <= epoch][-1]
        shorter = min(shape[2:])
        return (*shape[:2], *(max(1, round(size * side / shorter)) for size in shape[2:]))

    def __call__(self, images: np.ndarray, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        """Return the images (N, C, H, W), of the size of this epoch; see Augment."""
        wanted = self.resized(images.shape, integer("ProgressiveResize", "epoch", epoch))
        if wanted == images.shape:
            return images.copy()
        exact = images.astype(np.float64 if images.dtype == np.float64 else np.float32)
        for axis in (2, 3):
            exact = _resampled(exact, wanted[axis], axis)
        if images.dtype.kind == "f":
            return exact.astype(images.dtype, copy=False)
        return np.rint(exact).astype(images.dtype)


def shape_after(
    steps: Sequence[tuple[Augment, int]], shape: tuple[int, ...], epoch: int
) -> tuple[int, ...]:
    """Return the shape that images of a shape have after augmentations, with what they add."""
    for step, _ in steps:
        if isinstance(step, ProgressiveResize):
            shape = step.resized(shape, epoch)
    return shape


def _resampled(images: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Return images with another number of pixels along an axis."""
    places, weights = _taps(images.shape[axis], size)
    form = [1] * images.ndim
    form[axis] = size
    total = np.zeros((), images.dtype)
    for place, weight in zip(places, weights.astype(images.dtype), strict=True):
        total = total + images.take(place, axis) * weight.reshape(form)
    return total


def _taps(before: int, after: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels an output pixel is the mean of, and their weights: both (taps, after)."""
    scale = before / after
    width = max(scale, 1.0)
    centre = (np.arange(after) + 0.5) * scale
    first = np.floor(centre - width + 0.5).astype(np.int64)
    places = first + np.arange(int(np.ceil(2 * width)) + 1)[:, None]
    weights = np.maximum(1 - np.abs(places + 0.5 - centre) / width, 0)
    weights[(places < 0) | (places >= before)] = 0
    return np.clip(places, 0, before - 1), weights / weights.sum(axis=0)

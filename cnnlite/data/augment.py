"""Random crops and flips, a pure function of the seed, the epoch and each image's index."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from cnnlite import reference
from cnnlite.backend import kernels
from cnnlite.checks.numbers import choice, flag, integer
from cnnlite.data._hash import hash64, integers

__all__ = ["Augment", "Offsets", "RandomCropFlip"]

ALTERNATE = "alternate"


class Augment(Protocol):
    """What Solver takes as `augment`: a pure function; any callable of this signature will do."""

    def __call__(self, images: np.ndarray, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        """Return changed copies of the images.

        Args:
            images: (N, C, H, W), the data set's own dtype; not to be written to.
            index: int64 (N,), each image's position in the data set.
            epoch: the number of the epoch.
            seed: the run's seed.

        Returns:
            (N, C, H, W).
        """
        ...


class Offsets(NamedTuple):
    """Where to crop each image of a batch from its padded self, and whether to mirror it."""

    top: np.ndarray  # int32 (N,), 0 to 2 * padding
    left: np.ndarray  # int32 (N,), 0 to 2 * padding
    flip: np.ndarray  # uint8 (N,), 0 or 1


def check_batch(name: str, images: np.ndarray, expected: str = "(N, C, H, W)") -> None:
    """Raise ValueError unless what an augmentation is given are images (N, C, H, W)."""
    if images.ndim != 4:
        raise ValueError(f"{name}: images have the shape {images.shape}, expected {expected}")


def cropped(images: np.ndarray, offsets: Offsets, padding: int, reflect: bool) -> np.ndarray:
    """Return images (N, C, H, W) cropped from their padded selves, and mirrored where asked."""
    images = np.ascontiguousarray(images)
    out = np.empty_like(images)
    # The compiled kernel is for pixels; other dtypes take the same way in NumPy.
    crop = kernels.crop_flip if images.dtype == np.uint8 else reference.crop_flip
    crop(images, out, *offsets, padding, reflect)
    return out


@dataclass(frozen=True)
class RandomCropFlip:
    """Pads images, crops them to their own size at random, and mirrors half of them.

    An image's crop depends on the seed, the epoch and its index alone, so it is the same in any
    batch, in any order, and after a resume.

    Args:
        padding: pixels on each side, before normalisation.
        flip: mirror half of the images left to right, drawn anew in each epoch; or "alternate":
            draw which half in the first epoch, mirror the other half in the second, and so on, so
            that two epochs show each image from both sides.
        padding_mode: "zeros" pads with zeros; "reflect" with the image's own mirror image.

    Raises:
        TypeError: the padding is no integer, or flip neither True nor False nor a word.
        ValueError: the padding is negative or above 2^20, or a word is unknown.

    Source:
        Lee et al., "Deeply-supervised nets", AISTATS 2015; He et al., "Deep residual learning for
        image recognition", CVPR 2016, section 4.2. K. Jordan, "94% on CIFAR-10 in 3.29 seconds on
        a single GPU", 2024, section 3.6 (alternate).
    """

    padding: int = 4
    flip: bool | str = True
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        name = "RandomCropFlip"
        object.__setattr__(self, "padding", integer(name, "padding", self.padding, 0, 2**20))
        if isinstance(self.flip, str):
            choice(name, "flip", self.flip, (ALTERNATE,))
        else:
            object.__setattr__(self, "flip", flag(name, "flip", self.flip))
        choice(name, "padding_mode", self.padding_mode, ("zeros", "reflect"))

    @property
    def reflect(self) -> bool:
        """Whether the border mirrors the image."""
        return self.padding_mode == "reflect"

    def offsets(self, index: np.ndarray, epoch: int, seed: int) -> Offsets:
        """Draw the crops of the images with these indices (N,)."""
        epoch = integer("RandomCropFlip", "epoch", epoch)
        seed = integer("RandomCropFlip", "seed", seed)
        keys = hash64(seed, epoch, index)
        if self.flip == ALTERNATE:  # of no epoch, and then one side after the other
            flip = (integers(hash64(seed, -1, index, 2), 0, 2) + epoch) % 2
        else:
            flip = integers(hash64(keys, 2), 0, 1 + bool(self.flip))
        return Offsets(
            integers(hash64(keys, 0), 0, 2 * self.padding + 1),
            integers(hash64(keys, 1), 0, 2 * self.padding + 1),
            flip.astype(np.uint8),
        )

    def check_images(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError unless images (N, C, H, W) of this shape can be padded so."""
        if self.reflect and self.padding and self.padding >= min(shape[2:]):
            raise ValueError(
                f"RandomCropFlip: padding is {self.padding}, expected at most {min(shape[2:]) - 1} "
                f"for images {shape} with padding_mode 'reflect'"
            )

    def __call__(self, images: np.ndarray, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        """Return the images (N, C, H, W) cropped and mirrored; see Augment for the arguments."""
        check_batch("RandomCropFlip", images)
        self.check_images(images.shape)
        return cropped(images, self.offsets(index, epoch, seed), self.padding, self.reflect)

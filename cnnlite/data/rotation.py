"""Random rotations."""

import math
from dataclasses import dataclass

import numpy as np

from cnnlite.checks.numbers import real
from cnnlite.data._hash import hash64, image_keys, uniform
from cnnlite.data.augment import check_batch

__all__ = ["RandomRotation"]

_BITS = 16  # of the fractions of sine and cosine
_PARTS = 256  # of a pixel: where a point may lie


@dataclass(frozen=True)
class RandomRotation:
    """Turns images about their centres; `torchvision.transforms.RandomRotation`, bilinear.

    What comes in from outside is zero.  All of it is computed with integers, of a sine and a cosine
    with 16 bits, so the pixels are the same on every machine.

    Args:
        degrees: an image is turned by up to so many, to the left or to the right; 0 to 180.

    Raises:
        TypeError, ValueError: degrees are out of range.
    """

    degrees: float = 15.0

    def __post_init__(self) -> None:
        degrees = real("RandomRotation", "degrees", self.degrees, 0, 180)
        object.__setattr__(self, "degrees", degrees)

    def angles(self, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        """Draw the angles in degrees (N,), positive to the left."""
        keys = image_keys("RandomRotation", index, epoch, seed)
        return (2 * uniform(hash64(keys, 0)) - 1) * self.degrees

    def __call__(self, images: np.ndarray, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        """Return the images (N, C, H, W) turned; see Augment for the arguments."""
        check_batch("RandomRotation", images)
        count, channels, height, width = images.shape
        rows, columns = self._sources(self.angles(index, epoch, seed), height, width)
        # A frame of zeros takes what lies outside, so that every place can be read.
        framed = np.zeros((count, channels, height + 3, width + 3), images.dtype)
        framed[:, :, 1:-2, 1:-2] = images
        row, down = np.divmod(np.clip(rows + _PARTS, 0, (height + 1) * _PARTS), _PARTS)
        column, right = np.divmod(np.clip(columns + _PARTS, 0, (width + 1) * _PARTS), _PARTS)
        exact = images.dtype if images.dtype.kind == "f" else np.dtype(np.uint32)
        out = np.zeros((count, height, width, channels), exact)
        which = np.arange(count)[:, None, None]
        for step_down, share in ((0, _PARTS - down), (1, down)):
            for step_right, part in ((0, _PARTS - right), (1, right)):
                weight = (share * part).astype(exact)[..., None]
                out += framed[which, :, row + step_down, column + step_right] * weight
        if exact.kind == "f":
            out /= _PARTS**2
        else:
            out = (out + _PARTS**2 // 2) // _PARTS**2
        return np.ascontiguousarray(np.moveaxis(out, -1, 1).astype(images.dtype))

    @staticmethod
    def _sources(angles: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where each pixel comes from, row and column in parts of a pixel: (N, H, W)."""
        one = 2**_BITS
        turns = [math.radians(angle) for angle in angles.tolist()]
        cosine = np.array([round(math.cos(t) * one) for t in turns], np.int64)[:, None, None]
        sine = np.array([round(math.sin(t) * one) for t in turns], np.int64)[:, None, None]
        y = 2 * np.arange(height)[:, None] - (height - 1)  # twice the way from the centre
        x = 2 * np.arange(width) - (width - 1)
        half = one // _PARTS  # to be rounded, as it is twice the way
        rows = (cosine * y + sine * x + half) // (2 * half)
        columns = (cosine * x - sine * y + half) // (2 * half)
        centre_row, centre_column = (height - 1) * _PARTS // 2, (width - 1) * _PARTS // 2
        return rows + centre_row, columns + centre_column

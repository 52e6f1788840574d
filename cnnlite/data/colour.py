"""Random changes of an image's colours and pixels, which stay where they are."""

from dataclasses import dataclass

import numpy as np

from cnnlite.checks.numbers import integer, real
from cnnlite.data._hash import hash64, image_keys, integers, uniform
from cnnlite.data.augment import check_batch

__all__ = ["ColorJitter", "Cutout"]

_GREY = np.array([4899, 9617, 1868], np.uint32)  # 0.299, 0.587 and 0.114 of 2^14


@dataclass(frozen=True)
class ColorJitter:
    """Changes brightness, contrast, saturation and hue; `torchvision.transforms.ColorJitter`.

    Each image has a factor for each of the first three, drawn evenly from max(0, 1 - x) to 1 + x,
    where x is the argument.  A factor of 0 gives black, a uniform grey, or a grey image, and 1
    leaves the image as it is.  Its hue moves by a part of the circle of colours (of HSV), drawn
    evenly from -hue to hue.  They are applied in this order.

    Args:
        brightness, contrast, saturation: how much each may change, from 0 (not at all) up.
        hue: how far it may move, from 0 (not at all) to 0.5 (to any hue).

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            object.__setattr__(self, name, real("ColorJitter", name, getattr(self, name), 0))
        object.__setattr__(self, "hue", real("ColorJitter", "hue", self.hue, 0, 0.5))

    def factors(self, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        """Draw brightness, contrast and saturation, and how far hue moves: float32 (4, N)."""
        keys = image_keys("ColorJitter", index, epoch, seed)
        drawn = []
        for place, change in enumerate((self.brightness, self.contrast, self.saturation)):
            low = max(0.0, 1 - change)
            drawn.append(low + (1 + change - low) * uniform(hash64(keys, place)))
        drawn.append((2 * uniform(hash64(keys, 3)) - 1) * self.hue)
        return np.array(drawn, np.float32)

    def __call__(self, images: np.ndarray, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        """Return the images, uint8 (N, C, H, W), changed; see Augment for the arguments.

        Raises:
            TypeError: the images are not uint8: of other numbers black and white are not known.
            ValueError: they have neither 1 channel nor 3.
        """
        if images.dtype != np.uint8:
            raise TypeError(f"ColorJitter: images are {images.dtype}, expected uint8")
        expected = "(N, 1, H, W) or (N, 3, H, W)"
        check_batch("ColorJitter", images, expected)
        if images.shape[1] not in (1, 3):
            raise ValueError(
                f"ColorJitter: images have the shape {images.shape}, expected {expected}"
            )
        drawn = self.factors(index, epoch, seed)[..., None, None, None]
        brightness, contrast, saturation, hue = drawn
        found = images
        if self.brightness:
            found = _between(found, np.float32(0), brightness)
        if self.contrast:
            grey = _grey(found)
            # The sum is of integers, so it does not depend on the order.
            mean = grey.sum(axis=(1, 2, 3), dtype=np.uint64) / max(1, grey[0:1].size)
            found = _between(found, mean.astype(np.float32)[:, None, None, None], contrast)
        if self.saturation and images.shape[1] == 3:
            found = _between(found, _grey(found).astype(np.float32), saturation)
        if self.hue and images.shape[1] == 3:
            found = _turned(found, hue)
        return found.copy() if found is images else found


def _grey(images: np.ndarray) -> np.ndarray:
    """Return the brightness that is seen (N, 1, H, W), uint8 (ITU-R BT.601)."""
    if images.shape[1] == 1:
        return images
    weighted = (images * _GREY[:, None, None]).sum(axis=1, keepdims=True, dtype=np.uint32)
    grey: np.ndarray = ((weighted + 2**13) >> 14).astype(np.uint8)
    return grey


def _between(images: np.ndarray, other: np.ndarray | np.float32, share: np.ndarray) -> np.ndarray:
    """Return pixels of images * share + other * (1 - share)."""
    mixed = images * share
    mixed += other * (1 - share)
    np.rint(mixed, out=mixed)
    return np.clip(mixed, 0, 255, out=mixed).astype(np.uint8)


def _turned(images: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Return colours (N, 3, H, W), uint8, whose hue has moved by so many turns (N, 1, 1, 1).

    Of a hue of h sextants each channel is max - (max - min) * clip(min(k, 4 - k), 0, 1), where k is
    h + 5, h + 3 and h + 1, modulo 6; max and min stay.
    """
    colours = images.astype(np.float32)
    red, green, blue = colours[:, 0:1], colours[:, 1:2], colours[:, 2:3]
    top = colours.max(axis=1, keepdims=True)
    span = top - colours.min(axis=1, keepdims=True)
    part = np.maximum(span, 1)  # where it is 0, all differences are
    sextants = np.select(
        [top == red, top == green],
        [(green - blue) / part, (blue - red) / part + 2],
        (red - green) / part + 4,
    )
    k = (sextants + 6 * turns + np.array([5, 3, 1], np.float32)[:, None, None]) % 6
    return np.rint(top - span * np.clip(np.minimum(k, 4 - k), 0, 1)).astype(np.uint8)


@dataclass(frozen=True)
class Cutout:
    """Blackens a square at a random place.

    Its centre is any pixel, so that part of it may lie outside the image.

    Args:
        size: the square's side in pixels.

    Raises:
        TypeError, ValueError: the size is no integer from 1 to 2^20.

    Source:
        DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout",
        2017, section 3.2.
    """

    size: int = 8

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", integer("Cutout", "size", self.size, 1, 2**20))

    def __call__(self, images: np.ndarray, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        """Return the images (N, C, H, W) with squares of zeros; see Augment for the arguments."""
        check_batch("Cutout", images)
        height, width = images.shape[2:]
        keys = image_keys("Cutout", index, epoch, seed)
        top = integers(hash64(keys, 0), 0, height) - self.size // 2
        left = integers(hash64(keys, 1), 0, width) - self.size // 2
        cut = inside(top, top + self.size, height)[:, :, None]
        cut = cut & inside(left, left + self.size, width)[:, None, :]
        return np.where(cut[:, None], np.zeros((), images.dtype), images)


def inside(first: np.ndarray, end: np.ndarray, size: int) -> np.ndarray:
    """Return for each of `size` places whether it lies from first (N,) to below end: (N, size)."""
    places = np.arange(size)
    return (first[:, None] <= places) & (places < end[:, None])

"""Mixup and CutMix: an image becomes part of another one, and its target part of the other's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnlite.checks.numbers import real
from cnnlite.data._hash import hash64, image_keys, integers, uniform
from cnnlite.data.colour import inside
from cnnlite.functional.elementary import power

__all__ = ["CutMix", "Mixing", "MixUp"]

_GRID = 2.0**24  # to whose multiples the distribution is rounded: its last digits are the machine's
_PARTS = 256  # shares are so many parts of 1, so that pixels are mixed with integers


class Mixing(ABC):
    """An augmentation that mixes each image with another of its split, and the targets likewise.

    The partner is drawn from the whole split, by the seed, the epoch and the image's index alone:
    an image is mixed in the same way whatever its batch is.  `batches.gather` mixes the images,
    `batches.targets` the targets, which are probabilities then.
    """

    def partners(self, index: np.ndarray, epoch: int, seed: int, count: int) -> np.ndarray:
        """Return the positions of the images' partners among `count`: int64 (N,)."""
        keys = image_keys(type(self).__name__, index, epoch, seed)
        return integers(hash64(keys, 0), 0, count).astype(np.int64)

    @abstractmethod
    def shares(self, index: np.ndarray, epoch: int, seed: int, size: tuple[int, int]) -> np.ndarray:
        """Return how much of each image, of this size, is its own: float64 (N,), 0 to 1."""

    @abstractmethod
    def mix(
        self, images: np.ndarray, others: np.ndarray, index: np.ndarray, epoch: int, seed: int
    ) -> np.ndarray:
        """Return the images (N, C, H, W) mixed with their partners, of the same dtype."""

    def __call__(self, images: np.ndarray, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        """Raise TypeError: a partner may be any image of the split."""
        name = type(self).__name__
        raise TypeError(
            f"{name}: mixes images of the whole split, so it is called by Solver(augment=...), by "
            "batches.gather and by batches.targets"
        )


class _BetaShares(Mixing):
    """One that draws from the Beta distribution with both parameters alpha."""

    alpha: float

    @cached_property
    def _steps(self) -> np.ndarray:
        """The distribution function between the multiples of 1 / _PARTS: float64 (_PARTS,).

        The density is t^(alpha - 1) (1 - t)^(alpha - 1).  With s = t^alpha its lower half is the
        integral of (1 - s^(1 / alpha))^(alpha - 1), which is bounded; the upper half mirrors it.
        """
        ends = np.array([0, *np.arange(0.5, _PARTS // 2), _PARTS / 2]) / _PARTS
        nodes, weights = np.polynomial.legendre.leggauss(16)
        low, high = power(ends[:-1, None], self.alpha), power(ends[1:, None], self.alpha)
        s = low + (high - low) * (nodes + 1) / 2
        height = power(1 - power(s, 1 / self.alpha), self.alpha - 1)
        lower = np.cumsum((height * weights).sum(axis=1) * (high - low)[:, 0] / 2)
        lower /= 2 * lower[-1]
        steps = np.concatenate([lower[:-1], 1 - lower[-2::-1]])
        return np.rint(steps * _GRID) / _GRID

    def parts(self, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        """Draw what is an image's own, in parts of 256: int64 (N,)."""
        keys = image_keys(type(self).__name__, index, epoch, seed)
        return np.searchsorted(self._steps, uniform(hash64(keys, 1)), side="right")


@dataclass(frozen=True)
class MixUp(_BetaShares):
    """Adds up two images: share * image + (1 - share) * other, the share from Beta(alpha, alpha).

    Args:
        alpha: above 0 up to 100; small ones leave most images nearly as they are, 1 draws all
            shares alike, large ones lie around a half.

    Raises:
        TypeError, ValueError: alpha is out of range.

    Source: Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.
    """

    alpha: float = 0.2

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", _alpha("MixUp", self.alpha))

    def shares(self, index: np.ndarray, epoch: int, seed: int, size: tuple[int, int]) -> np.ndarray:
        """Return how much of each image is its own; see `Mixing`."""
        return self.parts(index, epoch, seed) / _PARTS

    def mix(
        self, images: np.ndarray, others: np.ndarray, index: np.ndarray, epoch: int, seed: int
    ) -> np.ndarray:
        """Return share * images + (1 - share) * others, pixels rounded; see `Mixing`."""
        parts = self.parts(index, epoch, seed)[:, None, None, None]
        if images.dtype.kind == "f":
            share = (parts / _PARTS).astype(images.dtype)
            return images * share + others * (1 - share)
        mixed = images * parts.astype(np.uint32) + others * (_PARTS - parts).astype(np.uint32)
        found: np.ndarray = ((mixed + _PARTS // 2) // _PARTS).astype(images.dtype)
        return found


@dataclass(frozen=True)
class CutMix(_BetaShares):
    """Puts a rectangle of another image in the same place of an image.

    The rectangle's area is 1 - share of the image, the share from Beta(alpha, alpha), and its
    centre any pixel; what lies outside is cut off, and the share is that of what is left.

    Args:
        alpha: as in `MixUp`.

    Raises:
        TypeError, ValueError: alpha is out of range.

    Source: Yun et al., "CutMix: regularization strategy to train strong classifiers with
    localizable features", ICCV 2019, equations 1 and 2.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", _alpha("CutMix", self.alpha))

    def boxes(
        self, index: np.ndarray, epoch: int, seed: int, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return which rows and which columns are the partner's: bool (N, H) and (N, W)."""
        side = np.sqrt(1 - self.parts(index, epoch, seed) / _PARTS)
        keys = image_keys("CutMix", index, epoch, seed)
        found = []
        for axis, pixels in enumerate(size):
            length = np.floor(side * pixels + 0.5).astype(np.int64)
            first = integers(hash64(keys, 2 + axis), 0, pixels) - length // 2
            found.append(inside(first, first + length, pixels))
        return found[0], found[1]

    def shares(self, index: np.ndarray, epoch: int, seed: int, size: tuple[int, int]) -> np.ndarray:
        """Return how much of each image is its own; see `Mixing`."""
        rows, columns = self.boxes(index, epoch, seed, size)
        return 1 - rows.sum(axis=1) * columns.sum(axis=1) / (size[0] * size[1])

    def mix(
        self, images: np.ndarray, others: np.ndarray, index: np.ndarray, epoch: int, seed: int
    ) -> np.ndarray:
        """Return the images with rectangles of the others; see `Mixing`."""
        rows, columns = self.boxes(index, epoch, seed, images.shape[2:])
        return np.where((rows[:, :, None] & columns[:, None, :])[:, None], others, images)


def _alpha(name: str, alpha: float) -> float:
    return real(name, "alpha", alpha, 0, 100, open_low=True)

"""Several augmentations one after the other, and augmentations by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cnnlite.data.augment import Augment, RandomCropFlip
from cnnlite.data.colour import ColorJitter, Cutout
from cnnlite.data.mixing import CutMix, Mixing, MixUp
from cnnlite.data.rotation import RandomRotation

__all__ = ["AUGMENTATIONS", "Compose", "augmentation", "mixes", "steps_of"]

_AGAIN = 2**32  # what is added to the seed of a step whose kind has stood before


class Compose:
    """Does several augmentations one after the other; `torchvision.transforms.Compose`.

    Where one of them mixes images, the partner goes through the steps before it as well.

    Args:
        steps: augmentations, of this library or functions of one's own.

    Raises:
        TypeError: they are no list of augmentations.
    """

    def __init__(self, steps: Sequence[Augment]) -> None:
        if not isinstance(steps, list | tuple):
            raise TypeError(f"Compose: steps is {steps!r:.60}, expected a list of augmentations")
        self.steps: tuple[Augment, ...] = ()
        for place, step in enumerate(steps):
            if isinstance(step, type) or not callable(step):
                raise TypeError(
                    f"Compose: steps[{place}] is {step!r:.60}, expected an augmentation"
                )
            self.steps += step.steps if isinstance(step, Compose) else (step,)

    def __call__(self, images: np.ndarray, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        """Return the images changed by all steps; see Augment for the arguments."""
        for step, more in steps_of(self):
            images = step(images, index, epoch, seed + more)
        return images

    def __repr__(self) -> str:
        return f"Compose({list(self.steps)})"


def steps_of(augment: Augment | None) -> list[tuple[Augment, int]]:
    """Return the steps of an augmentation, and what each adds to the seed.

    A second step of a kind has to draw other numbers than the first.
    """
    if augment is None:
        return []
    steps = augment.steps if isinstance(augment, Compose) else (augment,)
    kinds = [type(step) for step in steps]
    return [(step, kinds[:place].count(kinds[place]) * _AGAIN) for place, step in enumerate(steps)]


AUGMENTATIONS: dict[str, Callable[[], Any]] = {
    "crop": lambda: RandomCropFlip(flip=False),
    "flip": lambda: RandomCropFlip(padding=0),
    "jitter": ColorJitter,
    "rotation": RandomRotation,
    "cutout": Cutout,
    "mixup": MixUp,
    "cutmix": CutMix,
    "translate": lambda: RandomCropFlip(padding=2, flip=False, padding_mode="reflect"),
    "alternate": lambda: RandomCropFlip(padding=0, flip="alternate"),
}
"""The augmentations of the command line, by name."""


def augmentation(names: str) -> Augment | None:
    """Return the augmentation of names with commas between, as "crop,flip,mixup".

    Args:
        names: of AUGMENTATIONS, in the order in which they are done; what crops ("crop" or
            "translate") and what mirrors ("flip" or "alternate"), one after the other, are one
            `RandomCropFlip`. "none" is no augmentation.

    Raises:
        ValueError: a name is not known, or stands twice.
    """
    words = [word.strip() for word in names.split(",")]
    if words == ["none"]:
        return None
    for word in words:
        if word not in AUGMENTATIONS:
            known = ", ".join(AUGMENTATIONS)
            raise ValueError(f"augment: {word!r} is none of {known}, none")
        if words.count(word) > 1:
            raise ValueError(f"augment: {word!r} stands twice in {names!r}")
    steps: list[Any] = []
    for step in (AUGMENTATIONS[word]() for word in words):
        before = steps[-1] if steps else None
        if isinstance(step, RandomCropFlip) and isinstance(before, RandomCropFlip):
            crops, mirrors = (before, step) if before.padding else (step, before)
            if crops.padding and not crops.flip and mirrors.flip and not mirrors.padding:
                steps[-1] = replace(crops, flip=mirrors.flip)
                continue
        steps.append(step)
    return steps[0] if len(steps) == 1 else Compose(steps)


def mixes(augment: Augment | None) -> bool:
    """Whether an augmentation changes targets."""
    return any(isinstance(step, Mixing) for step, _ in steps_of(augment))

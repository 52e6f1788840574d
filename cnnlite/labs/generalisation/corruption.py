"""What is done to the data: each change takes away some of what there is to generalise from.

Source: Zhang et al., "Understanding deep learning requires rethinking generalization", ICLR 2017,
section 2.1.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cnnlite.data import Dataset

Labels = npt.NDArray[np.int64]


def random_labels(labels: Labels, share: float, classes: int, rng: np.random.Generator) -> Labels:
    """Replace each label, with probability `share`, by one drawn evenly from all classes.

    A replaced label is right by chance one time in `classes`, so of all labels a part of
    1 - share + share / classes stays true.

    Args:
        labels: (N,) integers.
        share: from 0 (nothing changes) to 1 (labels tell nothing of the images).
        classes: how many there are.
        rng: which labels, and what becomes of them.
    """
    replaced = rng.random(len(labels)) < share
    return np.where(replaced, rng.integers(0, classes, len(labels)), labels)


def shuffled_pixels(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move the pixels of all images in one and the same way: neighbours are torn apart.

    Args:
        images: (N, C, H, W); a pixel's channels stay together.
        rng: the permutation; the same seed gives the same one for another split.
    """
    n, c, h, w = images.shape
    order = rng.permutation(h * w)
    return images.reshape(n, c, h * w)[:, :, order].reshape(images.shape)


def random_pixels(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move the pixels of each image in a way of its own: only its colours are left.

    Args:
        images: (N, C, H, W); a pixel's channels stay together.
        rng: the permutations.
    """
    n, c, h, w = images.shape
    order = rng.random((n, 1, h * w)).argsort(axis=2)
    return np.take_along_axis(images.reshape(n, c, h * w), order, axis=2).reshape(images.shape)


def gaussian_images(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw images of noise, with the mean and the deviation that the true ones have by channel.

    Args:
        images: uint8 (N, C, H, W); nothing is left of them but their number and these statistics.
        rng: the noise, rounded and cut to 0 to 255.
    """
    mean = images.mean(axis=(0, 2, 3), dtype=np.float64)[:, None, None]
    deviation = images.std(axis=(0, 2, 3), dtype=np.float64)[:, None, None]
    noise = rng.standard_normal(images.shape, np.float32) * deviation + mean
    return noise.round().clip(0, 255).astype(np.uint8)


Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
IMAGES: dict[str, Change] = {
    "shuffled pixels": shuffled_pixels,
    "random pixels": random_pixels,
    "Gaussian images": gaussian_images,
}
KINDS = ("true labels", "random labels", *IMAGES)
"""The five of the paper's figure 1a, in its order but for the labels' first."""


def corrupted(data: Dataset, kind: str, seed: int, share: float = 1.0) -> Dataset:
    """Return the data set with its training and validation splits changed.

    Args:
        data: images and labels.
        kind: one of `KINDS`.
        seed: of the change; both splits get the same permutation of pixels where there is one.
        share: of the labels, for "random labels"; the validation labels stay true.
    """
    arrays = dict(data)
    if kind == "random labels":
        rng = np.random.default_rng(seed)
        classes = len(data.class_names)
        arrays["y_train"] = random_labels(data["y_train"], share, classes, rng)
    elif kind in IMAGES:
        for number, split in enumerate(("train", "val")):
            # The one permutation of all images is that of both splits; noise must not be.
            stream = 0 if kind == "shuffled pixels" else number
            rng = np.random.default_rng([seed, stream])
            arrays[f"X_{split}"] = IMAGES[kind](data[f"X_{split}"], rng)
    return Dataset(arrays, data.class_names, data.normalization, f"{data.name}, {kind}")

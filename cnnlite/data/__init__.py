"""Data sets, their splits and normalisation, augmentation, and batches."""

import os

from cnnlite.data import batches
from cnnlite.data.augment import Augment, RandomCropFlip
from cnnlite.data.cache import cache_folder, data_folder, named_data_folder
from cnnlite.data.cifar10 import PathLike, cifar10, find
from cnnlite.data.colour import ColorJitter, Cutout
from cnnlite.data.compose import AUGMENTATIONS, Compose, augmentation, mixes
from cnnlite.data.dataset import Dataset, Normalization
from cnnlite.data.embedded import contact_sheet, embedded
from cnnlite.data.errors import DataError
from cnnlite.data.fetch import DownloadError, FileReport, fetch, verify
from cnnlite.data.mixing import CutMix, Mixing, MixUp
from cnnlite.data.rotation import RandomRotation

__all__ = [
    "AUGMENTATIONS",
    "Augment",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Cutout",
    "DataError",
    "Dataset",
    "DownloadError",
    "FileReport",
    "MixUp",
    "Mixing",
    "Normalization",
    "RandomCropFlip",
    "RandomRotation",
    "augmentation",
    "batches",
    "cache_folder",
    "cifar10",
    "contact_sheet",
    "data_folder",
    "embedded",
    "fetch",
    "find",
    "load",
    "mixes",
    "verify",
]


def load(name: str = "auto", root: PathLike | None = None) -> Dataset:
    """Load a data set by its name.

    Args:
        name: "cifar10", "embedded", or "auto": CIFAR-10 where it is found, else the embedded one
            (the result's `name` says which).
        root: where CIFAR-10 is; None looks where `cifar10` looks. With a root, or where
            CNNLITE_DATA names one, "auto" insists on CIFAR-10.

    Returns:
        The data set.

    Raises:
        ValueError: another name.
        FileNotFoundError, DataError: as `cifar10`.
    """
    if name not in ("auto", "cifar10", "embedded"):
        hint = f"; a folder is given as root={name!r}" if set(name) & {"/", os.sep, "~"} else ""
        raise ValueError(f"load: name is {name!r}, expected 'auto', 'cifar10' or 'embedded'{hint}")
    if name == "embedded":
        return embedded()
    if name == "auto" and root is None and named_data_folder() is None:
        try:
            find()
        except FileNotFoundError:
            return embedded()
    return cifar10(root)

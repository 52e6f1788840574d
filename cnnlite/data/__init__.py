"""Data sets, their splits and normalisation, augmentation, and batches."""

from cnnlite.data import batches
from cnnlite.data.arrays import arrays
from cnnlite.data.augment import Augment, RandomCropFlip
from cnnlite.data.cache import cache_folder, data_folder
from cnnlite.data.cifar10 import cifar10, find
from cnnlite.data.cifar100 import cifar100
from cnnlite.data.colour import ColorJitter, Cutout
from cnnlite.data.compose import AUGMENTATIONS, Compose, augmentation, mixes
from cnnlite.data.dataset import Dataset, Normalization
from cnnlite.data.draw_folder import draw_folder
from cnnlite.data.embedded import contact_sheet, embedded
from cnnlite.data.errors import DataError, DownloadError
from cnnlite.data.fetch import FETCHABLE, FileReport, fetch, verify
from cnnlite.data.folder import folder
from cnnlite.data.load import NAMES, load
from cnnlite.data.mixing import CutMix, Mixing, MixUp
from cnnlite.data.mnist import fashion_mnist, mnist
from cnnlite.data.npz import npz
from cnnlite.data.pictures import prepare, read_picture
from cnnlite.data.resize import ProgressiveResize
from cnnlite.data.rotation import RandomRotation
from cnnlite.data.svhn import svhn

__all__ = [
    "AUGMENTATIONS",
    "FETCHABLE",
    "NAMES",
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
    "ProgressiveResize",
    "RandomCropFlip",
    "RandomRotation",
    "arrays",
    "augmentation",
    "batches",
    "cache_folder",
    "cifar10",
    "cifar100",
    "contact_sheet",
    "data_folder",
    "draw_folder",
    "embedded",
    "fashion_mnist",
    "fetch",
    "find",
    "folder",
    "load",
    "mixes",
    "mnist",
    "npz",
    "prepare",
    "read_picture",
    "svhn",
    "verify",
]

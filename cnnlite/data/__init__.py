"""Data sets, their splits and normalisation, augmentation, and batches."""

from cnnlite.data import batches
from cnnlite.data.augment import Augment, RandomCropFlip
from cnnlite.data.cache import cache_folder, data_folder
from cnnlite.data.cifar10 import cifar10, find
from cnnlite.data.cifar100 import cifar100
from cnnlite.data.dataset import Dataset, Normalization
from cnnlite.data.draw_folder import draw_folder
from cnnlite.data.embedded import contact_sheet, embedded
from cnnlite.data.errors import DataError, DownloadError
from cnnlite.data.fetch import FETCHABLE, FileReport, fetch, verify
from cnnlite.data.folder import folder
from cnnlite.data.load import NAMES, load
from cnnlite.data.mnist import fashion_mnist, mnist
from cnnlite.data.npz import npz
from cnnlite.data.pictures import prepare, read_picture
from cnnlite.data.svhn import svhn

__all__ = [
    "FETCHABLE",
    "NAMES",
    "Augment",
    "DataError",
    "Dataset",
    "DownloadError",
    "FileReport",
    "Normalization",
    "RandomCropFlip",
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
    "mnist",
    "npz",
    "prepare",
    "read_picture",
    "svhn",
    "verify",
]

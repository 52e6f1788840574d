"""Gets the official files of a data set, and compares what is there with what was published."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnlite.checks.numbers import choice
from cnnlite.data.archive import unpack
from cnnlite.data.cache import data_folder, expanded
from cnnlite.data.cifar10 import LAYOUT as CIFAR10
from cnnlite.data.cifar10 import cifar10, read_batch
from cnnlite.data.cifar100 import LAYOUT as CIFAR100
from cnnlite.data.cifar100 import cifar100, read_part
from cnnlite.data.dataset import Dataset
from cnnlite.data.download import Progress, Remote, download, download_all
from cnnlite.data.errors import DataError
from cnnlite.data.mnist import FASHION_LAYOUT, MNIST_LAYOUT, fashion_mnist, mnist, read_idx
from cnnlite.data.places import Layout, PathLike, Source, find_source
from cnnlite.data.published import MD5, REMOTES
from cnnlite.data.svhn import LAYOUT as SVHN
from cnnlite.data.svhn import read_images, svhn

__all__ = ["FETCHABLE", "FileReport", "fetch", "verify"]


def _read_idx(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    return read_idx(path), None


@dataclass(frozen=True)
class _Official:
    """A data set: how it lies on the disk, how it is loaded, and how one file of it is read."""

    layout: Layout
    load: Callable[[Path], Dataset]
    read: Callable[[Path], tuple[np.ndarray, np.ndarray | None]]


_OFFICIAL: Mapping[str, _Official] = {
    official.layout.name: official
    for official in (
        _Official(CIFAR10, lambda root: cifar10(root, num_validation=0), read_batch),
        _Official(CIFAR100, cifar100, read_part),
        _Official(MNIST_LAYOUT, mnist, _read_idx),
        _Official(FASHION_LAYOUT, fashion_mnist, _read_idx),
        _Official(SVHN, svhn, read_images),
    )
}
FETCHABLE = tuple(_OFFICIAL)
"""The names that `fetch` and `verify` take."""


def fetch(
    root: PathLike | None = None,
    progress: Progress | None = None,
    files: Sequence[Remote] | None = None,
    timeout: float = 30.0,
    name: str = "cifar10",
) -> Path:
    """Download a data set, verify it, unpack it, and convert it to the cache.

    What is there already is not done again: complete files are only converted, and a download that
    was interrupted goes on where it stopped.

    Args:
        root: the folder to put the data set's own folder into; None for CNNLITE_DATA or the user's
            cache folder.
        progress: called now and then with the bytes that are there and the bytes expected.
        files: what to download; None for what was published.
        timeout: seconds to wait for the server.
        name: "cifar10", "cifar100", "mnist", "fashion-mnist" or "svhn".

    Returns:
        The folder with the files.

    Raises:
        DownloadError: the server cannot be reached, or the connection broke.
        DataError: what came is not what was expected, or is damaged; it is removed.
        OSError: a file cannot be written; the message names it.
        ValueError: another name.
    """
    official = _OFFICIAL[choice("fetch", "name", name, FETCHABLE)]
    files = REMOTES[name] if files is None else files
    folder = expanded(root) if root is not None else data_folder()
    if any(report.status in ("missing", "damaged") for report in verify(folder, name)):
        folder.mkdir(parents=True, exist_ok=True)
        if official.layout.archives:
            path = download(files[0], folder, progress, timeout)
            unpack(path, folder, official.layout)
            path.unlink()
        else:
            download_all(files, folder / name, progress, timeout)
    official.load(folder)
    return find_source(official.layout, folder).folder


@dataclass(frozen=True)
class FileReport:
    """What verify found: status is "official", "readable", "damaged" or "missing"."""

    path: Path
    status: str
    detail: str
    images: int = 0


def verify(root: PathLike | None = None, name: str = "cifar10") -> list[FileReport]:
    """Read each of a data set's files and compare it with the published one.

    Args:
        root: as for `fetch`.
        name: as for `fetch`.

    Returns:
        One report for each file of images or labels. "readable" is a sound file that differs from
        the published one, such as the binary version or a copy that was saved again.

    Raises:
        ValueError: another name.
    """
    official = _OFFICIAL[choice("verify", "name", name, FETCHABLE)]
    folder, layout = expanded(root) if root is not None else data_folder(), official.layout
    try:
        source = find_source(layout, folder)
    except FileNotFoundError:
        source = None
    if source is None or source.archive is not None:
        version = next(iter(layout.versions))
        source = Source(layout, folder / version, version)
    names = [name for name in source.names if name not in layout.texts]
    return [_report(official, source.path(name)) for name in names]


def _report(official: _Official, path: Path) -> FileReport:
    try:
        images, labels = official.read(path)
    except FileNotFoundError:
        return FileReport(path, "missing", "there is no such file")
    except (DataError, OSError) as error:
        return FileReport(path, "damaged", str(error))
    detail = f"{len(images)} labels" if images.ndim == 1 else f"{len(images)} images"
    if labels is not None:
        detail += f" in {len(set(labels.tolist()))} classes"
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "md5").hexdigest()
    if digest == MD5[official.layout.name].get(path.name):
        return FileReport(path, "official", f"{detail}, as published", len(images))
    return FileReport(path, "readable", f"{detail}, differs from the published file", len(images))

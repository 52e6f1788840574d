"""Any data set by its name, or by the path of one's own."""

import difflib
import os
from collections.abc import Callable, Mapping
from typing import Any

from cnnlite.data.arrays import arrays, holds_arrays
from cnnlite.data.cache import expanded, named_data_folder
from cnnlite.data.cifar10 import cifar10, find
from cnnlite.data.cifar100 import cifar100
from cnnlite.data.dataset import Dataset
from cnnlite.data.embedded import embedded
from cnnlite.data.folder import folder
from cnnlite.data.mnist import fashion_mnist, mnist
from cnnlite.data.npz import npz
from cnnlite.data.places import PathLike
from cnnlite.data.svhn import svhn
from cnnlite.terminal import printable

__all__ = ["NAMES", "load"]

_NAMED: Mapping[str, Callable[..., Dataset]] = {
    "cifar10": cifar10,
    "cifar100": cifar100,
    "mnist": mnist,
    "fashion-mnist": fashion_mnist,
    "svhn": svhn,
}
NAMES = ("auto", "embedded", *_NAMED)
"""The names that `load` takes."""


def load(name: PathLike = "auto", root: PathLike | None = None, **options: Any) -> Dataset:
    """Load a data set by its name, or from a path.

    Args:
        name: one of NAMES; "auto" is CIFAR-10 where it is found, else the embedded one (the
            result's `name` says which). Else the path of a folder of pictures, of an .npz file, or
            of a folder of .npy files or a zarr group, as `arrays` takes them.
        root: where the official files of a named one are; None looks where `cifar10` looks. With a
            root, or where CNNLITE_DATA names one, "auto" insists on CIFAR-10.
        options: of a folder of pictures, as `folder` takes them.

    Returns:
        The data set.

    Raises:
        ValueError: neither a name nor a path that is there, or an option that does not apply.
        FileNotFoundError, DataError: as `cifar10`, `folder`, `npz` and `arrays`.
    """
    name = os.fspath(name)
    if not name:
        raise ValueError(f"load: name is empty, expected a path, or one of {', '.join(NAMES)}")
    path = expanded(name)
    if root is not None and (name == "embedded" or (name not in NAMES and os.path.lexists(path))):
        raise ValueError(f"load: root is {root!s}, but {printable(name)} needs no other folder")
    own = name not in NAMES and path.is_dir()
    kept = own and holds_arrays(path)
    if own and not kept:
        return folder(path, **options)
    if options:
        what = f"'{printable(name)}' " + ("has arrays" if kept else "is no folder")
        raise ValueError(f"load: {next(iter(options))} is for a folder of pictures, and {what}")
    if kept:
        return arrays(path)
    if name in NAMES:
        return _named(name, root)
    if os.path.lexists(path):
        return npz(path)
    near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else f" (names are {', '.join(NAMES)})"
    what = f"'{printable(name)}' is no folder, no file and no data set's name"
    raise ValueError(f"load: {what}{hint}")


def _named(name: str, root: PathLike | None) -> Dataset:
    if name == "embedded":
        return embedded()
    if name == "auto":
        if root is None and named_data_folder() is None:
            try:
                find()
            except FileNotFoundError:
                return embedded()
        return cifar10(root)
    return _NAMED[name](root)

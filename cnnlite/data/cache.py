"""Arrays on disk that later runs map into memory instead of reading and decoding again.

A cached array is a `.npy` file, written beside its final name, synced, and renamed: it is there
whole or not at all.  Everything in the cache folder can be made again, so it may be deleted.
"""

import errno
import hashlib
import io
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from cnnlite import environment
from cnnlite.environment import Variable
from cnnlite.files import whole_file, write_all

__all__ = [
    "cache_folder",
    "cached_arrays",
    "data_folder",
    "expanded",
    "is_read_only",
    "named_data_folder",
    "no_room",
    "write_array",
]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_READ_ONLY = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EEXIST,  # a file where the folder should be, and the same further up:
    errno.ENOTDIR,
)


def data_folder() -> Path:
    """Where data sets are looked for and fetched to: CNNLITE_DATA, or the user's cache folder."""
    return named_data_folder() or _users_folder("data")


def named_data_folder() -> Path | None:
    """The folder that CNNLITE_DATA names, None if it is empty or not set."""
    return _named(environment.DATA)


def cache_folder() -> Path:
    """Where converted arrays are kept: CNNLITE_CACHE, or the user's cache folder."""
    return _named(environment.CACHE) or _users_folder("arrays")


def _named(variable: Variable[str]) -> Path | None:
    path = variable.value()
    return expanded(path) if path else None


def _users_folder(name: str) -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("cnnlite", appauthor=False)) / name


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path that somebody wrote, with the home folder put in for "~"."""
    return Path(os.path.expanduser(path))


def cached_arrays(
    name: str,
    sources: Sequence[Path],
    expected: Sequence[str],
    make: Callable[[], Mapping[str, np.ndarray]],
) -> Mapping[str, np.ndarray]:
    """Map arrays from the cache, after making and storing them if they are not there.

    Args:
        name: what the arrays are called in the cache.
        sources: the files they are made from: when one of them changes, they are made again.
        expected: the names of the arrays.
        make: makes them.

    Returns:
        The arrays, read-only and mapped; the made ones themselves, after a warning, where the cache
        folder cannot be written to.

    Raises:
        OSError: the disk is full; the message names the file, and nothing is left of it.
    """
    folder = cache_folder() / f"{name}-{_fingerprint(sources)}"
    found = _map(folder, expected)
    if found is not None:
        return found
    arrays = make()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for key in expected:
            write_array(folder / f"{key}.npy", arrays[key])
    except OSError as error:
        if not is_read_only(error):
            raise
        warnings.warn(
            f"{name} is kept in memory, because {folder} cannot be written to: set CNNLITE_CACHE "
            "to a folder that can",
            stacklevel=3,
        )
        return arrays
    return _map(folder, expected) or arrays


def _fingerprint(sources: Sequence[Path]) -> str:
    identity = [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in sources]
    return hashlib.blake2b(repr(identity).encode(), digest_size=12).hexdigest()


def _map(folder: Path, expected: Sequence[str]) -> dict[str, np.ndarray] | None:
    try:
        return {
            key: np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False)
            for key in expected
        }
    except (OSError, ValueError, EOFError):
        return None  # not there, or damaged: it is made again


def write_array(path: Path, array: np.ndarray) -> None:
    """Write a `.npy` file so that `path` holds the old file or the whole new one, never a part.

    Args:
        path: the file; its folder exists.
        array: of any plain dtype.

    Raises:
        OSError: naming the file; what was written of it is removed.
    """
    array = np.ascontiguousarray(array)
    header = io.BytesIO()
    description = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(header, description)
    try:
        with whole_file(path) as file:  # np.save would lose the reason why a write failed
            write_all(file, header.getvalue())
            write_all(file, array.reshape(-1).view(np.uint8).data)
    except OSError as error:
        raise no_room(error, path, array.nbytes, ", or pass cache=False") from error


def is_read_only(error: OSError, folder: Path | None = None) -> bool:
    """Return whether an error says that a folder, this one if it is given, cannot be written to."""
    inside = folder is None or str(error.filename).startswith(str(folder))
    return inside and error.errno in _READ_ONLY


def no_room(error: OSError, path: Path, size: int, otherwise: str = "") -> OSError:
    """Return what to raise where writing `size` bytes failed: with advice if the disk is full."""
    if error.errno not in _NO_ROOM:
        return error
    return OSError(
        error.errno,
        f"no room to cache {size / 1e6:.0f} MB ({os.strerror(error.errno)}); make room, set "
        f"CNNLITE_CACHE to another folder{otherwise}",
        str(path),
    )

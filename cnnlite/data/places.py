"""Finds the official files of a data set, in folders or still in their archive."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cnnlite.data.cache import data_folder, expanded, named_data_folder

__all__ = ["Layout", "PathLike", "Source", "find_source"]

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Layout:
    """How a data set lies on the disk.

    Attributes:
        name: as `cnnlite data fetch` takes it.
        title: as messages call it.
        versions: the files of each published version, by the name of their folder.
        texts: those of them that hold names of classes.
        optional: those of them that may be missing.
        endings: what may follow the names of the files.
        archives: what the archives of all versions may be called.
        ignored: files of an archive that nobody needs.
        deeper: whether the files may lie one folder deeper than they are looked for.
        max_file, max_total: the bytes that one file, and an archive, may have once unpacked.
    """

    name: str
    title: str
    versions: Mapping[str, tuple[str, ...]]
    texts: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    endings: tuple[str, ...] = ("",)
    archives: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    deeper: bool = False
    max_file: int = 64 * 2**20
    max_total: int = 256 * 2**20


@dataclass(frozen=True)
class Source:
    """A folder with the files of one version, or with the archive that holds them.

    Attributes:
        layout: of which data set.
        folder: where the files are; that of the archive if they are still packed.
        version: the name of the version's folder.
        archive: the archive, None where the files themselves are there.
        note: what a user should know, where the data was not quite where it was looked for.
    """

    layout: Layout
    folder: Path
    version: str
    archive: Path | None = None
    note: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all files."""
        return self.layout.versions[self.version]

    def path(self, name: str) -> Path:
        """Return where a file is, with the ending that it has there."""
        paths = [self.folder / f"{name}{ending}" for ending in self.layout.endings]
        return next((path for path in paths if path.exists()), paths[-1])

    def present(self) -> list[Path]:
        """Return the paths of all files.

        Raises:
            FileNotFoundError: one that may not be missing is.
        """
        paths = [self.path(name) for name in self.names]
        for name, path in zip(self.names, paths, strict=True):
            if not path.exists() and name not in self.layout.optional:
                raise FileNotFoundError(
                    f"{path} is missing, though others of {self.layout.title}'s files are there. "
                    f"Fetch the data again: `cnnlite data fetch {self.layout.name}`"
                )
        return [path for path in paths if path.exists()]


def find_source(layout: Layout, root: PathLike | None = None) -> Source:
    """Find the files in `root`, in their folder in it, one folder deeper, or in their archive.

    Args:
        layout: of the data set.
        root: the folder; None for CNNLITE_DATA or the user's cache folder.

    Raises:
        FileNotFoundError: none of the files is there; the message says how to get them.
        OSError: the folder cannot be read.
        ValueError: root is empty.
    """
    if root is not None and not os.fspath(root):
        raise ValueError(f"the name of the folder that holds {layout.title} is empty")
    place = expanded(root) if root is not None else data_folder()
    found = next(_sources(layout, place), None)
    if found is not None:
        return found
    named = " (named by CNNLITE_DATA)" if root is None and named_data_folder() else ""
    raise FileNotFoundError(
        f"{layout.title} is not in {place}{named}: {_why_not(layout, place)}. `cnnlite data fetch "
        f"{layout.name}` downloads it; --data-dir or CNNLITE_DATA names another folder"
    )


def _sources(layout: Layout, place: Path) -> Iterator[Source]:
    """Yield what is found: files before archives, near before deep."""
    if place.name.endswith((".tar.gz", ".tgz", ".tar")) and place.is_file() and layout.archives:
        yield _packed(layout, place)
    deeper: list[Path] = []
    for folder in _and_deeper(layout, place, deeper):
        deep = f"{layout.title} is one folder deeper than {place}: in "
        for inner in (folder, *(folder / version for version in layout.versions)):
            for version, names in layout.versions.items():
                note = f"{deep}{inner}" if folder in deeper else ""
                source = Source(layout, inner, version, note=note)
                needed = [name for name in names if name not in layout.optional]
                if any(os.path.exists(source.path(name)) for name in needed):
                    yield source
    for folder in (place, *deeper):
        for name in layout.archives:
            if os.path.isfile(folder / name):
                yield _packed(layout, folder / name)


def _and_deeper(layout: Layout, place: Path, deeper: list[Path]) -> Iterator[Path]:
    """Yield the folder, then the folders in it, which are put into the list too."""
    yield place
    if layout.deeper and place.is_dir():
        folders = [entry for entry in place.iterdir() if not entry.name.startswith(".")]
        deeper += sorted(entry for entry in folders if os.path.isdir(entry))
        yield from deeper


def _packed(layout: Layout, archive: Path) -> Source:
    note = f"{layout.title} is still in its archive, {archive}, and is read from there"
    version = list(layout.versions)["binary" in archive.name]
    return Source(layout, archive.parent, version, archive, note)


def _why_not(layout: Layout, place: Path) -> str:
    if not os.path.lexists(place):
        return "there is no such folder"
    if not place.is_dir():
        return "that is a file, expected a folder" if place.exists() else "that link leads nowhere"
    parts = [place / f"{name}.part" for name in layout.archives]
    part = next((part for part in parts if part.exists()), None)
    if part is not None:
        return f"a download of it was interrupted ({part.name}), and goes on where it stopped"
    folders = list(layout.versions)
    if len(folders) == 1:
        return f"{folders[0]} is not there"
    return f"neither {folders[0]} nor {folders[1]} is there"

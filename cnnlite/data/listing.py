"""Lists a folder of pictures: which there are, of which class, and in which split.

Hidden files and folders (and __MACOSX, which archives of macOS bring along) are skipped, and so are
files whose ending is no picture's.  Nothing is opened.  Links may lead to pictures inside the
folder and nowhere else.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnlite.data.dataset import SPLITS
from cnnlite.data.errors import DataError
from cnnlite.data.formats import has_picture_name
from cnnlite.data.splits import validates
from cnnlite.terminal import printable

__all__ = ["MAX_CLASSES", "Listing", "Picture", "list_folder"]

MAX_CLASSES = 2**16
"""A folder of more folders is no data set: it would take for ever only to list."""

SPLIT_FOLDERS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
NEITHER = ("__MACOSX",)


class Picture(NamedTuple):
    """A file: its path below the folder, its class, its length, and its last change in ns."""

    path: str
    label: int
    size: int
    changed: int


@dataclass(frozen=True)
class Listing:
    """What `list_folder` found.

    Attributes:
        root: the folder.
        class_names: printable names, in the order of the labels.
        splits: the pictures of "train", "val" and, where there is one, "test".
        broken: path and fault of what cannot be a picture, such as a link that leads nowhere.
        divided: whether what validates was taken from the training pictures.
    """

    root: Path
    class_names: tuple[str, ...]
    splits: Mapping[str, Sequence[Picture]]
    broken: list[tuple[str, str]] = field(default_factory=list)
    divided: bool = False

    def fingerprint(self) -> str:
        """Return a digest of all names, classes, lengths and times."""
        digest = hashlib.blake2b(digest_size=12)
        for split, pictures in self.splits.items():
            digest.update(repr((split, self.class_names)).encode())
            for picture in pictures:
                digest.update(repr(tuple(picture)).encode())
        return digest.hexdigest()


def list_folder(root: Path, val: float, seed: int) -> Listing:
    """List the pictures of a folder that has a folder for each class, or train/, val/, test/ of it.

    Args:
        root: the folder.
        val: the share of each class's training pictures that validates, where there is no val/.
        seed: which of them do.

    Raises:
        DataError: it is not such a folder; the message says what was found instead.
        OSError: it cannot be read.
    """
    if not root.is_dir():
        reason = "that is a file, expected a folder" if root.exists() else "there is no such folder"
        raise DataError(f"{root}: {reason}")
    broken: list[tuple[str, str]] = []
    folders, loose = _entries(root, root)
    parts = _splits_of(root, folders)
    if parts:
        listed = {split: _entries(root, root / name) for split, name in parts.items()}
        names = sorted(listed["train"][0])
        splits = {
            split: _of_classes(root, parts[split], listed[split][0], names, broken, split)
            for split in SPLITS
            if split in listed
        }
        loose = listed["train"][1]
    else:
        names = sorted(folders)
        splits = {"train": _of_classes(root, "", names, names, broken, "train")}
    _check(root / parts.get("train", ""), names, splits["train"], loose)
    divided = "val" not in splits
    if divided:
        splits["train"], splits["val"] = _divided(root, splits["train"], val, seed)
    splits = {split: splits[split] for split in SPLITS if split in splits}
    return Listing(root, tuple(printable(name) for name in names), splits, broken, divided)


def _entries(root: Path, folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the folders, and of the pictures, that lie in a folder."""
    folders: list[str] = []
    pictures: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in NEITHER:
                continue
            if entry.is_dir():
                _refuse_link(entry)
                folders.append(entry.name)
                if len(folders) > MAX_CLASSES:
                    raise DataError(
                        f"{folder} has more than {MAX_CLASSES:,} folders, each of which would be "
                        "a class: is it the right folder?"
                    )
            elif has_picture_name(entry.name) and "." in entry.name and len(pictures) < 2:
                pictures.append(entry.name)
    return folders, pictures


def _refuse_link(entry: os.DirEntry[str]) -> None:
    if entry.is_symlink():
        raise DataError(
            f"{printable(entry.path)} is a link to a folder, which is not followed: put the "
            "pictures themselves there"
        )


def _splits_of(root: Path, folders: Sequence[str]) -> dict[str, str]:
    """Return the folder's name of each split, nothing if the folders are classes."""
    found: dict[str, str] = {}
    others = [name for name in folders if name.lower() not in SPLIT_FOLDERS]
    for name in sorted(set(folders) - set(others)):
        split = SPLIT_FOLDERS[name.lower()]
        if split in found and not others:
            raise DataError(f"{root} has {found[split]} and {name}: which of them is the split?")
        found[split] = name
    if found and "train" not in found and not others:
        raise DataError(
            f"{root} has {' and '.join(sorted(found.values()))}, but no train: put the pictures to "
            "train with, in a folder for each class, there"
        )
    if "train" not in found or (others and len(found) == 1):
        return {}
    if others:
        raise DataError(
            f"{root} has {', '.join(found.values())}, which are splits, and also "
            f"{printable(min(others))}, which is none: move one or the other away"
        )
    return found


def _of_classes(
    root: Path,
    part: str,
    folders: Sequence[str],
    names: Sequence[str],
    broken: list[tuple[str, str]],
    split: str,
) -> list[Picture]:
    """List the pictures of one split."""
    labels = {name: label for label, name in enumerate(names)}
    there = set(folders)
    unknown = sorted(there - set(names))
    if unknown:
        raise DataError(
            f"{root / part} has the class {printable(unknown[0])}, which has no folder among the "
            "training pictures"
        )
    found = [
        Picture(path, label, size, changed)
        for name, label in labels.items()
        if name in there
        for path, size, changed in sorted(_pictures(root, os.path.join(part, name), broken))
    ]
    if not found and split != "train":
        raise DataError(
            f"{root / part} has no pictures in folders of the training classes: sort them into "
            "such folders, or move it away"
        )
    return found


def _pictures(
    root: Path, folder: str, broken: list[tuple[str, str]]
) -> Iterator[tuple[str, int, int]]:
    """Yield path, length and time of each picture in a folder and the folders in it."""
    waiting = [folder]
    while waiting:
        folder = waiting.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in NEITHER:
                    continue
                path = os.path.join(folder, entry.name)
                if entry.is_dir():
                    _refuse_link(entry)
                    waiting.append(path)
                elif has_picture_name(entry.name):
                    found = _looked_at(root, entry, path, broken)
                    if found is not None:
                        yield path, found.st_size, found.st_mtime_ns


def _looked_at(
    root: Path, entry: os.DirEntry[str], path: str, broken: list[tuple[str, str]]
) -> os.stat_result | None:
    try:
        found = entry.stat()
    except FileNotFoundError:
        fault = "leads nowhere" if entry.is_symlink() else "was removed meanwhile"
        broken.append((path, f"{printable(entry.path)} {fault}"))
        return None
    if entry.is_symlink() and not _is_inside(entry.path, root):
        raise DataError(
            f"{printable(entry.path)} is a link that leads out of {root}: put the picture itself "
            "there"
        )
    if not stat.S_ISREG(found.st_mode):
        broken.append((path, f"{printable(entry.path)} is not a regular file"))
        return None
    return found


def _is_inside(path: str, root: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _check(
    folder: Path, names: Sequence[str], pictures: Sequence[Picture], loose: Sequence[str]
) -> None:
    """Raise DataError unless there are two classes, and pictures of each."""
    counts = np.bincount([picture.label for picture in pictures], minlength=len(names))
    expected = "expected one folder for each class, with its pictures in it"
    if not names and loose:
        raise DataError(
            f"{folder} has pictures ({printable(loose[0])}), but no folders: {expected}"
        )
    if not counts.any():
        raise DataError(f"{folder} has no pictures: {expected}")
    if len(names) == 1:
        raise DataError(
            f"{folder} has one class, {printable(names[0])}: there must be two to tell apart; "
            f"{expected}"
        )
    if not counts.all():
        empty = printable(names[int(np.argmin(counts > 0))])
        raise DataError(
            f"{folder / empty} has no pictures, and so the class {empty} is empty: put some "
            "there, or remove the folder"
        )


def _divided(
    root: Path, pictures: Sequence[Picture], val: float, seed: int
) -> tuple[list[Picture], list[Picture]]:
    """Divide the pictures, each class in the same proportion, into training and validation."""
    chosen = validates(np.array([picture.label for picture in pictures]), val, seed)
    if not chosen.any():
        raise DataError(f"{root} has one picture of each class: none is left to validate with")
    train, validation = (
        [picture for picture, there in zip(pictures, chosen, strict=True) if there == wanted]
        for wanted in (False, True)
    )
    return train, validation

"""What a training keeps of an epoch to be looked at, and its file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.checks.numbers import integer
from cnnlite.storage import Arrays, StorageError, read_arrays, write_arrays

__all__ = [
    "IMAGES", "MOST_BYTES", "STATISTICS", "Kept", "epoch_file", "kept_files", "read_kept",
    "write_kept",
]  # fmt: skip

STATISTICS = ("mean", "std", "dead", "grad_norm", "update_ratio")
"""What is measured of a layer."""
IMAGES = "images.safetensors"
FORMAT = 1
MOST_BYTES = 32 * 2**20
"""Of a file: several times what `Keep` writes."""
_FILE = re.compile(r"epoch-(\d{4,9})\.safetensors")


@dataclass(frozen=True, eq=False)
class Kept:
    """An epoch of a training, as it is looked at afterwards.

    Attributes:
        epoch: completed epochs, from 1.
        statistics: by layer and name, NaN where a layer has none: the mean and the standard
            deviation ("mean", "std") of its output, the share of its units that are 0 for every
            image ("dead"), the norm of its parameters' gradient ("grad_norm"), and the norm of
            their last update over their own ("update_ratio").
        images: uint8 (K, C, H, W), the same probe images each epoch.
        labels: (K,), -1 where an image has no single class.
        scores: float32 (K, classes).
        maps: by layer, uint8 (K, M, h, w): its first outputs for the probe images, each scaled
            from its own minimum (0) to its maximum (255), and shrunk where it is large.
        ranges: by layer, float32 (K, M, 2): these minima and maxima.
        filters: float32, the weight of the first convolution; None where there is none.
    """

    epoch: int
    statistics: dict[str, dict[str, float]]
    images: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    maps: dict[str, np.ndarray]
    ranges: dict[str, np.ndarray]
    filters: np.ndarray | None


def epoch_file(epoch: int) -> str:
    """Return the name of an epoch's file."""
    return f"epoch-{epoch:04d}.safetensors"


def kept_files(folder: Path) -> dict[int, Path]:
    """Return the files of the epochs in a folder, oldest first; none where there is no folder."""
    found = {
        int(match[1]): path for path in folder.glob("*") if (match := _FILE.fullmatch(path.name))
    }
    return dict(sorted(found.items()))


def write_kept(folder: Path, kept: Kept) -> Path:
    """Write an epoch, and the images if they are not there yet; return the epoch's file.

    Raises:
        StorageError: a file cannot be written; one that was there is untouched.
    """
    images = folder / IMAGES
    if not images.is_file():
        probe = {"images": kept.images, "labels": np.asarray(kept.labels, np.int64)}
        write_arrays(images, probe, {"kind": "kept images", "format": FORMAT})
    rows = kept.statistics.values()
    arrays: Arrays = {"scores": kept.scores}
    arrays |= {
        f"statistics/{name}": np.array([row[name] for row in rows], np.float64)
        for name in STATISTICS
    }
    for layer in kept.maps:
        arrays[f"maps/{layer}"] = kept.maps[layer]
        arrays[f"ranges/{layer}"] = kept.ranges[layer]
    if kept.filters is not None:
        arrays["filters"] = kept.filters
    path = folder / epoch_file(kept.epoch)
    metadata = {
        "kind": "kept", "format": FORMAT, "epoch": kept.epoch,
        "layers": list(kept.statistics), "mapped": list(kept.maps),
    }  # fmt: skip
    write_arrays(path, arrays, metadata)
    return path


def read_kept(path: Path) -> Kept:
    """Read an epoch that `write_kept` wrote.

    Raises:
        OSError: the file, or that of the images beside it, is missing, damaged, or another one;
            the message names it.
    """
    probe, _ = _read(path.with_name(IMAGES), "kept images")
    arrays, metadata = _read(path, "kept")
    try:
        epoch = integer("Kept", "epoch", metadata["epoch"], 1)
        if path.name != epoch_file(epoch):
            raise ValueError(f"it holds epoch {epoch}")
        columns = [arrays[f"statistics/{name}"].astype(np.float64) for name in STATISTICS]
        kept = Kept(
            epoch=epoch,
            statistics={
                str(layer): dict(zip(STATISTICS, map(float, row), strict=True))
                for layer, *row in zip(metadata["layers"], *columns, strict=True)
            },
            images=probe["images"],
            labels=probe["labels"],
            scores=arrays["scores"],
            maps={str(layer): arrays[f"maps/{layer}"] for layer in metadata["mapped"]},
            ranges={str(layer): arrays[f"ranges/{layer}"] for layer in metadata["mapped"]},
            filters=arrays.get("filters"),
        )
        _check(kept)
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{path} is damaged: {error}") from error
    return kept


def _read(path: Path, kind: str) -> tuple[Arrays, dict[str, Any]]:
    arrays, metadata = read_arrays(path, MOST_BYTES)
    if metadata is None or metadata.get("kind") != kind:
        raise StorageError(f"{path} holds no {kind} of a training")
    if metadata.get("format") != FORMAT:
        raise StorageError(
            f"{path} is of another version of cnnlite, in format {metadata.get('format')}, "
            f"expected {FORMAT}"
        )
    return arrays, metadata


def _check(kept: Kept) -> None:
    """Raise ValueError unless the arrays fit one another."""
    count = len(kept.images)
    fits = kept.images.ndim == 4 and kept.images.dtype == np.uint8 and kept.images.size > 0
    fits &= kept.labels.shape == (count,) and kept.labels.dtype.kind == "i"
    fits &= kept.scores.ndim == 2 and len(kept.scores) == count and kept.scores.dtype.kind == "f"
    for layer, maps in kept.maps.items():
        fits &= maps.ndim == 4 and maps.dtype == np.uint8 and len(maps) == count and maps.size > 0
        fits &= kept.ranges[layer].shape == (*maps.shape[:2], 2)
        fits &= kept.ranges[layer].dtype.kind == "f"
    if kept.filters is not None:
        fits &= kept.filters.ndim in (3, 4) and kept.filters.dtype.kind == "f"
        fits &= kept.filters.size > 0
    if not fits:
        raise ValueError("its arrays do not fit one another")

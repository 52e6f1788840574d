"""Arrays in safetensors files that are always whole, with a digest that finds a changed byte."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.files import replace_file

Arrays = dict[str, np.ndarray]
Metadata = dict[str, Any]


class StorageError(OSError):
    """A file of arrays cannot be written, or is not valid; the message names it."""


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], metadata: Metadata) -> None:
    """Write arrays and metadata (anything that JSON can hold) to a safetensors file.

    Raises:
        StorageError: the file cannot be written; one that was there before is untouched.
        TypeError: an array holds something else than numbers or booleans.
    """
    from safetensors.numpy import save

    stored: Arrays = {}
    for key, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{path}: {key} is {array.dtype}, expected numbers")
        # safetensors copies raw memory: strided or byte-swapped arrays would be stored scrambled.
        # np.ascontiguousarray is no help: it turns an array without axes into one with an axis.
        stored[key] = np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
    text = json.dumps(metadata)
    # In one entry: safetensors writes several in random order, and equal runs would differ.
    header = {"cnnlite": f"{_digest(stored, text)} {text}"}
    try:
        replace_file(path, save(stored, header))
    except OSError as error:
        old = "; the file that was there is untouched" if path.is_file() else ""
        raise StorageError(f"{path} cannot be written: {error.strerror or error}{old}") from error


def read_arrays(path: Path, most: int | None = None) -> tuple[Arrays, Metadata | None]:
    """Read a safetensors file.

    Args:
        path: the file.
        most: bytes that it may have; None where what wrote it is trusted.

    Returns:
        The arrays, and the metadata; None if the file is not from cnnlite.

    Raises:
        FileNotFoundError: there is no such file.
        StorageError: the file is damaged, too large, or not a safetensors file.
    """
    from safetensors import safe_open

    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if not path.is_file():
        raise StorageError(f"{path} is not a file")
    if most is not None and path.stat().st_size > most:
        raise StorageError(f"{path} has more than the {most} bytes that such a file may have")
    try:
        with safe_open(str(path), framework="np") as file:
            header = file.metadata() or {}
            arrays: Arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever the parser stumbles over is a fault of the file
        raise StorageError(f"{path} is damaged, or no safetensors file: {error}") from error
    if "cnnlite" not in header:
        return arrays, None
    digest, _, text = header["cnnlite"].partition(" ")
    if digest != _digest(arrays, text):
        raise StorageError(f"{path} is damaged: its contents do not match its digest")
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{path} is damaged: its metadata is no JSON") from error
    return arrays, metadata if isinstance(metadata, dict) else {}


def _digest(arrays: Mapping[str, np.ndarray], text: str) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for key in sorted(arrays):
        array = arrays[key]
        digest.update(f"\n{key} {array.dtype.name} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()

"""Reads arrays of numbers from MATLAB's files of version 5, as far as SVHN needs.

Time and memory are bounded by what the caller allows: nothing is unpacked beyond it.

Source:
    MathWorks, "MAT-File Format", chapter 1: Level 5 MAT-files.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnnlite.data.errors import DataError
from cnnlite.data.unpickle import read_regular_file

__all__ = ["read_mat"]

# The codes of numbers in a file, in the order of the byte that is given for it.
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
MATRIX, COMPRESSED = 14, 15
NUMERIC = range(6, 16)  # classes of arrays: double to uint64
COMPLEX = 0x0800


def read_mat(path: Path, max_bytes: int) -> dict[str, np.ndarray]:
    """Read the arrays of real numbers that a file holds.

    Args:
        path: the file.
        max_bytes: of the file, and of everything in it together.

    Returns:
        The arrays by their names, in Fortran's order, read-only.

    Raises:
        DataError: it is damaged, too large, or holds something else; the message names it.
        OSError: it cannot be read.
    """
    data = read_regular_file(path, max_bytes)
    try:
        if data[:10] == b"MATLAB 7.3" or data[:8] == b"\x89HDF\r\n\x1a\n":
            raise DataError("it is of version 7.3, expected 5")
        order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
        if order is None:
            raise DataError("it does not begin as such a file")
        return dict(_arrays(data[128:], order, max_bytes))
    except (DataError, struct.error, zlib.error, UnicodeError, ValueError, KeyError) as error:
        raise DataError(f"{path} is damaged, or no MAT-file of version 5: {error}") from None


def _elements(data: bytes, order: str) -> Iterator[tuple[int, memoryview]]:
    """Yield the code and the content of each element."""
    view, position = memoryview(data), 0
    while position < len(view):
        code, size = struct.unpack_from(f"{order}II", view, position)
        start = position + 8
        if code >> 16:  # a small element: code and length in 16 bits each, the content behind
            code, size, start = code & 0xFFFF, code >> 16, position + 4
        if start + size > len(view):
            raise DataError("it is cut off")
        yield code, view[start : start + size]
        end = start + size
        position = end if code == COMPRESSED else max(position + 8, end + -end % 8)


def _arrays(data: bytes, order: str, left: int) -> Iterator[tuple[str, np.ndarray]]:
    for code, content in _elements(data, order):
        if code == COMPRESSED:
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(content, left + 1)
            left -= len(unpacked)
            if left < 0:
                raise DataError("it holds far more than it should")
            code, content = next(_elements(unpacked, order))
        if code != MATRIX:
            raise DataError(f"an element of kind {code}, expected an array")
        yield _array(bytes(content), order)


def _array(data: bytes, order: str) -> tuple[str, np.ndarray]:
    parts = list(_elements(data, order))
    if len(parts) < 4:
        raise DataError("an array without content")
    (_, flags), (_, shape), (_, name), (code, content) = parts[:4]
    word = struct.unpack_from(f"{order}I", flags)[0]
    if word & 0xFF not in NUMERIC or word & COMPLEX:
        raise DataError("an array of something else than real numbers")
    lengths = [int(length) for length in np.frombuffer(shape, f"{order}i4")]
    numbers = np.frombuffer(content, f"{order}{TYPES[code]}")
    if min(lengths, default=-1) < 0 or np.prod(lengths, dtype=object) != numbers.size:
        raise DataError(f"an array of {numbers.size} numbers, expected {lengths}")
    return bytes(name).decode("ascii"), numbers.reshape(lengths, order="F")

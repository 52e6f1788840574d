"""The rows of an array in a .npy file, which several processes write."""

import io
import os
import threading
from math import prod
from pathlib import Path

import numpy as np

from cnnlite.files import write_all

__all__ = ["HEADER", "RowFile"]

HEADER = 128  # bytes before the rows
KEPT = 2**28  # bytes: a smaller file stays in memory, where it is read next


class RowFile:
    """Read and write slices of rows as those of an array of uint8, without mapping the file.

    A full disk is an error where rows are written; in a mapped file it would end the process.

    Args:
        path: a file that is there. It may end before a row that is written.
        shape: that of a row.

    Raises:
        OSError: rows cannot be read or written; the error names the file.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.path = path
        self._shape = shape
        self._file = io.FileIO(path, "r+b")
        self._lock = threading.Lock()  # Windows cannot write at a place without going there

    def __getitem__(self, rows: slice) -> np.ndarray:
        count, place = (rows.stop - rows.start) * prod(self._shape), self._place(rows.start)
        return np.fromfile(self.path, np.uint8, count, offset=place).reshape(-1, *self._shape)

    def __setitem__(self, rows: slice, values: np.ndarray) -> None:
        self._write(self._place(rows.start), values.reshape(-1).data)

    def _place(self, row: int) -> int:
        return HEADER + row * prod(self._shape)

    def _write(self, place: int, content: bytes | memoryview) -> None:
        try:
            with self._lock:
                self._file.seek(place)
                write_all(self._file, content)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def finish(self, rows: int) -> None:
        """Make it an array of so many rows."""
        header = io.BytesIO()
        about = {"descr": "|u1", "fortran_order": False, "shape": (rows, *self._shape)}
        np.lib.format.write_array_header_1_0(header, about)
        self._file.truncate(self._place(rows))
        self._write(0, header.getvalue())

    def sync(self) -> None:
        """Wait until what was written is on the disk; of a large file, memory then keeps nothing.

        It would displace what other programs read, and more memory is slow to get in some virtual
        machines.
        """
        descriptor = self._file.fileno()
        os.fsync(descriptor)
        if hasattr(os, "posix_fadvise") and os.fstat(descriptor).st_size > KEPT:  # Linux
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

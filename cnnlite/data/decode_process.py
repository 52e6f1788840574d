"""Decodes pictures in a process of its own: of many threads, each would wait for Python's lock.

The process reads a line of JSON for each block of pictures, writes the pixels into the file where
they belong, and answers with a line of JSON.  It ends when its input does, and leaves Ctrl-C to the
process that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlite.data.decode_block import Block, How, decode_block
from cnnlite.data.errors import DataChanged, DataError
from cnnlite.data.row_file import RowFile

if TYPE_CHECKING:
    from cnnlite.data.listing import Picture

__all__ = ["DecodeProcess", "main"]

# A package without contents stands for cnnlite.data, all of which would take longer to import than
# a hundred pictures to decode.
PROGRAM = """
import json, sys, types
sys.path[:] = json.loads(sys.argv[1])
sys.modules["cnnlite.data"] = package = types.ModuleType("cnnlite.data")
package.__path__ = [sys.argv[2]]
from cnnlite.data.decode_process import main
main()
"""
ERRORS = {error.__name__: error for error in (DataChanged, DataError)}


OPTIONS = {
    "OPENBLAS_NUM_THREADS": "1",  # it has no matrices to multiply
    # A picture's memory is used again for the next one, and not given back to the system between:
    # Linux would clear every page of it again.
    "PILLOW_BLOCKS_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(2**28),
    "MALLOC_TRIM_THRESHOLD_": str(2**28),
}


class DecodeProcess:
    """A process that decodes blocks, one after the other.

    Args:
        how: in which way.
        images: where they are stored.
    """

    def __init__(self, how: How, images: RowFile) -> None:
        # Without site: the path is complete, and looking for it again would take time.
        place = os.path.dirname(os.path.abspath(__file__))
        command = [sys.executable, "-S", "-c", PROGRAM, json.dumps(sys.path), place]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **OPTIONS},
            close_fds=False,  # the cache's lock: what this process still writes, nobody else does
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self._send([how, str(images.path)])

    def _send(self, message: object) -> None:
        self._to.write(json.dumps(message).encode() + b"\n")
        self._to.flush()

    def decode(self, block: Sequence[Picture], begin: int, trains: int) -> Block:
        """Do what `decode_block` does, and raise what it raises."""
        try:
            self._send([block, begin, trains])
            answer = json.loads(self._from.readline())
        except (OSError, ValueError):
            raise DataError("a process that decodes pictures was ended from outside") from None
        if "error" not in answer:
            rows, skipped, sums = answer["block"]
            return Block(rows, [(name, fault) for name, fault in skipped], sums)
        if answer["error"] in ERRORS:
            raise ERRORS[answer["error"]](answer["message"])
        raise OSError(answer["errno"], answer["message"], answer["file"])

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # of what could not be sent any more
            self._to.close()
        self._from.close()


def main() -> None:
    """Answer what comes from standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")  # what Pillow finds odd, and reads all the same
    (root, shape, *options), path = json.loads(sys.stdin.buffer.readline())
    how = How(root, tuple(shape), *options)
    images = RowFile(Path(path), how.shape)
    for line in sys.stdin.buffer:
        answer = _answer(how, images, *json.loads(line))
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _answer(
    how: How, images: RowFile, block: Sequence[Picture], begin: int, trains: int
) -> dict[str, Any]:
    try:
        return {"block": decode_block(how, block, begin, trains, images)}
    except DataError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except OSError as error:
        about = {"error": "OSError", "errno": error.errno, "message": error.strerror}
        return {**about, "file": error.filename}

"""Decodes pictures in a process of its own: of many threads, each would wait for Python's lock.

The process reads a line of JSON for each block of pictures and answers with a line of JSON and the
pixels.  It ends when its input does, and leaves Ctrl-C to the process that started it.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import warnings
from math import prod
from typing import IO, Any

import numpy as np

from cnnlite.data.decode_block import BLOCK_BYTES, Block, How, decode_block
from cnnlite.data.errors import DataChanged, DataError
from cnnlite.data.listing import Picture

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

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


class DecodeProcess:
    """A process that decodes blocks, one after the other.

    Args:
        how: in which way.
    """

    def __init__(self, how: How) -> None:
        # Without site: the path is complete, and looking for it again would take time.
        place = os.path.dirname(os.path.abspath(__file__))
        command = [sys.executable, "-S", "-c", PROGRAM, json.dumps(sys.path), place]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # it has no matrices to multiply
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
            with contextlib.suppress(OSError):  # more than everybody may have
                fcntl.fcntl(self._from, fcntl.F_SETPIPE_SZ, BLOCK_BYTES)
        self._shape = how.shape
        self._send(how._asdict())

    def _send(self, message: object) -> None:
        self._to.write(json.dumps(message).encode() + b"\n")
        self._to.flush()

    def decode(self, block: list[Picture], trains: int) -> Block:
        """Do what `decode_block` does, and raise what it raises."""
        try:
            self._send([block, trains])
            answer = json.loads(self._from.readline())
        except (OSError, ValueError):
            raise DataError("a process that decodes pictures was ended from outside") from None
        if "error" in answer:
            if answer["error"] in ERRORS:
                raise ERRORS[answer["error"]](answer["message"])
            raise OSError(answer["errno"], answer["message"], answer["file"])
        rows = np.empty((answer["rows"], *self._shape), np.uint8)
        content = rows.reshape(-1).data
        while len(content):
            count = self._from.readinto(content)  # type: ignore[attr-defined]
            if not count:
                raise DataError("a process that decodes pictures was ended from outside")
            content = content[count:]
        return Block(rows, [(name, fault) for name, fault in answer["skipped"]], answer["sums"])

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
    how = None
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if how is None:
            how = How(**{**message, "shape": tuple(message["shape"])})
        else:
            _answer(how, message, sys.stdout.buffer)


def _answer(how: How, message: Any, out: IO[bytes]) -> None:
    pictures, trains = message
    block = None
    try:
        block = decode_block(how, [Picture(*picture) for picture in pictures], trains)
        about: dict[str, Any] = {"rows": len(block.rows)}
        about |= {"skipped": block.skipped, "sums": block.sums}
    except DataError as error:
        about = {"error": type(error).__name__, "message": str(error)}
    except OSError as error:
        about = {"error": "OSError", "errno": error.errno, "message": error.strerror}
        about["file"] = error.filename
    out.write(json.dumps(about).encode() + b"\n")
    if block is not None:
        assert block.rows.nbytes == len(block.rows) * prod(how.shape)
        out.write(block.rows.reshape(-1).data)
    out.flush()

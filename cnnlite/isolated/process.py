"""The parent's side: a child process with limits that answers requests about one file."""

import contextlib
import os
import queue
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Self

from cnnlite.isolated.keeper import MOST_PROCESSES, TOO_MANY
from cnnlite.isolated.wire import Plain, read_frame, write_frame

__all__ = ["UNREADABLE", "Child", "Lost"]

UNREADABLE = "what came back from the process cannot be read"
START = 60  # seconds that Python and NumPy may take to begin, on a busy machine
FAREWELL = 5  # seconds until all that was in the child is gone
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "CNNLITE_NUM_THREADS"), "1"
)
# What Python needs to find itself and its packages; nothing of what else the parent may know.
PASSED_ON = (
    "PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "USER", "LOGNAME", "SYSTEMROOT", "WINDIR",
    "SYSTEMDRIVE", "PATHEXT", "COMSPEC", "USERNAME", "NUMBER_OF_PROCESSORS", "CNNLITE_BACKEND",
)  # fmt: skip
# Loads this package in the child without the rest of cnnlite.
BEGIN = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location(
    "_isolated", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
sys.modules["_isolated"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from _isolated.worker import main
main()
"""


class Lost(Exception):
    """The child gave no answer: it took too long, is gone, or said what cannot be read."""


class Child:
    """A process of its own in a folder of its own; both are gone when the `with` block ends.

    Args:
        service: "calls" or "layers", what it answers.
        seconds: processor time that all requests together may take.
        megabytes: of address space.
        refused: packages that it may not import.

    Attributes:
        folder: where it runs; removed with all that is in it.
        lost: how it was lost; "" as long as it answers.
    """

    def __init__(
        self, service: str, seconds: float, megabytes: int, refused: tuple[str, ...] = ()
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cnnlite-"))
        self.lost = ""
        self._worker = 0  # its process group; 0 is none
        self._to_send: queue.SimpleQueue[Plain] = queue.SimpleQueue()
        self._received: queue.SimpleQueue[Plain] = queue.SimpleQueue()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-B", "-c", BEGIN, str(Path(__file__).parent)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,
            )
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        # Reading is in a thread, because not every system can wait for a pipe with a limit.
        threading.Thread(target=self._converse, daemon=True).start()
        limits = {"megabytes": megabytes, "seconds": seconds}
        try:
            ready = self.ask({"service": service, "refused": refused, **limits}, START)
            self._worker = ready["ready"]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def ask(self, request: dict[str, Plain], seconds: float) -> dict[str, Plain]:
        """Return the answer to one request.

        Args:
            request: what the service understands.
            seconds: time limit.

        Raises:
            Lost: there is none; after that the child is gone, and says so each time.
        """
        if not self.lost:
            self._to_send.put(request)
            try:
                answer = self._received.get(timeout=seconds)
                # Nothing is believed of a file that has ended what watches over it.
                ended = isinstance(answer, EOFError | OSError) or self._process.poll() is not None
                if isinstance(answer, dict) and not ended:
                    return answer
                self.lost = self._how_it_ended() if ended else UNREADABLE
            except queue.Empty:
                self.lost = f"not through after {seconds:g} seconds"
            self.close()
        raise Lost(self.lost)

    def close(self) -> None:
        """End the child and all that it started, and remove its folder."""
        self.lost = self.lost or "the process is over"
        self._to_send.put(None)
        self._end()
        for folder, inner, _ in os.walk(self.folder):  # so that what was locked can be removed
            for name in inner:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    with contextlib.suppress(OSError):
                        os.chmod(path, 0o700)
        with contextlib.suppress(RecursionError):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        folder = str(self.folder)
        places = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), folder)
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        # Packages and fonts that are found under the user's own folder are found there still.
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        kept = {"PYTHONUSERBASE": site.getuserbase(), "XDG_CACHE_HOME": cache, "MPLBACKEND": "Agg"}
        return {**passed, **places, **kept, **ONE_THREAD}

    def _converse(self) -> None:
        """Send each request and read its answer, until there are no more."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked, answer = self._process.stdin, self._process.stdout
        with asked, answer:
            while (request := self._to_send.get()) is not None:
                try:
                    write_frame(asked.fileno(), request)
                    self._received.put(read_frame(answer.fileno()))
                except Exception as error:  # whatever was forged
                    self._received.put(error)

    def _end(self) -> None:
        process = self._process
        if process.stderr is None or process.stderr.closed:
            return
        process.terminate()  # the keeper ends all that it knows of, and then itself
        _, closed = _until_closed(process.stderr.fileno(), FAREWELL)
        if self._worker and hasattr(os, "killpg") and not (closed and process.poll() == 0):
            # The keeper was ended or stopped by the file, so the worker is ended here.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._worker, signal.SIGKILL)
            _end_strays(self.folder)
        process.kill()
        process.wait()
        process.stderr.close()  # the last, for it tells that all this was done

    def _how_it_ended(self) -> str:
        assert self._process.stderr is not None
        said, _ = _until_closed(self._process.stderr.fileno(), FAREWELL)
        word, _, number = said.strip().rpartition("\n")[2].partition(" ")
        if word == TOO_MANY:
            return f"more than {MOST_PROCESSES} processes were started"
        if word == "signal":
            return f"the process was ended by the system (signal {number})"
        if not hasattr(os, "fork"):
            word, number = "exit", str(self._process.returncode)
        if word == "exit" and number.isdigit():
            return f"the process was over before it had answered (exit status {number})"
        return "the process and what watched over it were ended"


def _end_strays(home: Path) -> None:
    """End the processes that were started with this home folder, as far as /proc tells."""
    mark = f"HOME={home}\0".encode()
    for _ in range(100):  # they may start others meanwhile
        found = False
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # gone, or somebody else's
                if mark in (place / "environ").read_bytes():
                    os.kill(int(place.name), signal.SIGKILL)
                    found = True
        if not found:
            return


def _until_closed(descriptor: int, seconds: float) -> tuple[str, bool]:
    """Read a pipe until it is closed or time is up; return the text, and whether it is closed."""
    parts: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    own = os.dup(descriptor)  # another thread may close the pipe, and its number be another file's

    def read() -> None:
        try:
            while part := os.read(own, 4096):
                parts.put(part)
        finally:
            os.close(own)
        parts.put(b"")

    threading.Thread(target=read, daemon=True).start()
    text, closed = b"", False
    with contextlib.suppress(queue.Empty):
        while not closed:
            part = parts.get(timeout=seconds)
            text, closed = (text + part)[-4096:], not part
    return text.decode("utf-8", "replace"), closed

"""What the tests of hostile input share: how many cases, damage of files, and who watches.

pytest tests/test_hostile.py                          some hundred cases, the same every time
CNNLITE_FUZZ_CASES=20000 pytest tests/test_hostile.py     as many new ones of each kind
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import strategies as st

from cnnlite import environment
from tests.generated import generated

ASKED = environment.FUZZ_CASES.value()
"""Cases of each test; 0: the tests' own numbers, the same cases in every run."""

MEMORY = 16
"""Times the file's size, which a reader may use on its way."""

BESIDES = 4 * 2**20
"""Bytes that it may use besides: a piece of an archive, messages, Python's own."""

SECONDS = 60
"""How long a case may take before it counts as hanging; it takes some milliseconds."""

done: dict[str, int] = {}
"""How many cases each reader was given, for the summary."""


def fuzzed(cases: int) -> Callable[[Any], Any]:
    """Hypothesis's settings for so many cases, or as many as were asked for."""
    return generated(cases, ASKED)


# Ways to damage a file: overwrite, insert, remove, repeat, cut.  Places are parts of its length.
_PLACE = st.floats(0, 1, allow_nan=False)
_DAMAGE = st.lists(
    st.tuples(
        st.sampled_from(["overwrite", "insert", "remove", "repeat", "cut"]),
        _PLACE,
        st.binary(min_size=1, max_size=16),
    ),
    min_size=1,
    max_size=6,
)


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """Copies of a file with a few faults."""
    return _DAMAGE.map(lambda faults: _apply(content, faults))


def _apply(content: bytes, faults: list[tuple[str, float, bytes]]) -> bytes:
    for kind, part, piece in faults:
        at = int(part * len(content))
        before, after = content[:at], content[at:]
        if kind == "overwrite":
            content = before + piece + after[len(piece) :]
        elif kind == "insert":
            content = before + piece + after
        elif kind == "remove":
            content = before + after[len(piece) * 7 :]
        elif kind == "repeat":
            content = before + after[: len(piece) * 7] + after
        elif kind == "cut" and at:
            content = before
    return content


# Values in place of those that a file should hold.
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=20),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=5), values),
    max_leaves=10,
)

_RUNS_CODE = {
    "compile", "exec", "import", "marshal.loads", "ctypes.dlopen", "os.exec", "os.fork",
    "os.posix_spawn", "os.system", "pickle.find_class", "socket.connect", "subprocess.Popen",
}  # fmt: skip
_CHANGES_FILES = {
    "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink",
    "os.truncate",
}  # fmt: skip
_watching: Path | None = None
_seen: list[str] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching is None:
        return
    writes = event in _CHANGES_FILES or (event == "open" and _writes(arguments))
    elsewhere = writes and not _place(arguments).resolve().is_relative_to(_watching)
    if event in _RUNS_CODE or elsewhere:
        _seen.append(f"{event} {arguments!r:.200}")


def _place(arguments: tuple[Any, ...]) -> Path:
    """The file that an event is about; shutil names files by an open folder and a name in it."""
    *_, folder = arguments
    base = f"/proc/self/fd/{folder}" if isinstance(folder, int) and folder > 0 else ""
    return Path(base if os.path.exists(base) else "", os.fsdecode(arguments[0]))


def _writes(arguments: tuple[Any, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


sys.addaudithook(_audit)  # for good, as all of them; it does nothing while nobody watches


def _hangs(number: int, frame: FrameType | None) -> None:
    raise AssertionError(f"still reading after {SECONDS} seconds")


@contextlib.contextmanager
def watched(name: str, folder: Path, size: int, refusals: tuple[type[Exception], ...]) -> Iterator:
    """Let hostile input be read in the block, and see that nothing happens but a refusal.

    Args:
        name: what is read, for the summary.
        folder: where files may be written.
        size: bytes of the input.
        refusals: what may be raised.

    Raises:
        AssertionError: the reader raised something else, hung, took much more memory than `size`,
            ran code, or wrote elsewhere.
    """
    global _watching
    done[name] = done.get(name, 0) + 1
    _seen.clear()
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _hangs)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
    tracemalloc.start()
    _watching = folder.resolve()
    try:
        with contextlib.suppress(*refusals):
            yield
    finally:
        _watching = None
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert not _seen, f"reading {name} did this: {_seen}"
    assert peak <= MEMORY * size + BESIDES, f"reading {size} bytes of {name} took {peak} bytes"

"""A child process: whatever its file does, there is an answer or an end, and nothing stays."""

import base64
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cnnlite.isolated import process
from cnnlite.isolated.process import Child, Lost
from cnnlite.isolated.wire import read_frame

LIMIT = 60  # seconds; so long, because the machine may be busy with other things
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, forks and sessions")
LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


def load(child: Child, text: str | bytes, seconds: float = LIMIT) -> dict[str, Any]:
    source = text.encode() if isinstance(text, str) else text
    request = {
        "load": base64.b64encode(source).decode(), "shown": "mine.py", "helpers": "",
        "place": str(child.folder / "mine.py"), "path": [],
    }  # fmt: skip
    return child.ask(request, seconds)


def value_of(child: Child, expression: str) -> Any:
    answer = child.ask({"calls": [{"call": expression, "inputs": {"dict": {}}}]}, LIMIT)
    (result,) = answer["results"]
    return result["result"]


def child() -> Child:
    return Child("calls", LIMIT, 1024, ("cnnlite",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os; os._exit(0)", "over before it had answered (exit status 0)"),
        ("import os; os._exit(3)", "over before it had answered (exit status 3)"),
        ("import os; os.abort()", "ended by the system (signal 6)"),
        ("import os; os.kill(os.getpid(), 9)", "ended by the system (signal 9)"),
        ("import ctypes; ctypes.string_at(0)", "ended by the system (signal 11)"),
        ("import os; os.killpg(0, 9)", "ended by the system (signal 9)"),
        ("import os\nif os.fork(): os._exit(0)\nos.setsid()\nwhile True: pass", "exit status 0"),
        ("import os\nfor f in range(3, 30):\n  try: os.write(f, b'[' * 10**5)\n"
         "  except OSError: pass", "cannot be read"),
    ],
)  # fmt: skip
def test_a_file_that_ends_its_process_is_told(text: str, said: str) -> None:
    with child() as one, pytest.raises(Lost) as lost:
        load(one, text)
    assert said in str(lost.value)
    assert not one.folder.exists()


@pytest.mark.parametrize(
    "text",
    [
        "while True: pass",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import time; time.sleep(10**6)",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
    ],
)
def test_a_file_that_never_ends_costs_the_limit(text: str) -> None:
    with child() as one, pytest.raises(Lost, match=r"not through after 0\.5 seconds"):
        load(one, text, 0.5)


@LINUX
def test_a_file_that_starts_processes_without_end_is_told() -> None:
    start = "subprocess.Popen(['sleep', '99'], start_new_session=True)"
    text = f"import subprocess\nwhile True:\n  {start}"
    with child() as one, pytest.raises(Lost, match="more than 64 processes were started"):
        load(one, text)


@LINUX
@pytest.mark.parametrize("enclosed", [True, False])
def test_what_takes_its_keeper_for_the_checker_gets_nowhere(
    monkeypatch: pytest.MonkeyPatch, enclosed: bool
) -> None:
    if not enclosed:
        without_enclosure(monkeypatch)
    elif not is_enclosed():
        pytest.skip("this system gives nobody a namespace")
    end_keeper = "import os, time\nos.kill(os.getppid(), 9)\n"
    with child() as one:
        if enclosed:  # a first process is out of reach, as is what Landlock keeps away
            answer = load(one, end_keeper)
            assert "names" in answer or answer["error"]["type"] == "PermissionError"
        else:
            with pytest.raises(Lost, match="watched over"):
                load(one, end_keeper + "time.sleep(1000)")
    assert not left_of(one)


APART = "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    "
FARE_WELL = "  os._exit(0)\nos.wait()\n"


@LINUX
@pytest.mark.parametrize("enclosed", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "import subprocess\nsubprocess.Popen(['sleep', '999'], start_new_session=True)\n",
        f"{APART}time.sleep(999)\n{FARE_WELL}",
        f"{APART}while True:\n      if os.fork(): os._exit(0)\n      os.setsid()\n{FARE_WELL}",
        f"{APART}time.sleep(999)\n{FARE_WELL}try: os.kill(os.getppid(), 9)\nexcept OSError: pass\n",
        f"{APART}time.sleep(999)\n{FARE_WELL}os._exit(0)",
    ],
    ids=["session", "daemon", "fleeing", "ends-its-keeper", "goes-first"],
)
def test_what_leaves_for_a_session_of_its_own_ends_too(
    monkeypatch: pytest.MonkeyPatch, text: str, enclosed: bool
) -> None:
    if not enclosed:
        without_enclosure(monkeypatch)
    elif not is_enclosed():
        pytest.skip("this system gives nobody a namespace")
    with child() as one, contextlib.suppress(Lost):
        load(one, text)
    assert not left_of(one)


@LINUX
def test_a_keeper_that_is_late_leaves_no_pipe_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy enough it was, and a warning about the pipe came much later."""
    monkeypatch.setattr(process, "FAREWELL", 0.1)
    with child() as one:
        load(one, "x = 1")
        os.kill(one._process.pid, signal.SIGSTOP)
    assert one._process.stderr is not None
    assert one._process.stderr.closed
    assert not left_of(one)


def without_enclosure(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that lets nobody make namespaces, on a system without Landlock."""
    begin = process.BEGIN.replace(
        "from _isolated.worker import main\n",
        "from _isolated import keeper, worker\nkeeper.enclose = lambda: False\n"
        "worker.fence = lambda folder: False\nfrom _isolated.worker import main\n",
    )
    assert begin != process.BEGIN
    monkeypatch.setattr(process, "BEGIN", begin)


@cache
def is_enclosed() -> bool:
    with child() as one:
        load(one, "import os\nparent = os.getppid()")
        return bool(value_of(one, "parent") == 1)


def left_of(one: Child) -> list[Path]:
    """The processes that a child has left behind; one that was killed is not gone at once."""
    mark, left = f"HOME={one.folder}".encode(), list[Path]()
    for _ in range(1000):
        left = [path.parent for path in Path("/proc").glob("[0-9]*/environ") if has(path, mark)]
        if not left:
            break
        time.sleep(0.01)
    return left


def has(path: Path, mark: bytes) -> bool:
    try:
        return mark in path.read_bytes()
    except OSError:
        return False


@LINUX
def test_nothing_outside_its_folder_can_be_changed(tmp_path: Path) -> None:
    others = tmp_path / "anna.py"
    others.write_text("right = True\n", encoding="utf-8")
    here = os.getpid()
    tries = {
        "write": f"open({str(others)!r}, 'w')",
        "append": f"open({str(others)!r}, 'a')",
        "cut": f"os.truncate({str(others)!r}, 0)",
        "delete": f"os.remove({str(others)!r})",
        "rename": f"os.rename({str(others)!r}, {str(others)[:-3]!r})",
        "replace": f"os.replace('mine', {str(others)!r})",
        "link": f"os.symlink('/', {str(tmp_path / 'link')!r})",
        "make": f"os.mkdir({str(tmp_path / 'new')!r})",
        "signal": f"os.kill({here}, 15)",
        "connect": "socket.create_connection(('127.0.0.1', PORT), 1)",
    }
    with socket.create_server(("127.0.0.1", 0)) as server, child() as one:
        text = "import os, socket\nopen('mine', 'w').close()\ndone = []\n" + "".join(
            f"try: {call}; done.append({name!r})\nexcept OSError: pass\n"
            for name, call in tries.items()
        )
        load(one, text.replace("PORT", str(server.getsockname()[1])))
        done = [item["text"] for item in value_of(one, "done")["list"]]
        able = value_of(one, "open(os.devnull, 'w').write('x')"), value_of(one, "len(os.listdir())")
    if not has_landlock():
        pytest.skip("this system has no Landlock")
    assert done == []
    assert able == (1, 1)
    assert others.read_text(encoding="utf-8") == "right = True\n"


def has_landlock() -> bool:
    """Whether Linux has its sixth version, with signals."""
    return bool(ctypes.CDLL(None).syscall(444, None, 0, 1) >= 6)


def test_what_it_writes_is_gone_with_it(tmp_path: Path) -> None:
    text = (
        "import os, pathlib, tempfile\n"
        "open('left', 'w').write('x')\n"
        "(pathlib.Path.home() / 'left').write_text('x')\n"
        "open(os.path.join(tempfile.gettempdir(), 'left'), 'w').write('x')\n"
        "open(os.path.join(os.path.dirname(__file__), 'left'), 'w').write('x')\n"
        "os.mkdir('locked'); open('locked/x', 'w').write('x'); os.chmod('locked', 0)\n"
        "os.symlink('/', 'root')\n"
        "os.chdir('/')\n"
    )
    before = set(Path.cwd().iterdir()), set(Path.home().iterdir())
    with child() as one:
        assert "error" not in load(one, text)
        assert (one.folder / "left").exists()
    assert not one.folder.exists()
    assert (set(Path.cwd().iterdir()), set(Path.home().iterdir())) == before


def test_it_does_not_see_what_the_environment_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    with child() as one:
        load(one, "import os\nseen = sorted(os.environ)")
        seen = [item["text"] for item in value_of(one, "seen")["list"]]
    assert "SECRET_TOKEN" not in seen
    assert "PATH" in seen


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"# \xe9\n", "not written in UTF-8: save the file in UTF-8"),
        (b"x = 1\n\nx = '\xe9'\n", "not written in UTF-8: save the file in UTF-8"),
        ("x = 1".encode("utf-16"), "not written in UTF-8"),
        (b"# coding: nonsense\nx = 1\n", "unknown encoding"),
        (b"# coding: ascii\n# \xc3\xa9\n", "not written in ASCII"),
        (b"x = 1\0\n", "null bytes"),
        (b"def f(x: Nope): pass\n", "name 'Nope' is not defined"),
        (b"x = 1\nfrom __future__ import annotations\n", "from __future__ imports must occur"),
        (b"if 1:\n\tx = 1\n        y = 2\n", "inconsistent use of tabs"),
    ],
)
def test_what_python_refuses_is_refused(source: bytes, said: str) -> None:
    with child() as one:
        assert said in load(one, source)["error"]["text"]


@pytest.mark.parametrize(
    "source",
    [
        b"\xef\xbb\xbfx = 1\r\n",
        "# coding: cp1252\nx = '\u00e9'\n".encode("cp1252"),
        "x = '\u00e9'\rx = 2".encode(),
        b"",
    ],
)
def test_what_python_takes_is_taken(source: bytes) -> None:
    with child() as one:
        assert "names" in load(one, source)


@pytest.mark.parametrize(
    "text",
    [
        "class E(BaseException):\n  def __str__(self): raise KeyboardInterrupt\nraise E",
        "class M(type):\n  __name__ = 3\nclass E(Exception, metaclass=M): pass\nraise E",
        "raise KeyboardInterrupt",
        "def f(): f()\nf()",
        "raise SystemExit(0)",
        "raise type('E', (Exception,), {'__str__': lambda self: 3})",
        "raise ValueError('x' * 10**7)",
    ],
)
def test_whatever_is_raised_is_told(text: str) -> None:
    with child() as one:
        error = load(one, text)["error"]
        assert len(json.dumps(error)) < 1000
        assert error["line"]


def test_a_message_of_a_length_that_cannot_be_is_refused() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"\xff" * 8)
    os.close(writer)
    with pytest.raises(ValueError, match="a message of"):
        read_frame(reader)
    os.close(reader)

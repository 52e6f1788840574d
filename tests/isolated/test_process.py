"""A child process: whatever its file does, there is an answer or an end, and nothing stays."""

import base64
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

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
def test_what_takes_its_keeper_for_the_checker_ends_itself_only() -> None:
    with child() as one, pytest.raises(Lost, match="watched over"):
        load(one, "import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(1000)")


@LINUX
@pytest.mark.parametrize(
    "text",
    [
        "import subprocess\npid = subprocess.Popen(['sleep', '999'], start_new_session=True).pid",
        "import os, time\nr, w = os.pipe()\nif os.fork() == 0:\n  os.setsid()\n"
        "  if os.fork() == 0:\n    os.write(w, str(os.getpid()).encode())\n    time.sleep(999)\n"
        "  os._exit(0)\npid = int(os.read(r, 20))",
    ],
)
@pytest.mark.parametrize("then", ["", "\nos = __import__('os')\ndef leave(): os._exit(0)"])
def test_a_grandchild_in_a_session_of_its_own_ends_too(text: str, then: str) -> None:
    with child() as one:
        load(one, text + then)
        pid = value_of(one, "pid")
        if then:
            with pytest.raises(Lost):
                value_of(one, "leave()")
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(1000):  # a process that was killed is not gone at once
        if gone(stat):
            break
        time.sleep(0.01)
    assert gone(stat)


def gone(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


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

"""Files that hang, leave, lie or break: none of them passes, none of them stops the check."""

import contextlib
import os
import time
from pathlib import Path

import pytest

from cnnlite.exercises import EXERCISES, Verdict, check
from cnnlite.exercises.submission import Session, start_child
from tests.exercises.checked import SOLUTIONS, verdict_on

RIGHT = (SOLUTIONS / "relu.py").read_text(encoding="utf-8")
LIMIT = 20  # seconds; so long, because the machine may be busy with other things


def verdict(folder: Path, text: str, part: str = "forward", seconds: float = LIMIT) -> Verdict:
    file = folder / "hostile.py"
    file.write_text(text, encoding="utf-8")
    (found,) = check(EXERCISES["relu"], file, part, seconds=seconds)
    return found


def body(text: str) -> str:
    """A file whose relu_forward does this."""
    lines = "\n".join(f"    {line}" for line in text.splitlines())
    return f"import os, sys\nimport numpy as np\n\ndef relu_forward(x):\n{lines}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys\nsys.exit(0)", "leaves Python in line 2: sys.exit(0)"),
        ("import os\nos._exit(0)", "over before it had answered (exit status 0)"),
        ("import os\nos.kill(os.getpid(), 9)", "ended by the system (signal 9)"),
        ("x = 1\ny = 1 / 0", "cannot be loaded: raised ZeroDivisionError: division by zero in"
         " line 2: y = 1 / 0"),
        ("def relu_forward(x)\n", "raised SyntaxError: expected ':' in line 1: def relu_forw"),
        ("x = '\0'", "source code string cannot contain null bytes"),
        ("", "the file has no function relu_forward any more"),
        ("relu_forward = 3", "the file has no function relu_forward any more"),
        ("import cnnlite", "cnnlite has it ready; this exercise is to be done without"),
        ("from torch.nn.functional import relu", "torch has it ready"),
        (body("sys.exit(0)"), "leaves Python in line 5: sys.exit(0)"),
        (body("os._exit(0)"), "over before it had answered"),
        (body("return 1 / 0"), "raised ZeroDivisionError: division by zero in line 5: return 1"),
        (body("return bytearray(2**33)"), "more than 1024 MB of memory are asked for in line 5"),
        (body("return np.ones(2**31)"), "MB of memory are asked for"),
        (body("kept = []\nwhile True:\n    kept.append(bytearray(2**26))"), "MB of memory are"),
        (body("return relu_forward(x)"), "a function that calls itself without an end"),
        (body("return input()"), "raised EOFError"),
    ],
)  # fmt: skip
def test_gets_nothing_and_is_told_why(tmp_path: Path, text: str, said: str) -> None:
    found = verdict(tmp_path, text)
    assert found.points == 0
    assert said in found.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (body("return 'passed'"), "returned 'passed', expected an array of shape (3, 4)"),
        (body("return True"), "returned True, expected"),
        (body("return object()"), "returned an object of type object, expected an array"),
        (body("return np.array([[None]])"), "returned an array of shape (1, 1) and dtype object"),
        (body("return [1, 2]"), "came shape (2,), expected (3, 4)"),
        (body("y = []\ny.append(y)\nreturn y"), "returned a list of 1, expected"),
        (body("return np.zeros(2**24)"), "returned an array of shape (16777216,)"),
        (body("return x.astype(int)"), "came dtype int64, expected float64"),
        (body("return x + 1j"), "returned an array of shape (3, 4) and dtype complex128, exp"),
        (body("return x * np.nan"), "came nan at index (0, 0)"),
        (body("x[x < 0] = 0\nreturn x.copy()"), "input x was modified in place"),
        (body("y = x * 0\nx *= x > 0\nreturn x"), "modified in place"),
        ("import numpy as np\ndef relu_forward(x, y):\n    return x", "missing 1 required"),
    ],
)  # fmt: skip
def test_a_result_of_another_kind_is_described(tmp_path: Path, text: str, said: str) -> None:
    """Nothing here can harm, so it needs no process of its own."""
    file = tmp_path / "broken_kind.py"
    file.write_text(text, encoding="utf-8")
    found = verdict_on(file, "relu", "forward")
    assert found.points == 0
    assert said in found.message


@pytest.mark.parametrize(
    "text",
    [
        "import numpy\nnumpy.allclose = numpy.isclose = numpy.array_equal = lambda *a, **k: True\n",
        "print('passed ' * 100)\nprint('forward right 2/2')\n",
        "import sys\nsys.meta_path.clear()\nsys.modules.clear()\n",
        "import sys\nof = sys.modules['_isolated.calls']\n"
        "of.Calls.answer = lambda *a: {'names': ['relu_forward'], 'results': []}\n",
        "import sys\nsys.modules['_isolated.calls'].encode = lambda *a: {'text': 'right'}\n",
        "import sys\nsys.stdout = None\nsys.modules['_isolated.calls'].shared_memory = list\n",
        "class Same:\n    __eq__ = lambda *a: True\n    __le__ = __ge__ = __lt__ = __eq__\n"
        "def relu_forward(x):\n    return Same()\n",
        "import atexit, os\natexit.register(lambda: os._exit(0))\n",
        'import os\nfor number in range(3, 30):\n    try:\n        os.write(number, b\'{"names":'
        ' ["relu_forward"], "results": [{"result": true}]}\')\n    except OSError:\n'
        "        pass\nos._exit(0)\n",
        "import os\nfor number in range(3, 30):\n    try:\n        os.write(number, b'[' * 10**6)\n"
        "    except OSError:\n        pass\nos._exit(0)\n",
    ],
)
def test_tricks_do_not_help_a_wrong_solution(tmp_path: Path, text: str) -> None:
    wrong = RIGHT.replace("np.maximum", "np.minimum")
    found = verdict(tmp_path, wrong + text)
    assert found.points == 0
    assert found.message


@pytest.mark.parametrize(
    "text",
    [
        "while True:\n    pass\n",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
        "while True:\n    pass\n",
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass\n",
    ],
)
def test_what_hangs_is_ended(tmp_path: Path, text: str) -> None:
    found = verdict(tmp_path, RIGHT + text, seconds=0.7)
    assert found.points == 0
    assert found.message == (
        "the file cannot be loaded: not through after 0.7 seconds\nlikely: a loop that never ends?"
    )


@pytest.mark.parametrize(
    "text",
    [
        "for _ in range(20000):\n    print('x' * 100)\n",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n",
        "import atexit, time\natexit.register(time.sleep, 1000)\n",
        "import os\nos.close(1)\nos.close(2)\n",
        "if __name__ == '__main__':\n    1 / 0\n",
        "import warnings\nwarnings.warn('!')\n",
    ],
)
def test_what_is_only_untidy_does_no_harm_to_a_right_solution(tmp_path: Path, text: str) -> None:
    assert verdict(tmp_path, RIGHT + text).message == ""


def test_a_file_may_use_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text(RIGHT, encoding="utf-8")
    assert verdict(tmp_path, "from neighbour_of_mine import *\n").points == 2


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_processes_of_the_file_end_with_it(tmp_path: Path) -> None:
    seconds = f"999.{os.getpid()}"  # by which it is known
    start = f"import subprocess\nsubprocess.Popen(['sleep', '{seconds}'])\n"
    assert verdict(tmp_path, start + RIGHT).points == 2
    for _ in range(1000):  # a process that was killed is not gone at once
        if not sleeping(seconds):
            break
        time.sleep(0.01)
    assert not sleeping(seconds)


def sleeping(seconds: str) -> list[Path]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == f"sleep\0{seconds}\0".encode():
                found.append(path)
    return found


def test_nothing_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    verdict(tmp_path, RIGHT)
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert before == after


def test_walking_every_path_of_a_graph_is_told_from_a_loop_without_end(tmp_path: Path) -> None:
    file = tmp_path / "paths.py"
    text = (SOLUTIONS / "tape.py").read_text(encoding="utf-8").partition("def backward")[0]
    file.write_text(
        f"{text}def backward(result, adjoint=1.0):\n    result.adjoint += adjoint\n"
        "    for parent, slope in result.edges:\n        backward(parent, adjoint * slope)\n",
        encoding="utf-8",
    )
    (found,) = check(EXERCISES["tape"], file, "backward", seconds=0.7)
    assert found.points == 0
    assert "likely: every way to a number is walked" in found.message


class Counted:
    """Starts processes, and counts them."""

    def __init__(self) -> None:
        self.started = 0

    def __call__(self, seconds: float) -> Session:
        self.started += 1
        return start_child(seconds)


def test_a_loop_at_loading_costs_the_limit_once(tmp_path: Path) -> None:
    file, counted = tmp_path / "loop.py", Counted()
    file.write_text("while True:\n    pass\n", encoding="utf-8")
    found = check(EXERCISES["tape"], file, seconds=0.7, start=counted)
    assert counted.started == 1
    assert {verdict.message for verdict in found} == {
        "the file cannot be loaded: not through after 0.7 seconds\nlikely: a loop that never ends?"
    }


def test_a_right_file_is_loaded_once_for_all_its_parts(tmp_path: Path) -> None:
    counted = Counted()
    found = check(EXERCISES["tape"], SOLUTIONS / "tape.py", start=counted)
    assert counted.started == 1
    assert not any(verdict.message for verdict in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os; os._exit(0)", "over before it had answered"),
        ("while True: pass", "not through after"),
        ("return bytearray(2**33)", "MB of memory are asked for"),
        ("import ctypes; ctypes.string_at(0)", "a crash below Python"),
    ],
)
def test_a_part_that_ends_the_process_does_not_take_the_others_with_it(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "half.py"
    file.write_text(RIGHT.replace("return np.maximum(x, 0)", text), encoding="utf-8")
    forward, backward = check(EXERCISES["relu"], file, seconds=5)
    assert said in forward.message
    assert backward.message == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yield x", "returned an object of type generator, expected an array of shape (3, 4) and"
         " dtype float64\nlikely: yield, where a return is needed"),
        ("return (-1.0) ** 0.5 * x", "likely: the root of a negative number"),
        ("return (-1.0) ** 0.5", "returned an object of type complex"),
        ("return np.maximum(x, 0).tolist()", "likely: np.array(...) is missing around the list"),
        ("return np.maximum(x, 0),", "likely: a comma too many behind return"),
        ("return np.maximum(x, 0) > 0", "came dtype bool, expected numbers of float64"),
        ("return np.float16(x)", "came dtype float16, expected float64 as the inputs"),
        ("return float('nan')", "came shape (), expected (3, 4)"),
        ("return {'y': x}", "returned a dict, expected"),
        ("return np.maximum(x, 0).reshape(-1)", "only the shape is not"),
        ("return lambda: x", "returned an object of type function"),
        ("return 10**400", "returned an object of type int"),
    ],
)  # fmt: skip
def test_a_result_of_another_kind_has_its_cause(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "broken_kind.py"
    file.write_text(body(text), encoding="utf-8")
    found = verdict_on(file, "relu", "forward")
    assert found.points == 0
    assert said in found.message


def test_a_file_that_deletes_itself_is_checked_all_the_same(tmp_path: Path) -> None:
    text = "import os\nos.remove(__file__)\n"
    assert verdict(tmp_path, RIGHT + text).message == ""
    assert (tmp_path / "hostile.py").exists()

"""`cnnlite gradcheck FILE:CLASS` on files that leave, hang, lie or break: none passes."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and exit statuses")
Cli = Callable[..., Any]
LAYER = """
import ctypes, os, sys, threading, time
import numpy as np

class Hostile:
    def __init__(self):
        self.params = {{"weight": np.ones(4)}}
        {made}

    def forward(self, x):
        {forward}
        return x * self.params["weight"], x

    def backward(self, dy, cache):
        {backward}
        return {factor} * dy * self.params["weight"], {{"weight": (dy * cache).sum(axis=0)}}

{after}
"""


def checked(
    cli: Cli, made: str = "", forward: str = "", backward: str = "", after: str = "",
    factor: int = 1, seconds: float = 30,
) -> Any:  # fmt: skip
    texts = {"made": made, "forward": forward, "backward": backward}
    bodies = {name: (text or "pass").replace("\n", "\n        ") for name, text in texts.items()}
    Path("mine.py").write_text(LAYER.format(**bodies, after=after, factor=factor))
    arguments = ["mine.py:Hostile", "--input", "3,4", "--seconds", str(seconds)]
    return cli("gradcheck", *arguments)


def test_without_a_trick_it_is_right(cli: Cli) -> None:
    assert checked(cli).status == 0
    assert checked(cli, factor=2).status == 1


END = [
    ("os._exit(0)", "(exit status 0); os._exit() or exit() has no place in a layer"),
    ("os._exit(1)", "(exit status 1)"),
    ("sys.exit(0)", "SystemExit: 0 (mine.py, line "),
    ("raise KeyboardInterrupt", "KeyboardInterrupt: (mine.py, line "),
    ("raise BaseException('so')", "BaseException: so (mine.py, line "),
    ("ctypes.string_at(0)", "ended by the system (signal 11)"),
    ("os.kill(os.getpid(), 9)", "ended by the system (signal 9)"),
    ("raise type('E', (BaseException,), {'__str__': lambda s: 1 / 0})()", "E: (mine.py, line "),
    ("for f in range(3, 30):\n    try: os.write(f, b'{' * 99)\n    except OSError: pass",
     "what came back from the process cannot be read"),
]  # fmt: skip
PLACES = {"made": 2, "after": 2, "forward": 1, "backward": 1}


@pytest.mark.parametrize(("text", "said"), END)
@pytest.mark.parametrize("place", PLACES)
def test_a_file_that_leaves_is_one_line_and_a_status(
    cli: Cli, place: str, text: str, said: str
) -> None:
    outcome = checked(cli, **{place: text})
    assert outcome.status == PLACES[place]
    assert not outcome.out
    (line,) = outcome.err.splitlines()
    assert said in line


@pytest.mark.parametrize("place", PLACES)
def test_an_endless_loop_costs_the_limit(cli: Cli, place: str) -> None:
    outcome = checked(cli, **{place: "while True: pass"}, seconds=1)
    assert outcome.status == PLACES[place]
    (line,) = outcome.err.splitlines()
    assert "not through after 1 seconds; a loop that never ends" in line


def test_memory_is_limited(cli: Cli) -> None:
    outcome = checked(cli, forward="self.all = np.ones(2**33)")
    assert outcome.status == 1
    assert "Memory" in outcome.err


PATCHES = [
    "np.abs = np.max = np.sum = lambda *a, **k: np.float64(0)",
    "np.allclose = np.array_equal = np.isclose = lambda *a, **k: True",
    "import builtins\nbuiltins.abs = builtins.max = lambda *a, **k: 0.0",
    "import cnnlite.gradcheck as g\ng.check_layer = g.relative_error = lambda *a, **k: 0.0",
    "import click\nclick.echo = print = lambda *a, **k: None",
    "print('Hostile: gradients are right')",
    "import atexit\natexit.register(os._exit, 0)",
    "threading.Thread(target=time.sleep, args=(999,)).start()",
]


@pytest.mark.parametrize("patch", PATCHES)
def test_a_patched_library_makes_nothing_right(cli: Cli, patch: str) -> None:
    outcome = checked(cli, after=patch, factor=7)
    assert outcome.status == 1
    assert outcome.out.startswith("Hostile: gradients are WRONG\n")
    assert "it is 7 times what it should be" in outcome.out
    assert np_is_whole()


def np_is_whole() -> bool:
    import numpy as np

    return bool(np.abs(-2.0) == 2 and not np.allclose(1, 2))


@pytest.mark.parametrize(
    "answer",
    [
        "{}", "{'y': 1}", "{'y': {'array': 'x', 'dtype': 'O', 'shape': [1]}}", "{'error': {}}",
        "{'error': 5}", "{'instead': 'x\\x1b[2J'}", "[]", "None", "{'classes': 3}",
        "{'y': {'array': '', 'dtype': 'float64', 'shape': [0]}, 'cache': [], 'changes': {}}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["after", "forward"])
def test_a_forged_answer_is_no_right_one(cli: Cli, place: str, answer: str) -> None:
    trick = f"sys.modules['_isolated.layers'].Layers.answer = lambda *a: {answer}"
    outcome = checked(cli, **{place: trick})
    assert outcome.status in (1, 2)
    assert "\x1b" not in outcome.out + outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    "text",
    [
        "print('x' * 10**6); sys.stderr.write('y' * 10**6)",
        "open(os.path.expanduser('~/left'), 'w').write('x'); os.chdir('/')",
        "np.random.seed(0)",
        "os.environ.clear()",
    ],
)
def test_what_is_only_untidy_does_no_harm(cli: Cli, text: str) -> None:
    before = os.getcwd(), dict(os.environ)
    outcome = checked(cli, forward=text)
    assert outcome.status == 0
    assert outcome.out.startswith("Hostile: gradients are right\n")
    assert (os.getcwd(), dict(os.environ)) == before
    assert not Path("left").exists()


OWN = """
import numpy as np
import cnnlite as nn
from cnnlite import Layer

def net():
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1, rng=0), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.3),
        nn.Flatten(), nn.Linear(48, 3, rng=0),
    )

def block():
    return nn.Residual(nn.Sequential(nn.Conv2d(2, 2, 3, padding=1, rng=0), nn.Tanh()))

def loss():
    return nn.CrossEntropyLoss(label_smoothing=0.1)

class Noise(Layer):
    random = True

    def forward(self, x, train=True, rng=None):
        keep = np.random.default_rng(rng).random(x.shape) < 0.5
        return x * keep, keep

    def backward(self, dy, cache, need_dx=True):
        return dy * cache, {}

class Torch(Layer):
    def forward(self, x, train=True, rng=None):
        import torch
        return torch.tanh(torch.from_numpy(x)).numpy(), x

    def backward(self, dy, cache, need_dx=True):
        return dy * (1 - np.tanh(cache) ** 2), {}

class Counts(Layer):
    def __init__(self):
        self.params["w"] = np.ones(3, np.float32)
        self.alias = self.params["w"]
        self.buffers["calls"] = np.zeros((), np.int64)

    def forward(self, x, train=True, rng=None):
        self.buffers["calls"] += 1
        return x * self.params["w"], x

    def backward(self, dy, cache, need_dx=True):
        return dy * self.params["w"], {"w": (dy * cache).sum(axis=0)}
"""


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("net", "2,2,4,4"), ("block", "2,2,4,4"), ("loss", "4,5"), ("Noise", "3,4"),
        ("Counts", "4,3"),
    ],
)  # fmt: skip
def test_a_right_layer_of_any_kind_is_right(cli: Cli, name: str, shape: str) -> None:
    Path("own.py").write_text(OWN)
    outcome = cli("gradcheck", f"own.py:{name}", "--input", shape)
    assert outcome.status == 0, outcome


def test_a_layer_may_use_another_package(cli: Cli) -> None:
    pytest.importorskip("torch")
    Path("own.py").write_text(OWN)
    assert cli("gradcheck", "own.py:Torch", "--input", "3,4", "--seconds", "60").status == 0


def test_arguments_may_be_any_literals(cli: Cli) -> None:
    Path("own.py").write_text(
        "class Twice:\n"
        "    def __init__(self, *a, **k):\n"
        "        assert (a, k) == ((1j, {2}, b'x', None), {'p': ((1, 2), [3]), 's': '):('})\n"
        "    def forward(self, x):\n        return 2 * x, None\n"
        "    def backward(self, dy, cache):\n        return 2 * dy, {}\n"
    )
    call = "own.py:Twice(1j, {2}, b'x', None, p=((1, 2), [3]), s='):(')"
    assert cli("gradcheck", call, "--input", "2,3").status == 0


def test_a_parameter_that_is_no_array_is_named(cli: Cli) -> None:
    text = OWN.replace("np.ones(3, np.float32)\n", "[1.0, 2.0, 3.0]\n")
    Path("own.py").write_text(text)
    outcome = cli("gradcheck", "own.py:Counts", "--input", "4,3")
    assert outcome.status == 1
    assert "params['w'] is a list, not an array" in outcome.err

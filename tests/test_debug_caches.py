"""CNNLITE_DEBUG_CACHES=1 finds arrays that were overwritten between forward and backward."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import Linear, functional
from cnnlite.debug_caches import debug_caches

ROOT = Path(__file__).resolve().parents[1]


def python(*arguments: str, guarded: bool = True) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment["CNNLITE_DEBUG_CACHES"] = "1" if guarded else "0"
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def result(guarded: bool) -> dict[str, Any]:
    done = python("-m", "tests.caches", guarded=guarded)
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return loaded


def test_overwritten_arrays_gave_wrong_gradients_silently_and_the_zoo_gives_no_false_alarm() -> (
    None
):
    """Every layer, fused or not, every loss; and the guard changes no bit of any gradient."""
    guarded = result(guarded=True)
    assert guarded["faults"] == []
    assert guarded["found"] > 400
    assert result(guarded=False)["digest"] == guarded["digest"]


@pytest.mark.skipif(debug_caches, reason="the variable is set")
def test_without_the_variable_nothing_stands_between_the_caller_and_forward() -> None:
    assert not hasattr(Linear.forward, "guarded")
    assert not hasattr(functional.linear_forward, "__wrapped__")


SCRIPT = """
import numpy as np
from cnnlite import *
from cnnlite import functional as F
from cnnlite.layers import Container

class Scale(Layer):
    def __init__(self): self.params["weight"] = np.ones(3)
    def forward(self, x, train=True, rng=None):
        return x * self.params["weight"], {"kept": (x, x > 0)}
    def backward(self, dy, cache, need_dx=True):
        return dy * self.params["weight"], {"weight": (dy * cache["kept"][0]).sum(0)}

class Inherits(Scale):
    def forward(self, x, train=True, rng=None):
        y, cache = super().forward(x)
        return y, cache | {"more": y + 1}

class Both(Container):
    def __init__(self): self.inner = Scale()
    def children(self): return {"inner": self.inner}
    def forward(self, x, train=True, rng=None):
        y, cache = self.inner.forward(x)
        z, tanh = F.tanh_forward(y)
        return z, [cache, tanh]
    def backward(self, dy, cache, need_dx=True):
        dy = F.tanh_backward(dy, cache[1])
        dx, grads = self.inner.backward(dy, cache[0], need_dx)
        return dx, self.gather_grads([("inner", grads)])

class MyLoss(CrossEntropyLoss):
    pass

def says(change, layer, x):
    y, cache = layer.forward(x)
    change(layer, x, y)
    try:
        layer.backward(np.array(y), cache=cache)
    except RuntimeError as error:
        print(str(error).split(" changed")[0])
    else:
        print("nothing")

x = np.ones((2, 3))
def new_weight(layer, x, y): layer.params["weight"] = layer.params["weight"] + 1
def to_weight(layer, x, y): next(iter(layer.params.values()))[...] = 7
def to_x(layer, x, y): x[...] += 1
def to_y(layer, x, y): y[...] += 1
def nothing(layer, x, y): pass
says(to_x, Scale(), x)
says(to_weight, Scale(), x)
says(new_weight, Scale(), x)
says(nothing, Scale(), x)
says(to_y, Scale(), x)
says(to_x, Inherits(), x)
says(nothing, Inherits(), x)
says(to_y, Both(), x)
says(to_weight, Both(), x)
says(nothing, Both(), x)
says(to_x, Sequential(Flatten(), Residual(Sequential(Scale(), Tanh()))), x)
says(to_weight, Sequential(Flatten(), Residual(Sequential(Scale(), Tanh()))), x)
y, cache = F.linear_forward(x, np.ones((4, 3)))
assert type(cache).__name__ == "LinearCache" and cache.x is x
x[...] = 0
try:
    F.linear_backward(y, cache)
except RuntimeError as error:
    print(str(error).split(" changed")[0])
scores = np.ones((2, 3))
value, cache = MyLoss().forward(scores, np.array([0, 1]))
cache.probabilities[...] = 0
try:
    MyLoss().backward(cache)
except RuntimeError as error:
    print(str(error).split(" changed")[0])
"""


def test_the_message_names_layer_and_array(tmp_path: Path) -> None:
    """Layers of one's own too, with any kind of cache, derived ones and containers."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = python(str(script))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Scale(): x",
        "Scale(): weight",
        "Scale(): weight",
        "nothing",
        "nothing",
        "Inherits(): x",
        "nothing",
        "Both: y",
        "layer 'inner', Scale(): weight",
        "nothing",
        "layer '1.body.0', Scale(): x",
        "layer '1.body.0', Scale(): weight",
        "linear: x",
        "MyLoss: probabilities",
    ]


def test_an_unknown_value_is_refused() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CNNLITE_DEBUG_CACHES": "yes"}
    done = subprocess.run(
        [sys.executable, "-c", "import cnnlite.layers"], env=environment, capture_output=True,
        text=True,
    )  # fmt: skip
    assert "CNNLITE_DEBUG_CACHES is 'yes', expected 0 or 1" in done.stderr


def test_memory_is_given_back_with_the_variable_too() -> None:
    """A sealed list once referred to itself, and kept all arrays until the collector came."""
    done = python("-m", "pytest", "-q", "tests/layers/test_sequential.py", "-k", "memory or keeps")
    assert done.returncode == 0, done.stdout


def test_arrays_are_found_in_any_kind_of_cache() -> None:
    from dataclasses import dataclass

    from cnnlite.debug_caches import _arrays

    @dataclass
    class Cache:
        x: np.ndarray
        rest: Any

    class Slots:
        __slots__ = ("mask",)

    slots = Slots()
    slots.mask = np.ones(1)  # type: ignore[attr-defined]
    cycle: list[Any] = [np.ones(2)]
    cycle.append(cycle)
    cache = (Cache(np.ones(3), {"a": cycle}), slots, None, 3, Linear(1, 1))
    assert [path for path, _ in _arrays(cache, "", set())] == [
        "[0].x",
        "[0].rest['a'][0]",
        "[1].mask",
    ]


def test_arrays_in_closures_partials_and_methods_were_not_found() -> None:
    """A backward that forward returns as a function needs what the function refers to."""
    from functools import partial

    from cnnlite.debug_caches import _arrays

    class Pullback:
        def __init__(self, x: np.ndarray) -> None:
            self.x = x

        def __call__(self, dy: np.ndarray) -> np.ndarray:
            return dy * self.x

    x, layer = np.ones(3), Linear(1, 1)
    a, b, c, d = (np.full(1, number) for number in range(4))
    cache = (
        lambda dy: (dy * a, layer),
        partial(np.multiply, b, out=c),
        Pullback(d),
        Pullback(x).__call__,
    )
    assert dict(_arrays(cache, "", set())) == {
        "[0].a": a,
        "[1].args[0]": b,
        "[1].keywords['out']": c,
        "[2].x": d,
        "[3].x": x,
    }

"""Programs of their own for tests: one that hangs is killed with all its children."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import cnnlite
from tests.builds import environment


def run_program(code: str, *arguments: str, seconds: float = 120, **variables: str) -> list[str]:
    """Run Python code and return the words it prints.

    Args:
        code: the program; `arguments` are its sys.argv[1:].
        seconds: how long it may take before it counts as hanging, far more than it needs.
        variables: to set in its environment.

    Raises:
        AssertionError: it hangs, or fails; with what it wrote to stderr.
    """
    folder = Path(cnnlite.__file__).parents[1]  # the same build as here
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *arguments],
        cwd=folder,
        env={**environment(folder), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        # A child that hangs holds the pipes open too: killing the program alone would not end this.
        kill_all(process)
        out, err = process.communicate()
        raise AssertionError(f"the program hangs; it wrote {out!r} and {err!r}") from None
    assert process.returncode == 0, err
    return out.split()


def kill_all(process: subprocess.Popen) -> None:
    """Kill a process that was started in a session of its own, and its children."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def one_step(_: object = None) -> bytes:
    """Run a network forward and backward; for pools, which must be able to import it."""
    import numpy as np

    import cnnlite

    x = np.random.default_rng(0).standard_normal((24, 3, 32, 32)).astype(np.float32)
    model = cnnlite.models.MODELS["three_layer_convnet"](rng=0)
    scores, cache = model.forward(x, rng=0)
    _, grads = model.backward(np.ones_like(scores), cache, need_dx=False)
    return b"".join(array.tobytes() for array in (scores, *grads.values()))

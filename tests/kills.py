"""Kills a training with SIGKILL at random moments and continues it, many times.

    python -m tests.kills [KILLS [SEED]]       default: 100 kills, seed 0; exit status 1 on failure

The training of tests/trainings.py saves a checkpoint after each step, which takes a good part of
its time, so that kills hit checkpoints as well.  One that comes to its end must have the bits of
one that was never disturbed; then the next begins.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from cnnlite.storage import read_arrays

ROOT = Path(__file__).parents[1]
ENV = {**os.environ, "CNNLITE_NUM_THREADS": "1"}
STEPS_PER_EPOCH = 5


def run(path: Path, kill_after: float | None = None) -> str | None:
    """Train, or continue if `path` is there, in a process of its own.

    Args:
        path: the checkpoint.
        kill_after: seconds from the moment before the first step.

    Returns:
        The fingerprint at the end; None if the kill came before.
    """
    how = "resume" if path.exists() else "start"
    command = [sys.executable, "-m", "tests.trainings", str(path), how, "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=ENV)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "ready\n"
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        rest = process.stdout.read().split()
    return rest[0] if rest else None


def survive(path: Path, kills: int, seed: int = 0) -> Counter[str]:
    """Kill and continue until there were so many kills, and once more to the end.

    Args:
        path: the checkpoint, not there yet, alone in its folder.
        kills: how many.
        seed: of the moments.

    Returns:
        How many kills there were, how many of them in a checkpoint ("in a checkpoint"), before the
        first one ("before the first"), with the last checkpoint at the end of an epoch ("at the
        end of an epoch"); and how many trainings came to their end ("trainings").

    Raises:
        AssertionError: a training ended with other bits, or something was left behind.
    """
    started = time.perf_counter()
    undisturbed = run(path)
    seconds = time.perf_counter() - started
    assert undisturbed is not None
    path.unlink()
    pick, counts = random.Random(seed), Counter[str]()
    while True:
        last = counts["kills"] == kills
        result = run(path, None if last else pick.uniform(0.0, 0.3 * seconds))
        if result is not None:
            assert result == undisturbed, "a continued training ended with other bits"
            assert list(path.parent.iterdir()) == [path], "a draft of a checkpoint was left"
            counts["trainings"] += 1
            if last:
                return counts
            path.unlink()
            continue
        counts["kills"] += 1
        counts["in a checkpoint"] += any(p != path for p in path.parent.iterdir())
        if path.exists():
            _, metadata = read_arrays(path)
            assert metadata is not None
            counts["at the end of an epoch"] += metadata["step"] % STEPS_PER_EPOCH == 0
        else:
            counts["before the first"] += 1


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as folder:
        found = survive(Path(folder, "training.safetensors"), number, *map(int, sys.argv[2:3]))
    print(
        f"{found['kills']} kills survived: {found['in a checkpoint']} while a checkpoint was "
        f"written, {found['before the first']} before the first one, "
        f"{found['at the end of an epoch']} with the last one at the end of an epoch; "
        f"{found['trainings']} trainings ended, all with the bits of the undisturbed one"
    )

"""A training that is stopped or killed anywhere continues to the same bits."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import cnnlite
from cnnlite.callbacks import Callback
from cnnlite.checkpoint import Checkpoint
from cnnlite.optim import SGD, Adam, Optimizer, RMSprop
from cnnlite.schedules import OneCycle
from cnnlite.solver import Solver
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).parents[1]
ENV = {**os.environ, "CNNLITE_NUM_THREADS": "1"}


class StopAt(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, solver: Solver) -> None:
        if solver.step == self.step:
            solver.stop()


@pytest.fixture(scope="module")
def undisturbed(one_thread: None) -> str:
    solver = trainings.solver()
    solver.train()
    return trainings.fingerprint(solver)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "training.safetensors"


@pytest.mark.parametrize("step", range(1, 16))
def test_stopped_at_any_step(path: Path, undisturbed: str, step: int) -> None:
    """Steps 5 and 10 end an epoch: its evaluation is still to come."""
    first = trainings.solver(checkpoint=path, callbacks=[StopAt(step)])
    first.train()
    assert first.step == step
    second = trainings.solver(checkpoint=path)
    history = second.resume()
    assert len(history) == 3
    assert trainings.fingerprint(second) == undisturbed


def test_stopped_after_every_single_step(path: Path, undisturbed: str) -> None:
    trainings.solver(checkpoint=path, callbacks=[StopAt(1)]).train()
    for step in range(2, 17):
        solver = trainings.solver(checkpoint=path, callbacks=[StopAt(step)])
        solver.resume()
    assert trainings.fingerprint(solver) == undisturbed


def test_crashed_after_the_end_of_an_epoch_before_its_evaluation(
    path: Path, undisturbed: str
) -> None:
    class Crash(Callback):
        def after_step(self, solver: Solver) -> None:
            if solver.step == 11:
                raise RuntimeError("power cut")

    copies = path.with_name("copies")
    copies.mkdir()

    class Copying(Checkpoint):
        def save(self, solver: Solver) -> None:
            super().save(solver)
            shutil.copy(path, copies / f"{solver.epoch}-{solver.step}")

    first = trainings.solver(checkpoint=Copying(path, every_steps=1), callbacks=[Crash()])
    with pytest.raises(RuntimeError, match="power cut"):
        first.train()
    for name in ("0-5", "1-5", "1-6", "1-9", "1-10", "2-10"):
        shutil.copy(copies / name, path)
        second = trainings.solver(checkpoint=path)
        second.resume()
        assert trainings.fingerprint(second) == undisturbed, name


@pytest.mark.parametrize(
    "optimizer", [SGD(0.1), RMSprop(0.001, momentum=0.9), Adam(0.01, weight_decay=0.01)]
)
def test_every_optimizer(path: Path, optimizer: Optimizer) -> None:
    def again(**options: Any) -> Solver:
        fresh = type(optimizer)(**optimizer.options)
        return trainings.solver(optimizer=fresh, schedule=OneCycle(), num_epochs=2, **options)

    straight = again()
    straight.train()
    again(checkpoint=path, callbacks=[StopAt(4)]).train()
    resumed = again(checkpoint=path)
    resumed.resume()
    assert trainings.fingerprint(resumed) == trainings.fingerprint(straight)


def test_any_number_of_threads(undisturbed: str) -> None:
    cnnlite.set_num_threads(3)
    solver = trainings.solver()
    solver.train()
    cnnlite.set_num_threads(1)
    assert trainings.fingerprint(solver) == undisturbed


def test_a_finished_training_has_nothing_to_resume(path: Path, undisturbed: str) -> None:
    trainings.solver(checkpoint=path).train()
    again = trainings.solver(checkpoint=path)
    again.resume()
    assert trainings.fingerprint(again) == undisturbed


def test_num_epochs_is_the_total(path: Path) -> None:
    longer = trainings.solver(num_epochs=2, schedule=None)
    longer.train()
    trainings.solver(checkpoint=path, num_epochs=1, schedule=None).train()
    resumed = trainings.solver(checkpoint=path, num_epochs=2, schedule=None)
    assert len(resumed.resume()) == 2
    assert trainings.fingerprint(resumed) == trainings.fingerprint(longer)


def test_saved_after_each_epoch_and_every_so_many_steps(path: Path) -> None:
    saved = []

    class Counting(Checkpoint):
        def save(self, solver: Solver) -> None:
            super().save(solver)
            saved.append((solver.epoch, solver.step))

    trainings.solver(checkpoint=Counting(path)).train()
    assert saved == [(1, 5), (2, 10), (3, 15)]
    saved.clear()
    trainings.solver(checkpoint=Counting(path, every_steps=4), num_epochs=2).train()
    assert saved == [(0, 4), (1, 5), (1, 8), (2, 10)]
    assert list(path.parent.iterdir()) == [path]


# Killed processes


def run(path: Path, how: str, kill_after: float | None = None) -> str | None:
    """Train in a process of its own; kill it after so many seconds, if it still runs."""
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


def kill_many_times(path: Path, undisturbed: str, kills: int, seed: int) -> None:
    """Kill and resume, until there were so many; a training that came to its end starts anew."""
    pick = random.Random(seed)
    killed = 0
    while killed < kills:
        how = "resume" if path.exists() else "start"
        result = run(path, how, kill_after=pick.uniform(0.0, 0.1))
        if result is None:
            killed += 1
        else:
            assert result == undisturbed
            path.unlink()
    assert run(path, "resume" if path.exists() else "start") == undisturbed
    trainings.solver(checkpoint=path).resume()
    assert list(path.parent.iterdir()) == [path]  # no drafts of the killed


def test_killed_at_random_moments(path: Path, undisturbed: str) -> None:
    """A checkpoint after each step takes a good part of the time, so kills hit it as well."""
    kill_many_times(path, undisturbed, kills=4, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_killed_at_many_random_moments(path: Path, undisturbed: str, seed: int) -> None:
    kill_many_times(path, undisturbed, kills=20, seed=seed)


def test_killed_in_the_middle_of_writing_a_checkpoint(path: Path, undisturbed: str) -> None:
    """Killed between draft and rename: the old checkpoint holds, and the draft goes away."""
    program = f"""
import os, signal
from pathlib import Path
from cnnlite.checkpoint import Checkpoint
from tests import trainings
real = os.replace
def replace(source, target):
    if solver.step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    real(source, target)
os.replace = replace
solver = trainings.solver(checkpoint=Checkpoint({str(path)!r}, every_steps=1))
solver.train()
"""
    if sys.platform == "win32":
        pytest.skip("needs SIGKILL")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=ENV, check=False)
    assert done.returncode == -9
    assert len(list(path.parent.iterdir())) == 2
    resumed = trainings.solver(checkpoint=path)
    resumed.checkpoint.load(resumed)  # type: ignore[union-attr]
    assert resumed.step == 6
    assert list(path.parent.iterdir()) == [path]
    resumed.train()
    assert trainings.fingerprint(resumed) == undisturbed

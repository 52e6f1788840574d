"""A training that is stopped or killed anywhere continues to the same bits."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cnnlite
from cnnlite.callbacks import Callback
from cnnlite.checkpoint import Checkpoint
from cnnlite.optim import SGD, Adam, Optimizer, RMSprop
from cnnlite.schedules import OneCycle
from cnnlite.solver import Solver
from tests import kills, trainings

pytestmark = pytest.mark.usefixtures("one_thread")


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
    first = trainings.solver(checkpoint=path, callbacks=[trainings.StopAt(step)])
    first.train()
    assert first.step == step
    second = trainings.solver(checkpoint=path)
    history = second.resume()
    assert len(history) == 3
    assert trainings.fingerprint(second) == undisturbed


def test_stopped_after_every_single_step(path: Path, undisturbed: str) -> None:
    trainings.solver(checkpoint=path, callbacks=[trainings.StopAt(1)]).train()
    for step in range(2, 17):
        solver = trainings.solver(checkpoint=path, callbacks=[trainings.StopAt(step)])
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
    again(checkpoint=path, callbacks=[trainings.StopAt(4)]).train()
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
    path.unlink()  # a shorter training does not write over it
    trainings.solver(checkpoint=Counting(path, every_steps=4), num_epochs=2).train()
    assert saved == [(0, 4), (1, 5), (1, 8), (2, 10)]
    assert list(path.parent.iterdir()) == [path]


# Killed processes


def test_killed_at_random_moments(path: Path) -> None:
    assert kills.survive(path, kills=4)["kills"] == 4


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_in_the_first_checkpoint_and_started_again(path: Path) -> None:
    """There is nothing to continue, and the draft stayed for ever."""
    command = [sys.executable, "-c", DYING, str(path), "before rename 1"]
    assert subprocess.run(command, cwd=kills.ROOT, env=kills.ENV, check=False).returncode == -9
    assert len(list(path.parent.iterdir())) == 1
    assert not path.exists()
    trainings.solver(checkpoint=path, num_epochs=1).train()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.slow
def test_killed_at_many_random_moments(path: Path) -> None:
    counts = kills.survive(path, kills=200, seed=1)
    assert counts["in a checkpoint"] > 0
    assert counts["at the end of an epoch"] > 0


# Each line of this program may be its last: it dies at one point around the second epoch's end.
DYING = """
import os, signal, sys
from cnnlite.checkpoint import Checkpoint
from tests import kills, trainings
path, point = sys.argv[1:]

def die(here):
    if here == point:
        os.kill(os.getpid(), signal.SIGKILL)

class Dying(trainings.Recorder):
    def before_step(self, solver):
        die(f"before step {solver.step}")
    def after_step(self, solver):
        die(f"after step {solver.step}")
    def after_epoch(self, solver):
        die(f"after epoch {solver.epoch}")
    def before_epoch(self, solver):
        die(f"before epoch {solver.epoch}")

real = {name: getattr(os, name) for name in ("fsync", "replace")}
syncs = [0]
def fsync(file):
    syncs[0] += 1  # of the draft, of the folder, of the next draft
    die(f"before sync {syncs[0]}")
    real["fsync"](file)
    die(f"after sync {syncs[0]}")
def replace(source, target):
    die(f"before rename {syncs[0]}")
    if point == f"half written {syncs[0]}":  # as if the page cache had been lost
        os.truncate(source, os.path.getsize(source) // 2)
        die(point)
    real["replace"](source, target)
    die(f"after rename {syncs[0]}")
os.fsync, os.replace = fsync, replace
trainings.solver(checkpoint=Checkpoint(path, every_steps=1), callbacks=[Dying()]).train()
"""

# After step 10 comes its checkpoint (the 11th: epochs have one too, syncs 21 and 22), then the
# evaluation and the epoch's checkpoint (the 12th, syncs 23 and 24).
POINTS = [
    *("after step 10", "before rename 21", "after epoch 2", "half written 23", "before rename 23"),
    *("after sync 24", "before step 10"),
]
MORE_POINTS = [
    *("before step 9", "before sync 21", "half written 21", "after rename 21", "after sync 22"),
    *("before sync 23", "after rename 23", "before sync 24", "before epoch 2", "after step 11"),
]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize(
    "point", [*POINTS, *(pytest.param(point, marks=pytest.mark.slow) for point in MORE_POINTS)]
)
def test_killed_around_the_end_of_an_epoch(path: Path, undisturbed: str, point: str) -> None:
    command = [sys.executable, "-c", DYING, str(path), point]
    assert subprocess.run(command, cwd=kills.ROOT, env=kills.ENV, check=False).returncode == -9
    resumed = trainings.solver(checkpoint=path)
    resumed.resume()
    assert trainings.fingerprint(resumed) == undisturbed
    assert list(path.parent.iterdir()) == [path]


# Full disks


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_FSIZE and /dev/full")
@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        # From here on, the process may write files of 4096 bytes.
        (
            "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))",
            "File too large",
        ),
        # The draft's name leads to a device that is always full.
        (
            "from cnnlite.files import _draft; _draft(Path(path)).symlink_to('/dev/full')",
            "No space left on device",
        ),
    ],
    ids=["RLIMIT_FSIZE", "/dev/full"],
)
def test_a_full_disk_leaves_the_old_checkpoint_and_says_so(
    path: Path, undisturbed: str, fill: str, reason: str
) -> None:
    program = f"""
import os, sys
from pathlib import Path
from cnnlite.checkpoint import Checkpoint, CheckpointError
from tests import kills, trainings
path = sys.argv[1]

class Fill(trainings.Recorder):
    def after_step(self, solver):
        if solver.step == 7:
            {fill}

try:
    trainings.solver(checkpoint=Checkpoint(path, every_steps=1), callbacks=[Fill()]).train()
except CheckpointError as error:
    print(error)
"""
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(
        command, cwd=kills.ROOT, env=kills.ENV, stdout=subprocess.PIPE, text=True, check=True
    )
    ends = f"{path} cannot be written: {reason}; the file that was there is untouched\n"
    assert done.stdout == ends
    assert list(path.parent.iterdir()) == [path]
    resumed = trainings.solver(checkpoint=path)
    assert resumed.checkpoint is not None
    resumed.checkpoint.load(resumed)
    assert resumed.step == 6
    resumed.train()
    assert trainings.fingerprint(resumed) == undisturbed

"""A training that is stopped anywhere continues to the same bits; what cannot continue says why."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnlite._record
from cnnlite.callbacks import Callback
from cnnlite.checkpoint import Checkpoint, CheckpointError
from cnnlite.data import RandomCropFlip
from cnnlite.layers import ReLU, Sequential, Tanh
from cnnlite.losses import CrossEntropyLoss
from cnnlite.optim import SGD, Adam, Optimizer, RMSprop
from cnnlite.schedules import Cosine, OneCycle
from cnnlite.solver import Solver
from tests import trainings

ROOT = Path(__file__).parents[1]
ENV = {**os.environ, "CNNLITE_NUM_THREADS": "1"}


class StopAt(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, solver: Solver) -> None:
        if solver.step == self.step:
            solver.stop()


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small gain nothing from more, and lose much on a busy machine."""
    before = cnnlite.get_num_threads()
    cnnlite.set_num_threads(1)
    yield
    cnnlite.set_num_threads(before)


@pytest.fixture(scope="module")
def undisturbed() -> str:
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


def killed_until_done(path: Path, undisturbed: str, kills: int, seed: int) -> None:
    pick = random.Random(seed)
    killed, how = 0, "start"
    while killed < kills:
        if run(path, how, kill_after=pick.uniform(0.0, 0.25)) is not None:
            break
        killed += 1
        how = "resume" if path.exists() else "start"
    assert killed
    assert run(path, how) == undisturbed
    assert list(path.parent.iterdir()) == [path]


def test_killed_at_random_moments(path: Path, undisturbed: str) -> None:
    """A checkpoint after each step takes a good part of the time, so kills hit it as well."""
    killed_until_done(path, undisturbed, kills=4, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_killed_at_many_random_moments(path: Path, undisturbed: str, seed: int) -> None:
    killed_until_done(path, undisturbed, kills=20, seed=seed)


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


# What goes wrong


def test_a_checkpoint_that_cannot_be_written_stops_with_everything_intact(
    path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: str
) -> None:
    solver = trainings.solver(checkpoint=Checkpoint(path, every_steps=1))

    class Full(Callback):
        def after_step(self, solver: Solver) -> None:
            def full(*_: Any) -> None:
                raise OSError(28, "No space left on device")

            if solver.step == 7:
                monkeypatch.setattr("os.fsync", full)

    solver.callbacks.append(Full())
    with pytest.raises(CheckpointError, match=r"training.safetensors cannot be written: No space"):
        solver.train()
    monkeypatch.undo()
    assert solver.step == len(solver.loss_history) == 7
    assert list(path.parent.iterdir()) == [path]
    resumed = trainings.solver(checkpoint=path)
    resumed.resume()
    assert trainings.fingerprint(resumed) == undisturbed
    solver.callbacks.clear()
    solver.train()
    assert trainings.fingerprint(solver) == undisturbed


def test_no_file(path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"training.safetensors does not exist: there is no"):
        trainings.solver(checkpoint=path).resume()


def test_bad_paths(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Checkpoint: path .* is a folder"):
        Checkpoint(tmp_path)
    with pytest.raises(ValueError, match=r"Checkpoint: the folder of path .* does not exist"):
        trainings.solver(checkpoint=tmp_path / "no" / "x")
    with pytest.raises(ValueError, match="every_steps must be at least 1, got 0"):
        Checkpoint(tmp_path / "x", every_steps=0)


@pytest.fixture
def saved(path: Path) -> Path:
    trainings.solver(checkpoint=path, num_epochs=1).train()
    return path


DATA = trainings.data()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 8}, "batch_size is 16 in the checkpoint, 8 here"),
        ({"seed": 1}, "seed is 0 in the checkpoint, 1 here"),
        ({"num_train_samples": 41}, "num_train_samples is 40 in the checkpoint, 41 here"),
        ({"schedule": Cosine(warmup=4)}, "schedule.warmup is 3 in the checkpoint, 4 here"),
        ({"schedule": OneCycle()}, "schedule.name is Cosine in the checkpoint, OneCycle here"),
        ({"augment": RandomCropFlip(2, False)}, "augment.padding is 1 in the checkpoint, 2 here"),
        ({"augment": None}, "augment is .* in the checkpoint, None here"),
        ({"loss": CrossEntropyLoss(label_smoothing=0.1)}, "loss.label_smoothing is 0.0 in the ch"),
        ({"optimizer": SGD(0.03, 0.9)}, r"optimizer.lr is 0\.02 in the checkpoint, 0\.03 here"),
        ({"optimizer": Adam()}, "optimizer.name is SGD in the checkpoint, Adam here"),
        (
            {"model": trainings.model(5)},
            r"model.0.weight is float32 \(4, 3, 3, 3\) in the checkpoint, float32 \(5, 3, 3",
        ),
        ({"overfit": 20}, r"X_train is uint8 \(70, 3, 8, 8\) in the checkpoint, uint8 \(20, 3, 8"),
        ({"data": {**DATA, "y_train": DATA["y_train"][::-1]}}, r"y_train is int64 \(70,\)"),
    ],
)
def test_another_training_is_refused(saved: Path, changes: dict[str, Any], message: str) -> None:
    solver = trainings.solver(checkpoint=saved, **changes)
    before = trainings.fingerprint(solver)
    with pytest.raises(CheckpointError, match=f"training.safetensors is of another.*{message}"):
        solver.resume()
    assert trainings.fingerprint(solver) == before


def test_another_activation_is_another_training(saved: Path) -> None:
    """The shapes are the same; the continued run would be of neither network."""
    layers = [Tanh() if isinstance(layer, ReLU) else layer for layer in trainings.model()]
    with pytest.raises(CheckpointError, match=r"is of another training: layers\[3\] is .*ReLU"):
        trainings.solver(model=Sequential(*layers), checkpoint=saved).resume()


def test_other_versions_warn(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cnnlite, "__version__", "0.0.0")
    with pytest.warns(
        UserWarning, match=r"cnnlite is .* in the checkpoint, 0\.0\.0 here; the cont"
    ):
        trainings.solver(checkpoint=saved).resume()


def test_the_same_build_does_not_warn(saved: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainings.solver(checkpoint=saved).resume()


def test_weights_are_no_checkpoint(path: Path) -> None:
    from cnnlite.checkpoint import save_weights

    solver = trainings.solver(checkpoint=path)
    save_weights(path, solver.model.state_dict())
    with pytest.raises(CheckpointError, match=r"safetensors is not a checkpoint, it holds weights"):
        solver.resume()


def test_another_format(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnlite.checkpoint.FORMAT", 2)
    with pytest.raises(CheckpointError, match=r"of another version .* format 1, expected 2"):
        trainings.solver(checkpoint=saved).resume()


@pytest.mark.parametrize(
    "forge",
    [
        lambda arrays, metadata: metadata.update(step=99),
        lambda arrays, metadata: metadata.update(epoch="one"),
        lambda arrays, metadata: metadata.update(epoch=None),
        lambda arrays, metadata: metadata.pop("history"),
        lambda arrays, metadata: metadata.update(history=[1]),
        lambda arrays, metadata: metadata.update(train_acc_history=[]),
        lambda arrays, metadata: arrays.pop("loss_history"),
        lambda arrays, metadata: arrays.pop("model/0.weight"),
        lambda arrays, metadata: arrays.update({"best/0.weight": np.zeros(3)}),
        lambda arrays, metadata: arrays.update({"optimizer/0.weight/momentum_buffer": np.ones(3)}),
        lambda arrays, metadata: arrays.update({"optimizer/9.weight/momentum_buffer": np.ones(3)}),
        lambda arrays, metadata: arrays.update({"optimizer/nonsense": np.ones(3)}),
        lambda arrays, metadata: arrays.update(loss_history=np.array(1.0)),
        lambda arrays, metadata: arrays.update(loss_history=np.ones((5, 2))),
    ],
)
def test_contents_that_do_not_fit_together_are_refused(saved: Path, forge: Any) -> None:
    """Such files come from a program with a fault, not from a disk: their digest is right."""
    from cnnlite._storage import read_arrays, write_arrays

    arrays, metadata = read_arrays(saved)
    assert metadata is not None
    forge(arrays, metadata)
    write_arrays(saved, arrays, metadata)
    solver = trainings.solver(checkpoint=saved)
    before = trainings.fingerprint(solver)
    with pytest.raises(CheckpointError, match=r"training.safetensors is damaged"):
        solver.resume()
    assert trainings.fingerprint(solver) == before


def test_plain_values_of_objects() -> None:
    """A function's address differs in every process: it must not stand in a record."""
    describe = cnnlite._record.describe
    assert describe(len) == "builtins.len"
    assert describe(lambda: 0).endswith("<lambda>")
    assert describe(np.float32(0.5)) == 0.5
    assert describe({"a": (1, None)}) == {"a": [1, None]}
    weighted = describe(CrossEntropyLoss(weight=np.ones(3)))
    assert weighted["weight"] != describe(CrossEntropyLoss(weight=np.zeros(3)))["weight"]
    assert "0x" not in str(weighted)

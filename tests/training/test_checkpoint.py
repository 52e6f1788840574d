"""Checkpoints that cannot be written, read, or used say why, and nothing has changed."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnlite.training.record
from cnnlite.callbacks import Callback
from cnnlite.checkpoint import Checkpoint, CheckpointError
from cnnlite.data import RandomCropFlip
from cnnlite.layers import ReLU, Sequential, Tanh
from cnnlite.losses import CrossEntropyLoss
from cnnlite.optim import SGD, Adam
from cnnlite.schedules import Cosine, OneCycle
from cnnlite.solver import Solver
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def undisturbed(one_thread: None) -> str:
    solver = trainings.solver()
    solver.train()
    return trainings.fingerprint(solver)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "training.safetensors"


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
    with pytest.raises(ValueError, match="every_steps is 0, expected an integer from 1 up"):
        Checkpoint(tmp_path / "x", every_steps=0)
    with pytest.raises(TypeError, match=r"every_steps is 1\.5, expected an integer from 1 up"):
        Checkpoint(tmp_path / "x", every_steps=1.5)  # type: ignore[arg-type]


@pytest.fixture
def saved(path: Path) -> Path:
    """A training that was stopped after its first epoch."""

    class Stop(Callback):
        def after_epoch(self, solver: Solver) -> None:
            solver.stop()

    trainings.solver(checkpoint=path, callbacks=[Stop()]).train()
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


@pytest.mark.parametrize("name", ["cnnlite", "backend", "fused multiply-add"])
def test_other_versions_warn(saved: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    here = {**cnnlite.training.record.versions(), name: "another"}
    monkeypatch.setattr("cnnlite.training.checkpoint.versions", lambda: here)
    with pytest.warns(UserWarning, match=rf"{name} is .* in the checkpoint, another here; the con"):
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
    monkeypatch.setattr("cnnlite.training.checkpoint.FORMAT", 2)
    with pytest.raises(CheckpointError, match=r"of another version .* format 1, expected 2"):
        trainings.solver(checkpoint=saved).resume()


@pytest.mark.parametrize(
    "forge",
    [
        lambda arrays, metadata: metadata.update(step=99),
        lambda arrays, metadata: metadata.update(epoch="one"),
        lambda arrays, metadata: metadata.update(epoch=math.inf),
        lambda arrays, metadata: metadata.update(epoch=None),
        lambda arrays, metadata: metadata.pop("history"),
        lambda arrays, metadata: metadata.update(history=[1]),
        lambda arrays, metadata: metadata["history"][0].pop("val_acc"),
        lambda arrays, metadata: metadata["history"][0].update(loss="low"),
        lambda arrays, metadata: metadata.update(callbacks=3),
        lambda arrays, metadata: metadata.update(stopped_by=[1]),
        lambda arrays, metadata: [arrays.pop(key) for key in [*arrays] if key[:5] == "best/"],
        lambda arrays, metadata: arrays.pop("loss_history"),
        lambda arrays, metadata: arrays.pop("model/0.weight"),
        lambda arrays, metadata: arrays.update({"best/0.weight": np.zeros(3)}),
        lambda arrays, metadata: arrays.update({"optimizer/0.weight/momentum_buffer": np.ones(3)}),
        lambda arrays, metadata: arrays.update({"optimizer/9.weight/momentum_buffer": np.ones(3)}),
        lambda arrays, metadata: arrays.update({"optimizer/nonsense": np.ones(3)}),
        lambda arrays, metadata: arrays.update(
            {key: arrays[key].astype(float) for key in arrays if key.startswith("optimizer/")}
        ),
        lambda arrays, metadata: arrays.update(
            {key: arrays[key].astype(int) for key in arrays if key.startswith("model/")}
        ),
        lambda arrays, metadata: arrays.update(loss_history=np.ones(5, bool)),
        lambda arrays, metadata: arrays.update(loss_history=np.array(1.0)),
        lambda arrays, metadata: arrays.update(loss_history=np.ones((5, 2))),
    ],
)
def test_contents_that_do_not_fit_together_are_refused(saved: Path, forge: Any) -> None:
    """Such files come from a program with a fault, not from a disk: their digest is right."""
    from cnnlite.storage import read_arrays, write_arrays

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
    describe = cnnlite.training.record.describe
    assert describe(len) == "builtins.len"
    assert describe(lambda: 0).endswith("<lambda>")
    assert describe(np.float32(0.5)) == 0.5
    assert describe({"a": (1, None)}) == {"a": [1, None]}
    weighted = describe(CrossEntropyLoss(weight=np.ones(3)))
    assert weighted["weight"] != describe(CrossEntropyLoss(weight=np.zeros(3)))["weight"]
    assert "0x" not in str(weighted)


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_a_damaged_file_is_refused(saved: Path, length: int) -> None:
    saved.write_bytes(saved.read_bytes()[:length])
    solver = trainings.solver(checkpoint=saved)
    before = trainings.fingerprint(solver)
    with pytest.raises(CheckpointError, match=r"training\.safetensors is damaged, or no safet"):
        solver.resume()
    assert trainings.fingerprint(solver) == before


def test_a_pickle_is_not_run(saved: Path, tmp_path: Path) -> None:
    saved.write_bytes(b"cos\nmkdir\n(S'" + str(tmp_path / "made").encode() + b"'\ntR.")
    with pytest.raises(CheckpointError, match=r"training\.safetensors is damaged"):
        trainings.solver(checkpoint=saved).resume()
    assert not (tmp_path / "made").exists()

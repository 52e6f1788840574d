"""Averaged weights in a training: measured in the model's place, and in the checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnlite
from cnnlite import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, Sequential, update_bn
from cnnlite.callbacks import Callback
from cnnlite.checkpoint import CheckpointError
from cnnlite.interop.torch import to_torch
from cnnlite.models import freeze_layers
from cnnlite.optim import EMA, AveragedWeights
from cnnlite.solver import Solver, TrainingDiverged
from cnnlite.training.history import best_epoch
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


class Feeding(Callback):
    """The average of a training as one writes it oneself."""

    def __init__(self, average: AveragedWeights) -> None:
        self.average, self.found = average, []

    def after_step(self, solver: Solver) -> None:
        if self.average.due(solver.step, solver.total_steps):
            self.average.update(solver.model)

    def after_epoch(self, solver: Solver) -> None:
        if not self.average.n_averaged:
            self.found.append((solver.val_acc_history[-1], solver.model.state_dict()))
            return
        own = solver.model.state_dict()
        solver.model.load_state_dict(self.average.state)
        accuracy = solver.check_accuracy(solver.X_val, solver.y_val)
        self.found.append((accuracy, solver.model.state_dict()))
        solver.model.load_state_dict(own)


@pytest.mark.parametrize("ema", [0.8, 0, EMA(0.9, warmup=True), AveragedWeights(use_buffers=True)])
def test_what_is_measured_and_kept_is_the_average(ema: Any) -> None:
    plain = trainings.solver()
    plain.train()
    average = EMA(ema) if isinstance(ema, float | int) else ema
    judge = Feeding(type(average)(**trainings.options_of(average)))
    trainings.solver(callbacks=[judge]).train()
    solver = trainings.solver(ema=ema)
    solver.train()
    # The training itself is the same one.
    np.testing.assert_equal(solver.model.state_dict(), plain.model.state_dict())
    assert solver.loss_history == plain.loss_history
    assert solver.val_acc_history == [accuracy for accuracy, _ in judge.found]
    best = best_epoch(solver.history)
    assert best is not None
    np.testing.assert_equal(solver.best_params, judge.found[best["epoch"] - 1][1])


def test_batch_norms_statistics_of_averaged_weights_are_made_anew() -> None:
    solver = trainings.solver(ema=AveragedWeights(start=0.0), augment=None, num_epochs=1)
    solver.train()
    other = trainings.model()
    assert solver.ema is not None
    other.load_state_dict(solver.ema.state)
    images = trainings.solver(augment=None)
    order = cnnlite.data.batches.epoch_order(70, 0, 0)
    batches = [images._batch(order[start : start + 16]) for start in range(0, 70, 16)]
    update_bn(other, batches, seed=0)
    np.testing.assert_equal(solver.best_params, other.state_dict())
    assert not np.array_equal(other.buffers["1.running_mean"], solver.ema.state["1.running_mean"])


@pytest.mark.parametrize("make", [lambda: 0.9, AveragedWeights, lambda: EMA(0.99, warmup=True)])
@pytest.mark.parametrize("step", [1, 5, 12, 13, 15])
def test_a_resumed_training_continues_to_the_same_bits(
    tmp_path: Path, make: Any, step: int
) -> None:
    options = {"clip_norm": 0.5, "clip_value": 0.05}
    whole = trainings.solver(ema=make(), **options)
    whole.train()
    path = tmp_path / "training.safetensors"
    trainings.solver(
        ema=make(), checkpoint=path, callbacks=[trainings.StopAt(step)], **options
    ).train()
    again = trainings.solver(ema=make(), checkpoint=path, **options)
    again.resume()
    assert trainings.fingerprint(again) == trainings.fingerprint(whole)
    assert again.ema is not None
    assert whole.ema is not None
    np.testing.assert_equal(again.ema.state_dict(), whole.ema.state_dict())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ema": 0.8}, r"ema.decay is 0.9 in the checkpoint, 0.8 here"),
        ({}, r"ema is .* in the checkpoint, missing here"),
        ({"ema": 0.9, "clip_norm": 1.0}, r"clip_norm is missing in the checkpoint, 1.0 here"),
    ],
)
def test_a_checkpoint_of_another_average_is_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    path = tmp_path / "training.safetensors"
    trainings.solver(ema=0.9, checkpoint=path, num_epochs=1).train()
    with pytest.raises(CheckpointError, match=message):
        trainings.solver(checkpoint=path, **options).resume()


def test_a_training_that_diverges_takes_its_average_back() -> None:
    def schedule(step: int, total: int) -> float:
        return 1e30 if step == 7 else 1.0

    solver = trainings.solver(ema=0.9, schedule=schedule)
    with pytest.raises(TrainingDiverged):
        solver.train()
    assert solver.ema is not None
    assert solver.ema.n_averaged == solver.step == 5
    assert all(np.isfinite(array).all() for array in solver.ema.state.values())


def test_a_stop_during_the_evaluation_leaves_the_models_own_weights() -> None:
    own: list[Any] = []

    def stop(train: bool) -> None:
        if len(own) == 5 and not train:
            solver.stop()

    class Look(Callback):
        def after_step(self, solver: Solver) -> None:
            own.append(solver.model.state_dict())

    model = Sequential(*trainings.model().children().values(), trainings.Spy(stop))
    solver = trainings.solver(model=model, ema=0.5, callbacks=[Look()])
    solver.train()
    assert (solver.step, solver.epoch) == (5, 0)
    np.testing.assert_equal(model.state_dict(), own[-1])


def test_smoke_leaves_the_average_alone() -> None:
    solver = trainings.solver(ema=0.9)
    solver.smoke()
    assert solver.ema is not None
    assert solver.ema.n_averaged == 0


@pytest.mark.parametrize(
    ("ema", "error"), [(1.0, ValueError), (-0.1, ValueError), (True, TypeError), ("x", TypeError)]
)
def test_bad_ema(ema: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"Solver: ema is .*, expected the decay of an EMA"):
        trainings.solver(ema=ema)


def test_an_average_of_another_model_is_refused() -> None:
    ema = EMA()
    ema.update(trainings.model(5))
    with pytest.raises(ValueError, match=r"EMA: the average has float32 .* it is of another model"):
        trainings.solver(ema=ema)


def with_norms(dropout: float = 0.0) -> Sequential:
    return Sequential(
        Conv2d(3, 4, 3, rng=0, dtype=np.float64), BatchNorm2d(4, dtype=np.float64),
        Dropout(dropout), Flatten(), Linear(144, 3, rng=1, dtype=np.float64),
        cnnlite.BatchNorm1d(3, momentum=0.3, dtype=np.float64),
    )  # fmt: skip


def test_update_bn_as_pytorch(torch: Any) -> None:
    x = np.random.default_rng(0).standard_normal((5, 7, 3, 8, 8))
    model = with_norms()
    model.forward(x[0], train=True)  # statistics that must be forgotten
    twin = to_torch(model)
    update_bn(model, [(batch, None) for batch in x])
    torch.optim.swa_utils.update_bn([(torch.tensor(batch), None) for batch in x], twin)
    for key, truth in twin.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[key], truth.numpy(), 1e-12, 1e-12)
    assert model.children()["1"].momentum == 0.1  # type: ignore[attr-defined]
    assert model.children()["5"].momentum == 0.3  # type: ignore[attr-defined]


def test_update_bn_takes_arrays_batches_and_data_sets() -> None:
    data = trainings.data(num_train=200)
    solver = trainings.solver(data=data)
    assert solver.normalization is not None
    x = solver.normalization.apply(data["X_train"])
    found = []
    for given in (data, x, [x[:128], x[128:]], ((part, 0) for part in (x[:128], x[128:]))):
        model = trainings.model()
        update_bn(model, given, seed=3)
        found.append(model.state_dict())
    for state in found[1:]:
        np.testing.assert_equal(state, found[0])


def test_dropout_in_update_bn_has_a_seed() -> None:
    x = np.random.default_rng(0).standard_normal((3, 9, 3, 8, 8))
    states = []
    for seed in (1, 1, 2):
        model = with_norms(0.5)
        update_bn(model, list(x), seed)
        states.append(model.state_dict()["5.running_mean"])
    np.testing.assert_array_equal(states[0], states[1])
    assert not np.array_equal(states[0], states[2])


def test_update_bn_that_fails_leaves_everything_as_it_was() -> None:
    model = with_norms()
    before = model.state_dict()
    x = np.ones((2, 3, 8, 8))
    for data, error, message in (
        ([x, np.ones((2, 4, 8, 8))], ValueError, "4 channels"),
        ([], ValueError, "update_bn: data has no batches"),
        (3, TypeError, "update_bn: data is 3, expected batches, or a data set"),
        (x.astype(np.uint8), TypeError, "update_bn: data is an array of uint8, expected floats"),
        ({"x": x}, ValueError, "data has no 'X_train'"),
    ):
        with pytest.raises(error, match=message):
            update_bn(model, data)
        np.testing.assert_equal(model.state_dict(), before)
        assert model.children()["1"].momentum == 0.1  # type: ignore[attr-defined]


def test_a_model_without_batch_norm_needs_no_data() -> None:
    update_bn(Sequential(Linear(3, 2)), [])


def test_statistics_that_are_frozen_stay_as_they_are() -> None:
    model = with_norms()
    freeze_layers(model, "0", "1")
    x = np.random.default_rng(0).standard_normal((4, 9, 3, 8, 8))
    before = model.state_dict()
    update_bn(model, list(x))
    moved = {"5.running_mean", "5.running_var", "5.num_batches_tracked"}
    for key, array in model.state_dict().items():
        assert np.array_equal(array, before[key]) == (key not in moved), key

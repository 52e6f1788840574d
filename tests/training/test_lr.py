"""A learning rate that is set during the training, by hand or by ReduceLROnPlateau."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.callbacks import Callback, ReduceLROnPlateau
from cnnlite.optim import SGD, AdamW, no_decay
from cnnlite.schedules import Step
from cnnlite.solver import Solver, TrainingDiverged
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


class Halve(Callback):
    """PyTorch users set the rate in param_groups."""

    def after_epoch(self, solver: Solver) -> None:
        solver.lr /= 2


class Rates(Callback):
    def __init__(self) -> None:
        self.found: list[float] = []

    def before_step(self, solver: Solver) -> None:
        self.found.append(solver.lr)


def test_a_callback_sets_the_learning_rate() -> None:
    rates = Rates()
    groups = [{"match": no_decay, "lr": 0.4}]
    solver = trainings.solver(
        optimizer=SGD(0.8, groups=groups), schedule=None, callbacks=[Halve(), rates]
    )
    solver.train()
    assert rates.found == [0.8] * 5 + [0.4] * 5 + [0.2] * 5
    assert [row["lr"] for row in solver.history] == [0.8, 0.4, 0.2]
    by_schedule = trainings.solver(optimizer=SGD(0.8, groups=groups), schedule=Step(5, 0.5))
    by_schedule.train()
    np.testing.assert_equal(solver.model.state_dict(), by_schedule.model.state_dict())


def test_a_schedule_goes_on_from_the_rate_that_is_set() -> None:
    solver = trainings.solver(optimizer=SGD(0.8), schedule=lambda step, total: 1 / (1 + step))
    solver.num_epochs = 1
    solver.train()
    solver.lr = 0.6
    assert solver.lr == 0.6
    assert solver.lr_at(11) == pytest.approx(0.3)


def test_a_rate_set_after_the_last_step_has_nothing_to_do() -> None:
    """Cosine ends at 0, and callbacks are called once more there."""
    solver = trainings.solver(callbacks=[Halve()])
    solver.train()
    assert solver.lr == 0


def test_a_rate_that_the_schedule_makes_0_cannot_be_set() -> None:
    solver = trainings.solver(schedule=lambda step, total: 0.0)
    with pytest.raises(
        ValueError, match=r"Solver: lr is set to 0.5 at step 0, where the schedule's"
    ):
        solver.lr = 0.5
    with pytest.raises(ValueError, match="Solver: lr is -1, expected a number from 0 up"):
        solver.lr = -1


@pytest.mark.parametrize("make", [lambda: SGD(0.05, momentum=0.9, dampening=0.2), AdamW])
@pytest.mark.parametrize("callback", [Halve, lambda: ReduceLROnPlateau(patience=0, threshold=0.5)])
@pytest.mark.parametrize("step", [3, 7, 10, 14])
def test_a_resumed_training_goes_on_at_the_rate_that_was_set(
    tmp_path: Path, make: Any, callback: Any, step: int
) -> None:
    class Stop(Callback):
        def after_step(self, solver: Solver) -> None:
            if solver.step == step:
                solver.stop()

    whole = trainings.solver(optimizer=make(), callbacks=[callback()])
    whole.train()
    path = tmp_path / "training.safetensors"
    callbacks = [callback(), Stop()]
    trainings.solver(optimizer=make(), callbacks=callbacks, checkpoint=path).train()
    again = trainings.solver(optimizer=make(), callbacks=[callback()], checkpoint=path)
    again.resume()
    assert trainings.fingerprint(again) == trainings.fingerprint(whole)
    assert again.optimizer.lr == whole.optimizer.lr < make().lr


def test_a_training_that_diverges_takes_its_rate_back() -> None:
    class Explode(Callback):
        def before_step(self, solver: Solver) -> None:
            if solver.step == 7:
                solver.lr = 1e30

    solver = trainings.solver(callbacks=[Explode()], optimizer=SGD(0.02), schedule=None)
    with pytest.raises(TrainingDiverged):
        solver.train()
    assert solver.optimizer.lr == 0.02


class Losses(Callback):
    """Puts losses into the history that a training would not give."""

    def __init__(self, losses: list[float], name: str) -> None:
        self.losses, self.name = losses, name

    def after_epoch(self, solver: Solver) -> None:
        solver.history[-1][self.name] = self.losses[solver.epoch - 1]


SERIES = [
    [5, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 2.9999, 2.9, 9, 9, 9, 9, 9, 1],
    [1.0] * 20,
    [-1, -2, -2, -2.1, -2, -2, -2, -2, -2, -2, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3],
    [1, float("nan"), 1, 0.5, float("inf"), 0.4, 0.4, 0.4, 0.4, 0.3, 0.3, 0.3, 0.3, 1, 2, 3, 4, 5,
     6, 7],
]  # fmt: skip


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"patience": 0},
        {"patience": 2, "factor": 0.5},
        {"patience": 1, "cooldown": 2},
        {"patience": 1, "min_lr": 0.003},
        {"patience": 1, "eps": 0.01},
        {"patience": 1, "threshold": 0.5},
        {"patience": 1, "threshold": 0.5, "threshold_mode": "abs"},
        {"patience": 1, "mode": "max"},
        {"patience": 1, "mode": "max", "threshold": 0.5, "threshold_mode": "abs"},
    ],
)
def test_plateau_as_pytorch(torch: Any, series: list[float], options: dict[str, Any]) -> None:
    judge = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.02)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(judge, **options)
    rates = []
    for loss in series:
        scheduler.step(loss)
        rates.append(judge.param_groups[0]["lr"])

    class After(Callback):
        def __init__(self) -> None:
            self.found: list[float] = []

        def after_epoch(self, solver: Solver) -> None:
            self.found.append(solver.optimizer.lr)

    monitor = "val_acc" if options.get("mode") == "max" else "val_loss"
    plateau, after = ReduceLROnPlateau(**options, monitor=monitor), After()
    solver = trainings.solver(
        optimizer=SGD(0.02), schedule=None, num_epochs=len(series), batch_size=70,
        callbacks=[Losses(series, monitor), plateau, after],
    )  # fmt: skip
    solver.train()
    assert after.found == pytest.approx(rates, rel=1e-12)


def test_plateau_forgets_another_training() -> None:
    plateau = ReduceLROnPlateau(patience=0)
    plateau.best = -1.0
    solver = trainings.solver(callbacks=[plateau], num_epochs=1)
    solver.train()
    assert plateau.best == solver.val_loss_history[0]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ReduceLROnPlateau("low"), ValueError, "mode is 'low', expected"),
        (lambda: ReduceLROnPlateau(factor=1.0), ValueError, "factor is 1.0, expected a number"),
        (
            lambda: ReduceLROnPlateau(patience=1.5),
            TypeError,
            "patience is 1.5, expected an integer",
        ),
        (lambda: ReduceLROnPlateau(monitor="lr"), ValueError, "monitor is 'lr', expected"),
        (lambda: ReduceLROnPlateau(monitor="val_acc"), ValueError, "mode is 'min', expected 'max'"),
    ],
)
def test_bad_plateaus(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"ReduceLROnPlateau: {message}"):
        make()


def test_validation_loss_is_the_mean_over_all_validation_images() -> None:
    solver = trainings.solver(num_epochs=1)
    solver.train()
    assert solver.normalization is not None
    scores = solver.model(solver.normalization.apply(solver.X_val))
    assert solver.val_loss_history == [pytest.approx(solver.loss(scores, solver.y_val), rel=1e-6)]

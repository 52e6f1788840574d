"""The range test: everything is put back, and the suggestion is where the loss falls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite.callbacks import Callback
from cnnlite.optim import EMA, SGD, AdamW, Optimizer, RMSprop
from cnnlite.training.lr_find import judged
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("make", [lambda: SGD(0.02, 0.9), AdamW, lambda: RMSprop(centered=True)])
@pytest.mark.parametrize("trained", [0, 1, 3])
def test_everything_is_put_back(make: Any, trained: int) -> None:
    """Before the first step, between two epochs, and after the last."""
    calls = trainings.Recorder()
    plain, tried = (trainings.solver(optimizer=make(), ema=EMA(0.9)) for _ in range(2))
    for solver in (plain, tried):
        solver.num_epochs = trained
        if trained:
            solver.train()
        solver.num_epochs = 3
    tried.callbacks.append(calls)
    schedule = tried.schedule
    before = (tried.model.state_dict(), tried.optimizer.state_dict(), tried.batch_acc)
    found = tried.lr_find(num_steps=30)
    after = (tried.model.state_dict(), tried.optimizer.state_dict(), tried.batch_acc)
    np.testing.assert_equal(after, before)
    assert calls.calls == []
    assert tried.schedule is schedule
    assert len(found.lrs) <= 30
    for solver in (plain, tried):
        solver.train()
    assert trainings.fingerprint(tried) == trainings.fingerprint(plain)


@pytest.mark.parametrize("make", [lambda: SGD(0.02, 0.9), AdamW])
def test_the_suggestion_lies_where_the_loss_falls(make: Any) -> None:
    solver = trainings.solver(optimizer=make(), batch_size=35)
    found = solver.lr_find()
    np.testing.assert_allclose(np.diff(np.log(found.lrs)), np.log(1e8) / 99)
    assert len(found.lrs) == len(found.losses) == len(found.smoothed)
    assert found.suggestion in found.lrs
    lowest = int(np.argmin(found.smoothed))
    assert found.lrs[0] < found.suggestion <= found.lrs[lowest]
    assert found.smoothed[lowest] < 0.9 * found.smoothed[0]
    trained = trainings.solver(optimizer=make(), schedule=None, num_epochs=8)
    trained.optimizer.lr = found.suggestion
    trained.train()
    assert trained.best_val_acc > 0.9


def test_it_is_the_same_every_time() -> None:
    assert trainings.solver().lr_find(num_steps=20) == trainings.solver().lr_find(num_steps=20)


def test_the_steps_are_those_of_training() -> None:
    """With a rate that never changes, the losses are those of a training."""
    solver = trainings.solver(optimizer=SGD(0.01, 0.9), schedule=None, augment=None)
    found = solver.lr_find(0.02, 0.020001, num_steps=10)
    plain = trainings.solver(optimizer=SGD(0.02, 0.9), schedule=None, augment=None)
    plain.train()
    assert found.losses == pytest.approx(plain.loss_history[:10], rel=1e-3)


def test_it_ends_where_the_loss_explodes() -> None:
    found = trainings.solver(optimizer=SGD(0.02, 0.9)).lr_find(1e-4, 1e12, 200)
    assert len(found.lrs) < 200
    assert np.isfinite(found.losses).all()
    with pytest.raises(ValueError, match=r"Solver.lr_find: there are . losses, expected 8 or more"):
        trainings.solver(optimizer=SGD(0.02, 0.9)).lr_find(1e30, 1e35)


def test_ctrl_c_puts_everything_back_too() -> None:
    class Interrupted(SGD):
        steps = 0

        def step(self, *arguments: Any) -> None:
            super().step(*arguments)
            self.steps += 1
            if self.steps == 3:
                raise KeyboardInterrupt

    solver = trainings.solver(optimizer=Interrupted(0.02))
    schedule, before = solver.schedule, solver.model.state_dict()
    with pytest.raises(KeyboardInterrupt):
        solver.lr_find()
    np.testing.assert_equal(solver.model.state_dict(), before)
    assert (solver.schedule, solver.step) == (schedule, 0)


def test_a_loss_that_never_falls_gives_no_suggestion() -> None:
    rates = np.geomspace(1e-4, 1, 20).tolist()
    rising = [1 + rate for rate in rates]
    found = judged(rates, rising, [1.0] * 20, 1.0)
    assert found.suggestion is None
    # A dip that is only what batches differ by, at whatever rate: it was suggested.
    start = np.random.default_rng(0).normal(2.3, 0.02, 20)
    dip = start - 0.015 * np.exp(-0.5 * (np.arange(20) - 9) ** 2)
    assert judged(rates, dip.tolist(), start, 2.3).suggestion is None
    deeper = start - 0.5 * np.exp(-0.5 * (np.arange(20) - 9) ** 2)
    assert judged(rates, deeper.tolist(), start, 2.3).suggestion in rates[4:10]
    # A slope between two levels: its middle, whatever comes behind the minimum.
    losses = [2.0] * 8 + [1.8, 1.5, 1.0, 0.5, 0.2] + [0.1] * 3 + [5.0, 500.0, 5e10, 5e300]
    found = judged(rates, losses, [2.0] * 20, 2.0)
    assert found.suggestion == rates[10]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"start_lr": 0}, ValueError, "Solver.lr_find: start_lr is 0, expected a number above 0"),
        (
            {"start_lr": 1, "end_lr": 1},
            ValueError,
            "Solver.lr_find: end_lr is 1, expected a number",
        ),
        ({"num_steps": 0}, ValueError, "Solver.lr_find: num_steps is 0, expected an integer"),
        (
            {"num_steps": 5},
            ValueError,
            "Solver.lr_find: num_steps is 5, expected an integer from 8",
        ),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        trainings.solver().lr_find(**arguments)


def test_an_optimizer_whose_rate_is_0_is_named() -> None:
    with pytest.raises(ValueError, match=r"Solver.lr_find: the optimizer's lr is 0"):
        trainings.solver(optimizer=SGD(0.0)).lr_find()


class Plain(Optimizer):
    """One of one's own, which keeps nothing."""

    def __init__(self) -> None:
        super().__init__((), lr=0.1)

    def state_names(self, options: Any) -> tuple[str, ...]:
        return ()

    def update(self, param: Any, grad: Any, state: Any, lr: float, options: Any) -> None:
        param -= lr * grad


def test_an_optimizer_of_ones_own() -> None:
    solver = trainings.solver(optimizer=Plain(), callbacks=[Callback()])
    before = solver.model.state_dict()
    solver.lr_find(num_steps=12)
    np.testing.assert_equal(solver.model.state_dict(), before)

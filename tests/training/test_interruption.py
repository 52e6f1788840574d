"""How a training ends: Ctrl-C at any moment, a callback's request, a loss that is no number."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.callbacks import Callback
from cnnlite.layers import Sequential
from cnnlite.losses import CrossEntropyLoss
from cnnlite.optim import SGD
from cnnlite.solver import Solver, TrainingDiverged
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


class At(Callback):
    """Does something after so many steps."""

    def __init__(self, step: int, action: Any) -> None:
        self.step, self.action = step, action

    def after_step(self, solver: Solver) -> None:
        if solver.step == self.step:
            self.action(solver)


def ctrl_c(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGINT)


needs_signals = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs SIGHUP")


@needs_signals
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_request_to_end_ends_as_ctrl_c_does(name: str, tmp_path: Path) -> None:
    """They killed the process in the middle of a step, and nothing was saved."""
    number, path = signal.Signals[name], tmp_path / "x.safetensors"
    undisturbed = trainings.solver()
    undisturbed.train()
    before = signal.getsignal(number)
    solver = trainings.solver(
        callbacks=[At(7, lambda solver: os.kill(os.getpid(), number))], checkpoint=path
    )
    solver.train()
    assert (solver.interrupted, solver.interrupted_by, solver.step) == (True, number, 7)
    assert not solver.ended
    assert signal.getsignal(number) is before is signal.SIG_DFL
    resumed = trainings.solver(checkpoint=path)
    resumed.resume()
    assert (resumed.interrupted, resumed.interrupted_by) == (False, None)
    assert trainings.fingerprint(resumed) == trainings.fingerprint(undisturbed)


@needs_signals
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_programs_own_handlers_are_respected(name: str) -> None:
    number, calls = signal.Signals[name], []
    before = signal.signal(number, lambda *_: calls.append(name))
    own = signal.getsignal(number)
    try:
        solver = trainings.solver(callbacks=[At(3, lambda _: os.kill(os.getpid(), number))])
        solver.train()
        assert calls == [name]
        assert not solver.interrupted
        assert signal.getsignal(number) is own
    finally:
        signal.signal(number, before)


@needs_signals
def test_a_signal_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        hang_up = At(3, lambda _: os.kill(os.getpid(), signal.SIGHUP))
        solver = trainings.solver(callbacks=[hang_up], num_epochs=1)
        solver.train()
        assert (solver.interrupted, solver.epoch) == (False, 1)
    finally:
        signal.signal(signal.SIGHUP, before)


@needs_signals
def test_all_handlers_are_put_back_when_training_fails() -> None:
    def fail(solver: Solver) -> None:
        raise RuntimeError("no")

    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    with pytest.raises(RuntimeError, match="no"):
        trainings.solver(callbacks=[At(3, fail)]).train()
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before


@pytest.mark.parametrize("step", [1, 4, 5, 6, 14])
def test_ctrl_c_ends_cleanly_and_train_goes_on_to_the_same_bits(step: int) -> None:
    undisturbed = trainings.solver()
    undisturbed.train()
    solver = trainings.solver(callbacks=[At(step, ctrl_c)])
    history = solver.train()
    assert solver.interrupted
    assert solver.step == len(solver.loss_history) == step
    assert len(history) == solver.epoch == (step - 1) // 5
    assert bool(solver.best_params) == (step > 5)
    solver.train()
    assert not solver.interrupted
    assert trainings.fingerprint(solver) == trainings.fingerprint(undisturbed)


def test_ctrl_c_during_a_step_lets_it_finish() -> None:
    def action(train: bool) -> None:
        if train and solver.step == 2:
            ctrl_c()

    model = Sequential(trainings.Spy(action), *trainings.model())
    solver = trainings.solver(model=model)
    solver.train()
    assert solver.interrupted
    assert solver.step == 3


def test_second_ctrl_c_during_a_step_takes_none_of_it() -> None:
    """Batch norm's statistics have moved by then, and must go back."""

    def action(train: bool) -> None:
        if train and solver.step == 2:
            states.append(solver.model.state_dict())
            ctrl_c()

    class Late(trainings.Spy):
        def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple:
            if solver.step == 2:
                assert not np.array_equal(
                    states[0]["2.running_mean"], solver.model.state_dict()["2.running_mean"]
                )
                ctrl_c()
            return dy, {}

    states: list[Any] = []
    solver = trainings.solver(model=Sequential(trainings.Spy(action), *trainings.model(), Late()))
    solver.train()
    assert solver.interrupted
    assert solver.step == len(solver.loss_history) == 2
    np.testing.assert_equal(solver.model.state_dict(), states[0])


def test_second_ctrl_c_during_the_update_waits_for_it() -> None:
    class Slow(SGD):
        def update(self, *arguments: Any) -> None:
            super().update(*arguments)
            if solver.step == 2:
                ctrl_c()

    solver = trainings.solver(optimizer=Slow(0.01, momentum=0.9))
    solver.train()
    assert solver.interrupted
    assert solver.step == 3
    plain = trainings.solver(optimizer=SGD(0.01, momentum=0.9), callbacks=[At(3, ctrl_c)])
    plain.train()
    np.testing.assert_equal(solver.model.state_dict(), plain.model.state_dict())


def test_ctrl_c_during_the_evaluation_leaves_it_for_later() -> None:
    undisturbed = trainings.solver(model=Sequential(trainings.Spy(), *trainings.model()))
    undisturbed.train()
    spy = trainings.Spy()
    solver = trainings.solver(model=Sequential(spy, *trainings.model()))

    def action(train: bool) -> None:
        if not train and solver.step == 10:
            spy.action = None
            ctrl_c()

    spy.action = action
    solver.train()
    assert solver.interrupted
    assert (solver.epoch, solver.step) == (1, 10)
    assert len(solver.train_acc_history) == len(solver.val_acc_history) == 1
    solver.train()
    assert trainings.fingerprint(solver) == trainings.fingerprint(undisturbed)


def test_accuracy_can_be_checked_after_an_interruption() -> None:
    """A request to stop that outlived the training ended every evaluation after it."""
    solver = trainings.solver(callbacks=[At(3, ctrl_c)])
    solver.train()
    data = trainings.data()
    assert 0 <= solver.check_accuracy(data["X_val"], data["y_val"]) <= 1


def test_the_handler_of_ctrl_c_is_put_back() -> None:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    trainings.solver(callbacks=[At(3, ctrl_c)]).train()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_that_ignores_ctrl_c_goes_on_doing_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        solver = trainings.solver(callbacks=[At(3, ctrl_c)])
        solver.train()
        assert not solver.interrupted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_training_in_another_thread() -> None:
    solver = trainings.solver(num_epochs=1)
    thread = threading.Thread(target=solver.train)
    thread.start()
    thread.join()
    assert solver.epoch == 1


def test_a_callback_stops_the_training() -> None:
    recorder = trainings.Recorder()
    solver = trainings.solver(callbacks=[At(7, lambda solver: solver.stop()), recorder])
    solver.train()
    assert solver.step == 7
    assert not solver.interrupted
    assert recorder.calls[-1] == "after_train"


def test_divergence_is_named_before_the_update() -> None:
    class Poisoned(CrossEntropyLoss):
        def forward(self, scores: np.ndarray, targets: Any) -> Any:
            value, cache = super().forward(scores, targets)
            states.append(solver.model.state_dict())
            return (np.nan if solver.step == 7 else value), cache

    states: list[Any] = []
    recorder = trainings.Recorder()
    solver = trainings.solver(loss=Poisoned(), schedule=None, callbacks=[recorder])
    with pytest.raises(TrainingDiverged, match=r"loss is nan at step 7, with learning rate 0\.02:"):
        solver.train()
    assert solver.step == len(solver.loss_history) == 7
    assert solver.epoch == len(solver.history) == 1
    assert recorder.calls[-1] == "after_train"
    state = solver.model.state_dict()
    for key in solver.model.params:
        np.testing.assert_array_equal(state[key], states[-1][key])
    # forward had moved the running statistics by a batch that was not used
    assert state["1.num_batches_tracked"] == 7
    assert np.all(np.isfinite(state["1.running_mean"]))


def test_a_learning_rate_far_too_high_ends_in_a_clear_error() -> None:
    solver = trainings.solver(optimizer=SGD(1e20), schedule=None)
    with np.errstate(all="ignore"), pytest.raises(TrainingDiverged, match="learning rate 1e"):
        solver.train()

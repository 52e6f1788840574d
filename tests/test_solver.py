"""The training loop: batches, accuracies, best parameters, endings, and what it refuses."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import cnnlite
from cnnlite.callbacks import Callback
from cnnlite.layers import Flatten, Layer, Linear, Sequential
from cnnlite.losses import CrossEntropyLoss, HingeLoss
from cnnlite.optim import SGD, Adam
from cnnlite.solver import Solver, TrainingDiverged
from tests import trainings


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small gain nothing from more, and lose much on a busy machine."""
    before = cnnlite.get_num_threads()
    cnnlite.set_num_threads(1)
    yield
    cnnlite.set_num_threads(before)


class Recorder(Callback):
    """Writes down which image indices each step takes, and when each method is called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def before_train(self, solver: Solver) -> None:
        self.calls.append("before_train")

    def after_train(self, solver: Solver) -> None:
        self.calls.append("after_train")

    def before_epoch(self, solver: Solver) -> None:
        self.calls.append("before_epoch")

    def after_epoch(self, solver: Solver) -> None:
        self.calls.append("after_epoch")

    def before_step(self, solver: Solver) -> None:
        self.calls.append("before_step")

    def after_step(self, solver: Solver) -> None:
        self.calls.append("after_step")


class At(Callback):
    """Does something after so many steps."""

    def __init__(self, step: int, action: Any) -> None:
        self.step, self.action = step, action

    def after_step(self, solver: Solver) -> None:
        if solver.step == self.step:
            self.action(solver)


def ctrl_c(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGINT)


class Spy(Layer):
    """Passes its input on, and keeps a copy of each batch; calls `action` in forward."""

    def __init__(self, action: Any = None) -> None:
        self.seen: list[np.ndarray] = []
        self.trained = 0
        self.action = action

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
        if train:
            self.seen.append(x.copy())
        if self.action is not None:
            self.action(train)
        return x, None

    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple:
        return dy, {}


def numbered(n: int = 20, classes: int = 2) -> dict[str, np.ndarray]:
    """Features that hold each image's own number."""
    X = np.zeros((n, 3), np.float32)
    X[:, 0] = np.arange(n)
    y = np.arange(n) % classes
    return {"X_train": X, "y_train": y, "X_val": X[:6], "y_val": y[:6]}


def test_it_learns() -> None:
    solver = trainings.solver(num_epochs=12, data=trainings.data(160))
    solver.train()
    assert solver.best_val_acc > 0.9
    assert np.mean(solver.loss_history[-10:]) < 0.5 * np.mean(solver.loss_history[:10])


@pytest.mark.parametrize("loss", [CrossEntropyLoss(label_smoothing=0.1), HingeLoss()])
def test_it_learns_with_other_losses_and_optimizers(loss: Any) -> None:
    solver = trainings.solver(
        num_epochs=10, data=trainings.data(160), loss=loss, optimizer=Adam(0.01), schedule=None
    )
    solver.train()
    assert solver.best_val_acc > 0.8


def test_an_epoch_takes_every_image_once() -> None:
    """The course's batches are drawn with replacement: a third of the images is never seen."""
    spy = Spy()
    solver = Solver(
        Sequential(spy, Linear(3, 2, rng=0)), numbered(), batch_size=6, num_epochs=2, verbose=False
    )
    solver.train()
    assert [len(x) for x in spy.seen] == [6, 6, 6, 2] * 2
    orders = [np.concatenate(spy.seen[i : i + 4])[:, 0] for i in (0, 4)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(20))
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], np.arange(20))


def test_order_depends_on_the_seed_alone() -> None:
    def losses(seed: int) -> list[float]:
        solver = trainings.solver(seed=seed, num_epochs=1)
        solver.train()
        return solver.loss_history

    np.random.seed(0)  # the global state plays no part  # noqa: NPY002
    first = losses(5)
    assert losses(5) == first
    assert losses(6) != first


def test_history_has_a_row_an_epoch() -> None:
    solver = trainings.solver()
    history = solver.train()
    assert history is solver.history
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert [row["step"] for row in history] == [5, 10, 15]
    assert len(solver.loss_history) == solver.step == solver.total_steps == 15
    assert history[1]["loss"] == pytest.approx(np.mean(solver.loss_history[5:10]))
    assert history[1]["lr"] == pytest.approx(0.02 * solver.schedule(9, 15))
    assert [row["val_acc"] for row in history] == solver.val_acc_history
    assert [row["train_acc"] for row in history] == solver.train_acc_history
    assert all(row["images_per_second"] > 0 for row in history)


def test_best_params_are_a_whole_state_of_the_best_epoch() -> None:
    """The course's best parameters forget batch norm's running statistics."""
    states = []

    class Keep(Callback):
        def after_epoch(self, solver: Solver) -> None:
            states.append(solver.model.state_dict())

    solver = trainings.solver(num_epochs=6, callbacks=[Keep()])
    solver.train()
    best = int(np.argmax(solver.val_acc_history))
    assert solver.best_val_acc == solver.val_acc_history[best]
    assert "1.running_mean" in solver.best_params
    np.testing.assert_equal(solver.best_params, states[best])
    np.testing.assert_equal(solver.model.state_dict(), states[-1])
    solver.model.load_state_dict(solver.best_params)
    data = trainings.data()
    assert solver.check_accuracy(data["X_val"], data["y_val"]) == solver.best_val_acc


def test_callbacks_are_called_in_order_and_may_have_some_methods_only() -> None:
    class Little:
        steps = 0

        def after_step(self, solver: Solver) -> None:
            self.steps += 1

    recorder, little = Recorder(), Little()
    trainings.solver(num_epochs=2, batch_size=35, callbacks=[recorder, little]).train()
    epoch = ["before_epoch", *["before_step", "after_step"] * 2, "after_epoch"]
    assert recorder.calls == ["before_train", *epoch * 2, "after_train"]
    assert little.steps == 4


def test_overfit_learns_a_few_images_by_heart() -> None:
    solver = trainings.solver(overfit=10, num_epochs=40, augment=None, schedule=None)
    solver.train()
    assert solver.batch_size == 10
    assert len(solver.X_train) == 10
    assert solver.X_val is solver.X_train
    assert solver.train_acc_history[-1] == solver.val_acc_history[-1] == 1


def test_smoke_puts_everything_back() -> None:
    solver = trainings.solver()
    before = trainings.fingerprint(solver)
    assert 0.5 < solver.smoke() < 5
    assert trainings.fingerprint(solver) == before
    solver.train()
    other = trainings.solver()
    other.train()
    assert trainings.fingerprint(solver) == trainings.fingerprint(other)


def test_check_accuracy() -> None:
    solver = trainings.solver()
    data = trainings.data()
    X, y = data["X_train"], data["y_train"]
    whole = solver.check_accuracy(X, y)
    assert whole == solver.check_accuracy(X, y, batch_size=7) == solver.check_accuracy(X, y, 1000)
    assert round(whole * 70) == pytest.approx(whole * 70)
    part = solver.check_accuracy(X, y, num_samples=10)
    assert round(part * 10) == pytest.approx(part * 10)
    assert part == solver.check_accuracy(X, y, num_samples=10)
    with pytest.raises(TypeError, match="Solver: X is float32, the model is trained on uint8"):
        solver.check_accuracy(X.astype(np.float32), y)
    with pytest.raises(ValueError, match=r"y has the shape \(69,\), expected \(70,\)"):
        solver.check_accuracy(X, y[1:])


def test_memory_mapped_images(tmp_path: Any) -> None:
    data = trainings.data()
    np.save(tmp_path / "X.npy", data["X_train"])
    mapped = {**data, "X_train": np.load(tmp_path / "X.npy", mmap_mode="r")}
    first, second = trainings.solver(data=mapped), trainings.solver()
    first.train(), second.train()
    assert trainings.fingerprint(first) == trainings.fingerprint(second)


def test_quiet_means_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    trainings.solver(num_epochs=1).train()
    assert capfd.readouterr() == ("", "")


def test_float64_model_gets_float64_images() -> None:
    spy = Spy()
    model = Sequential(spy, Flatten(), Linear(192, 4, rng=0)).astype(np.float64)
    trainings.solver(model=model, num_epochs=1).train()
    assert {x.dtype for x in spy.seen} == {np.dtype(np.float64)}


# How training ends


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

    model = Sequential(Spy(action), *trainings.model())
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

    class Late(Spy):
        def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple:
            if solver.step == 2:
                assert not np.array_equal(
                    states[0]["2.running_mean"], solver.model.state_dict()["2.running_mean"]
                )
                ctrl_c()
            return dy, {}

    states: list[Any] = []
    solver = trainings.solver(model=Sequential(Spy(action), *trainings.model(), Late()))
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
    undisturbed = trainings.solver(model=Sequential(Spy(), *trainings.model()))
    undisturbed.train()
    spy = Spy()
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
    recorder = Recorder()
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
    recorder = Recorder()
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


# What is refused


def broken(**changes: Any) -> Any:
    return lambda: trainings.solver(data={**trainings.data(), **changes})


def without(key: str) -> Any:
    def make() -> Solver:
        data = trainings.data()
        del data[key]
        return trainings.solver(data=data)

    return make


X8 = np.zeros((70, 3, 8, 8), np.uint8)
Y8 = np.zeros(70, np.int64)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            broken(X_train=X8[:9], y_train=Y8[:9]),
            ValueError,
            "batch_size is 16, but X_train has 9 im",
        ),
        (
            broken(X_train=X8[:0], y_train=Y8[:0]),
            ValueError,
            r"X_train is empty, .* \(0, 3, 8, 8\)",
        ),
        (broken(X_val=X8[:0], y_val=Y8[:0]), ValueError, "X_val is empty"),
        (broken(y_train=Y8[:69]), ValueError, r"y_train has the shape \(69,\), expected \(70,\)"),
        (broken(y_val=Y8), ValueError, r"y_val has the shape \(70,\), expected \(30,\)"),
        (broken(y_train=Y8[:, None]), ValueError, r"y_train has the shape \(70, 1\), expected"),
        (
            broken(y_train=Y8 + 4),
            ValueError,
            r"y_train\[0\] is 4, the model's 4 classes are 0 to 3",
        ),
        (
            broken(y_val=Y8[:30] - 1),
            ValueError,
            r"y_val\[0\] is -1, the model's 4 classes are 0 to",
        ),
        (broken(y_train=Y8 * 1.0), TypeError, "y_train is float64, expected integer labels"),
        (broken(y_train=list(Y8)), TypeError, "y_train must be an array, got list"),
        (broken(X_train=X8.astype(int)), TypeError, "X_train is int64, expected uint8, float32 or"),
        (broken(X_train=X8[0, 0, 0]), ValueError, r"X_train has the shape \(8,\), expected"),
        (
            broken(X_train=X8[:, 0]),
            ValueError,
            r"X_train has the shape \(70, 8, 8\), expected \(N, C",
        ),
        (broken(X_val=X8[:30, :, :4]), ValueError, r"X_val holds uint8 \(3, 4, 8\), X_train uint8"),
        (broken(X_train=X8[:, :1], X_val=X8[:30, :1]), ValueError, "Conv2d: .*channel"),
        (without("y_val"), ValueError, "data has no 'y_val', only X_train, y_train, X_val"),
        (
            lambda: trainings.solver(data=[1]),
            TypeError,
            "data must be a mapping of arrays, got list",
        ),
        (
            lambda: trainings.solver(batch_size=0),
            ValueError,
            "batch_size must be at least 1, got 0",
        ),
        (
            lambda: trainings.solver(batch_size=1.5),
            TypeError,
            "batch_size must be an integer, got 1.5",
        ),
        (
            lambda: trainings.solver(num_epochs=0),
            ValueError,
            "num_epochs must be at least 1, got 0",
        ),
        (
            lambda: trainings.solver(overfit=71),
            ValueError,
            "overfit is 71, but X_train has 70 images",
        ),
        (
            lambda: trainings.solver(num_train_samples=0),
            ValueError,
            "num_train_samples must be at l",
        ),
        (
            lambda: trainings.solver(model=Sequential(*list(trainings.model())[:1])),
            ValueError,
            r"the model gives \(1, 4, 8, 8\) for one image \(1, 3, 8, 8\), expected scores",
        ),
    ],
)
def test_refused_at_construction(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_resume_without_a_checkpoint() -> None:
    with pytest.raises(ValueError, match="no checkpoint was configured; pass checkpoint=PATH"):
        trainings.solver().resume()

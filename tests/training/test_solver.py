"""The training loop: batches, accuracies, best parameters, endings, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cnnlite.callbacks import Callback
from cnnlite.layers import Flatten, Linear, ReLU, Sequential
from cnnlite.losses import CrossEntropyLoss, HingeLoss
from cnnlite.optim import SGD, Adam
from cnnlite.schedules import Cosine
from cnnlite.solver import Solver
from cnnlite.training.history import best_epoch
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


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
    spy = trainings.Spy()
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


def test_of_equal_accuracies_the_epoch_of_less_loss_is_the_best() -> None:
    """The first of them was, and a falling learning rate had it a point worse on other images."""
    states = []

    class Keep(Callback):
        def after_epoch(self, solver: Solver) -> None:
            states.append(solver.model.state_dict())

    model, slow = Sequential(Flatten(), Linear(3 * 8 * 8, 4)), SGD(lr=1e-7)
    solver = trainings.solver(model=model, num_epochs=3, optimizer=slow, callbacks=[Keep()])
    solver.train()
    losses = solver.val_loss_history
    assert len(set(solver.val_acc_history)) == 1
    assert len(set(losses)) == 3
    assert losses.index(min(losses)) > 0
    np.testing.assert_equal(solver.best_params, states[losses.index(min(losses))])


@pytest.mark.parametrize(
    ("rows", "epoch"),
    [
        ([], None),
        ([(0.5, 1.0), (0.5, 0.9), (0.4, 0.1)], 2),
        ([(0.5, 1.0), (0.5, 1.0)], 1),
        ([(0.5, math.nan), (0.5, 3.0)], 2),
        ([(math.nan, 0.1), (0.2, math.inf)], 2),
        ([(math.nan, 0.1)], None),
        ([(math.inf, 0.1), (0.2, 1.0)], 2),
    ],
)
def test_the_best_epoch(rows: list[tuple[float, float]], epoch: int | None) -> None:
    history = [
        {"epoch": number, "val_acc": acc, "val_loss": loss}
        for number, (acc, loss) in enumerate(rows, 1)
    ]
    best = best_epoch(history)
    assert (None if best is None else best["epoch"]) == epoch


def test_best_params_are_a_whole_state_of_the_best_epoch() -> None:
    """The course's best parameters forget batch norm's running statistics."""
    states = []

    class Keep(Callback):
        def after_epoch(self, solver: Solver) -> None:
            states.append(solver.model.state_dict())

    solver = trainings.solver(num_epochs=6, callbacks=[Keep()])
    solver.train()
    merits = list(zip(solver.val_acc_history, [-x for x in solver.val_loss_history], strict=True))
    best = merits.index(max(merits))
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

    recorder, little = trainings.Recorder(), Little()
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
    spy = trainings.Spy()
    model = Sequential(spy, Flatten(), Linear(192, 4, rng=0)).astype(np.float64)
    trainings.solver(model=model, num_epochs=1).train()
    assert {x.dtype for x in spy.seen} == {np.dtype(np.float64)}


def test_resume_without_a_checkpoint() -> None:
    with pytest.raises(ValueError, match="no checkpoint was configured; pass checkpoint=PATH"):
        trainings.solver().resume()


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("model", ReLU, "model is the class ReLU, expected an instance"),
        ("model", "vgg", "model must have forward and backward, got 'vgg'"),
        ("loss", 3, "loss must have forward and backward, got 3"),
        ("optimizer", Adam, "optimizer is the class Adam, expected an instance"),
        ("optimizer", 0, "optimizer must have step, got 0"),
        ("schedule", Cosine, "schedule is the class Cosine, expected an instance"),
        ("schedule", 0.1, "schedule must have __call__, got 0.1"),
        ("augment", True, "augment must have __call__, got True"),
        ("checkpoint", 3, "checkpoint must have save and load and due, got 3"),
        ("seed", 1.5, "seed is 1.5, expected an integer"),
        ("seed", None, "seed is None, expected an integer"),
    ],
)
def test_a_part_that_is_none_is_refused_at_once(argument: str, value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^Solver: {message}$"):
        trainings.solver(**{argument: value})

"""What is not finite is never a class, never the best, never saved; and is told at once."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.callbacks import Callback
from cnnlite.checkpoint import Checkpoint, load_weights
from cnnlite.evaluation import predictions
from cnnlite.labs.imbalance.counting import confusion
from cnnlite.layers import Flatten, Layer, Linear, ReLU, Sequential
from cnnlite.losses import FocalLoss, HingeLoss
from cnnlite.optim import SGD, Adam
from cnnlite.solver import Solver, TrainingDiverged
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


def finite(state: dict[str, np.ndarray]) -> bool:
    return all(np.isfinite(array).all() for array in state.values())


def two_steps_an_epoch(**options: Any) -> Solver:
    return trainings.solver(batch_size=35, num_epochs=3, **options)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_no_class(bad: float) -> None:
    """argmax of NaN is 0: a destroyed network had the accuracy of class 0's share."""
    scores = np.zeros((4, 3), np.float32)
    scores[0] = bad
    scores[1, 2] = bad
    scores[2, 0] = 1
    scores[3, 1] = 1
    np.testing.assert_array_equal(predictions(scores), [-1, -1, 0, 1])


def test_a_confusion_matrix_has_no_place_for_what_is_no_class() -> None:
    with pytest.raises(ValueError, match=r"confusion: found\[1\] is -1, expected 0 to 2"):
        confusion(np.array([0, 1]), np.array([0, -1]), 3)


class Overflows(Layer):
    """Scores that are NaN for images whose first pixel is bright, and right for the others."""

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
        scores = np.zeros((len(x), 4), x.dtype)
        scores[:, 0] = 1
        scores[x[:, 0, 0, 0] > 0.5] = np.nan
        return scores, x.shape

    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple:
        return np.zeros(cache, dy.dtype), {}


def test_an_image_whose_scores_are_not_finite_is_a_wrong_answer() -> None:
    X = np.zeros((8, 1, 2, 2), np.float32)
    data = {"X_train": X, "y_train": np.zeros(8, int), "X_val": X, "y_val": np.zeros(8, int)}
    solver = Solver(Sequential(Overflows()), data, batch_size=4, num_epochs=1, verbose=False)
    bright = X.copy()
    bright[:2] = 1
    assert solver.check_accuracy(bright, data["y_train"]) == 6 / 8
    solver.train_step(X[:4], np.zeros(4, int))
    assert solver.batch_acc == 1


@pytest.mark.parametrize("factor", [1e40, 1e42, np.inf, np.nan])
@pytest.mark.parametrize("at", [1, 2, 4, 5])
def test_one_destroyed_update_is_divergence_wherever_it_comes(
    tmp_path: Path, factor: float, at: int
) -> None:
    """At the last step of all, training returned normally, and best_params was not finite."""
    path = tmp_path / "x.safetensors"

    def schedule(step: int, total_steps: int) -> float:
        return factor if step == at else 1.0

    solver = two_steps_an_epoch(schedule=schedule, checkpoint=path, optimizer=SGD(0.05, 0.9))
    with pytest.raises(TrainingDiverged, match="learning rate") as caught:
        solver.train()
    assert caught.value.step in (at, at + 1)
    assert solver.step == len(solver.loss_history) <= at + 1
    assert solver.epoch == len(solver.history) == at // 2
    assert finite(solver.model.state_dict())
    assert finite(solver.optimizer.state_dict())
    assert finite(solver.best_params)
    assert bool(solver.best_params) == (at > 1)
    assert path.exists() == (at > 1)
    if path.exists():
        again = two_steps_an_epoch(schedule=schedule, checkpoint=path, optimizer=SGD(0.05, 0.9))
        Checkpoint(path).load(again)
        assert (again.epoch, finite(again.model.state_dict())) == (at // 2, True)


def test_after_divergence_at_an_epochs_end_all_is_as_after_the_epoch_before() -> None:
    undisturbed = trainings.solver(batch_size=35, num_epochs=2, schedule=None)
    undisturbed.train()
    solver = two_steps_an_epoch(schedule=lambda step, total: 1e42 if step == 5 else 1.0)
    with pytest.raises(TrainingDiverged, match="are back where they were after 4 steps") as caught:
        solver.train()
    assert trainings.fingerprint(solver) == trainings.fingerprint(undisturbed)
    assert len(caught.value.loss_history) == 6


@pytest.mark.parametrize("optimizer", [SGD(0.02), Adam(0.001)])
def test_a_learning_rate_that_a_callback_makes_infinite(optimizer: Any) -> None:
    class Raise(Callback):
        def after_step(self, solver: Solver) -> None:
            if solver.step == 3:
                solver.optimizer.options["lr"] = np.inf

    solver = two_steps_an_epoch(optimizer=optimizer, schedule=None, callbacks=[Raise()])
    with pytest.raises(TrainingDiverged, match="with learning rate inf"):
        solver.train()
    assert solver.step == 3
    assert finite(solver.model.state_dict())


@pytest.mark.parametrize("key", ["0.bias", "1.running_mean", "1.running_var"])
def test_one_array_that_is_not_finite_is_found_though_the_loss_is(key: str, tmp_path: Path) -> None:
    """A dead ReLU hides a bias of minus infinity; training does not read running statistics."""

    class Destroy(Callback):
        def after_step(self, solver: Solver) -> None:
            if solver.step == 3:
                arrays = {**solver.model.params, **solver.model.buffers}
                arrays[key][0] = -np.inf if key == "0.bias" else np.nan

    model = trainings.model()
    if key == "0.bias":
        model = Sequential(Flatten(), *[Linear(192, 5, rng=0), ReLU(), Linear(5, 4, rng=1)])
        key = "1.bias"
    path = tmp_path / "x.safetensors"
    solver = two_steps_an_epoch(model=model, callbacks=[Destroy()], checkpoint=path)
    with pytest.raises(TrainingDiverged, match=f"left {key} not finite"):
        solver.train()
    assert solver.step == 2
    assert finite(solver.model.state_dict())
    Checkpoint(path).load(two_steps_an_epoch(model=model, checkpoint=path))


def test_nothing_destroyed_replaces_a_checkpoint_between_epochs(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    solver = trainings.solver(
        checkpoint=Checkpoint(path, every_steps=1),
        schedule=lambda step, total: 1e42 if step == 3 else 1.0,
    )
    with pytest.raises(TrainingDiverged, match="at step 3"):
        solver.train()
    arrays = load_weights(path)
    assert finite(arrays)
    assert len(arrays["loss_history"]) == 3


def test_a_model_that_is_destroyed_before_the_first_step() -> None:
    model = trainings.model()
    model.params["0.weight"][0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"model's 0\.weight is not finite before the first step"):
        trainings.solver(model=model)
    solver = trainings.solver()
    solver.model.buffers["1.running_var"][1] = np.inf
    with pytest.raises(ValueError, match=r"model's 1\.running_var is not finite before the first"):
        solver.train()


# A loss far above its start


def straight(lr: float, **options: Any) -> Solver:
    """Without batch-norm, a learning rate that is too high shows."""
    layers = [Flatten(), Linear(192, 32, rng=0), ReLU(), Linear(32, 4, rng=1)]
    options = {"augment": None, "schedule": None, "optimizer": SGD(lr), **options}
    return trainings.solver(model=Sequential(*layers), **options)


def test_a_loss_far_above_its_start_warns_once() -> None:
    class Worse(Callback):
        def after_step(self, solver: Solver) -> None:
            solver.loss_history[-1] = 2.0 if solver.step == 1 else 30.0

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        straight(0.01, num_epochs=6, callbacks=[Worse()]).train()
    (warning,) = caught
    assert warning.category is RuntimeWarning
    text = str(warning.message)
    assert text.startswith("training may have diverged: the loss is 30 at step 9")
    assert "it began at 2; a network that says nothing has 1.39" in text


def test_a_loss_that_explodes_ends_the_training() -> None:
    """Three epochs of the default ended at a loss of 1e12 and at 10%, without a word."""
    solver = straight(3.0, num_epochs=20)
    with pytest.raises(
        TrainingDiverged, match=r"it began at .* the model keeps its last"
    ) as caught:
        solver.train()
    assert caught.value.loss_history == solver.loss_history
    assert np.median(solver.loss_history[-8:]) > 1000 * solver.loss_history[0]


@pytest.mark.parametrize("loss", [None, FocalLoss(5.0), HingeLoss()])
def test_a_start_near_zero_is_no_reason_to_warn(loss: Any) -> None:
    """Fine-tuning begins nearly perfect: a loss a hundred times its first one is still small."""
    solver = straight(0.1, num_epochs=30, loss=loss)
    solver.train()
    for array in solver.model.params.values():
        array *= 2
    learnt = Sequential(*solver.model)
    data = trainings.data()
    labels = data["y_train"].copy()
    labels[32:] = labels[32:][::-1]
    tuned = trainings.solver(
        model=learnt, data={**data, "y_train": labels}, loss=loss, augment=None,
        optimizer=SGD(1e-4), num_epochs=4,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tuned.train()
    assert tuned.step == 20

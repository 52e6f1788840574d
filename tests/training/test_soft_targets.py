"""Targets of the scores' shape: from the data, or mixed by an augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite.checkpoint import CheckpointError
from cnnlite.data import Compose, CutMix, MixUp, RandomCropFlip
from cnnlite.layers import Flatten, Linear, LogSoftmax, Sequential
from cnnlite.losses import (
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    FocalLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SigmoidFocalLoss,
    SmoothL1Loss,
)
from cnnlite.optim import SGD
from cnnlite.solver import Solver
from cnnlite.training.evaluation import correct
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")

DATA = trainings.data()
SOFT = {
    **DATA,
    **{key: np.eye(4, dtype=np.float32)[DATA[key]] for key in ("y_train", "y_val")},
}


def test_one_hot_floats_train_as_labels_do() -> None:
    hard, soft = trainings.solver(data=DATA), trainings.solver(data=SOFT)
    hard.train()
    soft.train()
    np.testing.assert_allclose(soft.loss_history, hard.loss_history, rtol=1e-5)
    assert soft.val_acc_history == hard.val_acc_history
    assert soft.train_acc_history == hard.train_acc_history


@pytest.mark.parametrize(
    "loss",
    [
        MSELoss(), L1Loss(), SmoothL1Loss(), HuberLoss(), BCEWithLogitsLoss(),
        BCEWithLogitsLoss(pos_weight=[1, 2, 3, 4]), SigmoidFocalLoss(), KLDivLoss("batchmean"),
        CrossEntropyLoss(label_smoothing=0.1),
    ],
    ids=lambda loss: type(loss).__name__,
)  # fmt: skip
def test_losses_of_targets_like_the_scores_train(loss: Any) -> None:
    """Solver took class numbers only, and told MSELoss to go."""
    layers = [Flatten(), Linear(192, 4, rng=0)]
    model = Sequential(*layers, *([LogSoftmax()] if isinstance(loss, KLDivLoss) else []))
    solver = trainings.solver(
        model=model, data=SOFT, loss=loss, optimizer=SGD(0.003, momentum=0.9), schedule=None,
        num_epochs=40, num_train_samples=None,
    )  # fmt: skip
    solver.train()
    losses = solver.loss_history
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert solver.train_acc_history[-1] > 0.8


def test_regression_to_one_number() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 5)).astype(np.float32)
    y = X @ rng.standard_normal((5, 1)) + 0.3  # float64, beside a float32 model
    data = {"X_train": X[:150], "y_train": y[:150], "X_val": X[150:], "y_val": y[150:]}
    solver = Solver(
        Linear(5, 1, rng=0), data, loss=MSELoss(), optimizer=SGD(0.05), num_epochs=40,
        batch_size=10, verbose=False,
    )  # fmt: skip
    solver.train()
    assert solver.loss_history[-1] < 1e-4
    np.testing.assert_allclose(solver.model(X[150:]), y[150:], atol=0.02)


def test_correct_answers() -> None:
    scores = np.array([[3.0, 1.0], [0.0, 2.0], [np.nan, 1.0]])
    np.testing.assert_array_equal(correct(scores, np.array([0, 0, 1])), [True, False, False])
    soft = np.array([[0.6, 0.4], [0.1, 0.9], [0.0, 1.0]])
    np.testing.assert_array_equal(correct(scores, soft), [True, True, False])
    one = np.array([[2.0], [-1.0], [1.0], [np.inf]])
    np.testing.assert_array_equal(
        correct(one, np.array([[1.0], [0.0], [0.0], [1.0]])), [True, True, False, False]
    )


MIXED = [MixUp(1.0), CutMix(), Compose([RandomCropFlip(1), MixUp(), CutMix()])]


@pytest.mark.parametrize("augment", MIXED, ids=repr)
def test_mixed_images_train(augment: Any) -> None:
    solver = trainings.solver(augment=augment, num_epochs=8, num_train_samples=None)
    solver.train()
    assert np.mean(solver.loss_history[-5:]) < np.mean(solver.loss_history[:5])
    assert solver.val_acc_history[-1] > 0.5
    assert solver.smoke() > 0


@pytest.mark.parametrize("augment", MIXED, ids=repr)
def test_a_mixed_training_resumes_to_the_same_bits(augment: Any, tmp_path: Any) -> None:
    options: dict[str, Any] = {"augment": augment, "schedule": None}
    whole = trainings.solver(**options, num_epochs=3)
    whole.train()
    path = tmp_path / "checkpoint.safetensors"
    trainings.solver(**options, num_epochs=1, checkpoint=path).train()
    resumed = trainings.solver(**options, num_epochs=3, checkpoint=path)
    resumed.resume()
    assert trainings.fingerprint(resumed) == trainings.fingerprint(whole)
    with pytest.raises(CheckpointError, match="augment"):
        trainings.solver(augment=MixUp(0.3), schedule=None, checkpoint=path).resume()


def test_batch_accuracy_counts_the_largest_target() -> None:
    solver = trainings.solver(
        augment=MixUp(1.0), model=Sequential(Flatten(), Linear(192, 4, rng=0))
    )
    index = np.arange(16)
    y = solver.targets(index)
    assert (y.shape, y.dtype) == ((16, 4), np.float32)
    x = trainings.data()["X_train"][:16].astype(np.float32) / 255
    right = (solver.model(x).argmax(axis=1) == y.argmax(axis=1)).mean()
    solver.train_step(x, y)
    assert solver.batch_acc == right


@pytest.mark.parametrize("loss", [FocalLoss(), HingeLoss(), NLLLoss()])
def test_a_loss_of_classes_does_not_take_mixed_targets(loss: Any) -> None:
    name = type(loss).__name__
    words = rf"^Solver: the loss {name} does not take scores \(1, 4\) with targets \(1, 4\), which "
    with pytest.raises(TypeError, match=words + "the augmentation mixes, floats, as CrossEntropy"):
        trainings.solver(loss=loss, augment=MixUp()).train()
    with pytest.raises(TypeError, match=r"with targets \(1, 4\), floats, as CrossEntropyLoss, BCE"):
        trainings.solver(loss=loss, data=SOFT).train()


@pytest.mark.parametrize("loss", [MSELoss(), L1Loss(), HuberLoss(), BCEWithLogitsLoss()])
def test_a_loss_of_numbers_does_not_take_labels(loss: Any) -> None:
    words = r"does not take scores \(1, 4\) with labels \(1,\), the numbers of classes, as CrossE"
    with pytest.raises(TypeError, match=words):
        trainings.solver(loss=loss).train()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y[:, :3], r"y_train has the shape \(70, 3\), but the model gives 4 scores for"),
        (lambda y: y[:60], r"y_train is float32, expected integer labels"),
        (lambda y: y[:, 0], r"y_train is float32, expected integer labels, or targets \(N, scores"),
        (lambda y: y.astype(np.float16), "y_train is float16, expected integer labels"),
        (
            lambda y: y.astype(bool),
            r"y_train is bool, .*; of one-hot rows, y_train\.argmax\(axis=1",
        ),
        (
            lambda y: y.astype(int),
            r"y_train has the shape \(70, 4\), .*; of one-hot rows, y_train\.",
        ),
        (
            lambda y: y.argmax(1).astype(str),
            r"y_train is <U21, .*; np\.unique\(y_train, return_inverse",
        ),
        (lambda y: y + np.nan, r"y_train\[0\] holds nan at \(0,\); targets must be finite"),
        (
            lambda y: y.argmax(1) + 1,
            r"y_train\[.*\] is 4, the model's 4 classes are 0 to 3; labels c",
        ),
    ],
)
def test_targets_that_do_not_fit(change: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^Solver: {message}"):
        trainings.solver(data={**SOFT, "y_train": change(SOFT["y_train"])})


def test_images_that_cannot_be_mixed() -> None:
    rows = {key: x.reshape(len(x), -1).astype(np.float32) if key[0] == "X" else x
            for key, x in DATA.items()}  # fmt: skip
    with pytest.raises(ValueError, match=r"CutMix: images have the shape \(2, 192\), expected \(N"):
        trainings.solver(model=Linear(192, 4, rng=0), data=rows, augment=CutMix()).train()
    with pytest.raises(TypeError, match="Solver: augment is the class MixUp, expected an instance"):
        trainings.solver(augment=MixUp)

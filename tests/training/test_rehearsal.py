"""What does not fit is said before the first step."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cnnlite.callbacks import Callback, EarlyStopping
from cnnlite.data import (
    Compose,
    CutMix,
    Cutout,
    Dataset,
    MixUp,
    RandomCropFlip,
    RandomRotation,
)
from cnnlite.layers import (
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    Residual,
    Sequential,
)
from cnnlite.losses import CrossEntropyLoss, FocalLoss, HingeLoss, MSELoss
from cnnlite.solver import Solver
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")

DATA = trainings.data()


def train(**options: Any) -> Solver:
    """Train; nothing may have happened if that is refused."""
    model = options.setdefault("model", trainings.model())
    before = model.state_dict() if isinstance(model, Layer) else {}
    try:
        solver = trainings.solver(**{"num_epochs": 1, **options})
        solver.train()
    except Exception:
        after = model.state_dict() if isinstance(model, Layer) else {}
        np.testing.assert_equal(after, before)
        raise
    return solver


def cut(images: int) -> dict[str, np.ndarray]:
    return {**DATA, "X_train": DATA["X_train"][:images], "y_train": DATA["y_train"][:images]}


# A last batch of one image


def flat() -> Sequential:
    return Sequential(Flatten(), Linear(192, 8, rng=0), BatchNorm1d(8), Linear(8, 4, rng=1))


def one_by_one() -> Sequential:
    """Batch norm of planes of one pixel."""
    conv = Conv2d(3, 4, 8, rng=0)
    return Sequential(conv, BatchNorm2d(4), Flatten(), Linear(4, 4, rng=1))


def inside_a_block() -> Sequential:
    body = Sequential(Linear(192, 192, rng=0), BatchNorm1d(192))
    return Sequential(Flatten(), Residual(body), Linear(192, 4, rng=1))


class OwnNorm(Layer):
    """Divides by the deviation with N - 1, which is NaN of one image, and says nothing."""

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
        with np.errstate(invalid="ignore", divide="ignore"):
            std = np.sqrt(np.square(x - x.mean(0)).sum(0) / np.float32(len(x) - 1))
            return (x / (1 + std) if train else x), None

    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple:
        return dy, {}


def of_ones_own() -> Sequential:
    return Sequential(Flatten(), OwnNorm(), Linear(192, 4, rng=1))


@pytest.mark.parametrize("make", [flat, one_by_one, inside_a_block, of_ones_own])
def test_a_last_batch_of_one_image_is_refused_before_the_first_step(
    make: Callable[[], Sequential],
) -> None:
    """It stopped after all the other steps of the epoch, without a word about the last batch."""
    words = r"the last batch of an epoch has one image only \(61 images in batches of 20\)"
    with pytest.raises(ValueError, match=f"^Solver: {words}.*; pass drop_last=True, or another"):
        train(model=make(), data=cut(61), batch_size=20)
    solver = train(model=make(), data=cut(61), batch_size=20, drop_last=True)
    assert (solver.steps_per_epoch, solver.step) == (3, 3)
    assert train(model=make(), data=cut(62), batch_size=20).step == 4


def test_batches_of_one_image() -> None:
    with pytest.raises(ValueError, match=r"^Solver: batch_size is 1, and the model cannot be"):
        train(model=flat(), batch_size=1)
    with pytest.raises(ValueError, match=r"^Solver: batch_size is 1, and the model cannot be"):
        train(model=flat(), overfit=1)


def test_drop_last_leaves_out_other_images_in_each_epoch() -> None:
    spy = trainings.Spy()
    train(model=Sequential(spy, Flatten(), Linear(192, 4, rng=0)), drop_last=True, num_epochs=2,
          augment=None)  # fmt: skip
    assert [len(x) for x in spy.seen] == [16] * 8
    with pytest.raises(TypeError, match="Solver: drop_last is 1, expected True or False"):
        train(drop_last=1)


# Losses


class Gives:
    """A loss whose forward gives this."""

    reduction = "mean"

    def __init__(self, result: Any, gradient: Any = None) -> None:
        self.result, self.gradient = result, gradient

    def forward(self, scores: np.ndarray, targets: np.ndarray) -> Any:
        return self.result

    def backward(self, cache: Any) -> Any:
        return self.gradient


@pytest.mark.parametrize("kind", [CrossEntropyLoss, FocalLoss, HingeLoss])
def test_a_loss_for_each_image_is_refused(kind: Any) -> None:
    words = rf"{kind.__name__}.forward gives an array \(1,\) for one image \(reduction is 'none'\)"
    with pytest.raises(TypeError, match=f"^Solver: {words}, expected one number"):
        train(loss=kind(reduction="none"))


def test_a_loss_that_takes_no_labels_says_which_do() -> None:
    with pytest.raises(TypeError, match=r"MSELoss does not take .* as CrossEntropyLoss, FocalLoss"):
        train(loss=MSELoss())


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (Gives(1.0), "Gives.forward gives 1.0, expected a pair: the loss and a cache"),
        (Gives((None, 0)), "Gives.forward gives None for one image, expected one number"),
        (Gives((np.ones(1), 0)), r"Gives.forward gives an array \(1,\) for one image, expected"),
        (Gives((1.0, 0)), r"Gives.backward gives None, expected an array \(1, 4\)"),
        (Gives((1.0, 0), np.ones(4)), r"Gives.backward gives \(4,\), expected an array \(1, 4\)"),
    ],
)
def test_a_loss_of_ones_own_that_gives_something_else(loss: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^Solver: {message}"):
        train(loss=loss)


def test_verbose_is_true_or_false() -> None:
    """A string that said no was taken for True."""
    with pytest.raises(TypeError, match=r"^Solver: verbose is 'no', expected True or False"):
        train(verbose="no")


# Images and labels


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["X_train", "X_val"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_images_that_are_not_finite_are_named(name: str, bad: float, dtype: Any) -> None:
    """In training images it was "use a lower learning rate", in validation images silence."""
    data = {**DATA, **{key: DATA[key].astype(dtype) / 255 for key in ("X_train", "X_val")}}
    data[name][17, 1, 2, 3] = bad
    with pytest.raises(ValueError, match=rf"{name}\[17\] holds {bad} at \(1, 2, 3\); images must"):
        train(data=data, augment=None)


@pytest.mark.parametrize("name", ["X_train", "X_val"])
def test_images_too_large_for_the_models_dtype_are_named(name: str) -> None:
    """A finite float64 became infinite in the batch: "use a lower learning rate"."""
    data = {**DATA, **{key: DATA[key] / 255.0 for key in ("X_train", "X_val")}}
    data[name][17, 1, 2, 3] = -1e300
    words = rf"{name}\[17\] holds -1e\+300 at \(1, 2, 3\); images must be finite in float32"
    with pytest.raises(ValueError, match=words):
        train(data=data, augment=None)


def test_images_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnlite.training.splits.BLOCK", 400)
    data = {**DATA, **{key: DATA[key] / np.float32(255) for key in ("X_train", "X_val")}}
    seen = []

    class Watched(np.ndarray):
        def __getitem__(self, index: Any) -> Any:
            part = super().__getitem__(index)
            seen.append(np.size(part))
            return part

    data["X_train"] = data["X_train"].view(Watched)
    data["X_train"][69, 0, 0, 0] = np.nan
    seen.clear()
    with pytest.raises(ValueError, match=r"X_train\[69\] holds nan at \(0, 0, 0\)"):
        trainings.solver(data=data, augment=None)
    assert max(seen) <= 400


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (DATA["y_train"] + 1, r"the model's 4 classes are 0 to 3; labels count from 0"),
        (np.eye(4, dtype=int)[DATA["y_train"]], r"of one-hot rows, y_train\.argmax\(axis=1\) are"),
        (DATA["y_train"].astype(str), "y_train is <U21, expected integer labels"),
        (DATA["y_train"].astype(bool), "y_train is bool, expected integer labels"),
    ],
)
def test_labels_of_another_kind_are_told_how_to_be_labels(labels: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        train(data={**DATA, "y_train": labels})


def test_a_data_set_takes_lists() -> None:
    """A list of labels was an AttributeError."""
    made = Dataset(
        {"X_train": list(DATA["X_train"]), "y_train": [int(y) for y in DATA["y_train"]]},
        list("abcd"),
    )
    np.testing.assert_array_equal(made["X_train"], DATA["X_train"])
    assert (made["X_train"].dtype, made["y_train"].dtype.kind) == (np.uint8, "i")
    assert len(Dataset({"X_val": [], "y_val": []}, ["a"])["y_val"]) == 0
    for labels in ("ab", {0: 1}, None):
        with pytest.raises(TypeError, match=r"Dataset: y_train is a .*, expected an array or a li"):
            Dataset({"X_train": DATA["X_train"], "y_train": labels}, list("abcd"))
    with pytest.raises(TypeError, match="Dataset: y_train is a list of <U1, expected numbers"):
        Dataset({"X_train": DATA["X_train"], "y_train": ["a"] * 70}, list("abcd"))
    ragged = [DATA["X_train"][0], DATA["X_train"][1][:, 1:]]
    with pytest.raises(ValueError, match="Dataset: X_train is a list that makes no array"):
        Dataset({"X_train": ragged, "y_train": [0, 1]}, list("abcd"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, 0, 0, 0], r"the model gives \(1,\) for one image"),
        (lambda x: (x, 1), "the model gives tuple, expected an array"),
        (lambda x: x.reshape(len(x), -1)[:, :4] * np.nan, "scores that are not finite before the"),
    ],
)
def test_a_model_whose_scores_are_no_scores(change: Any, message: str) -> None:
    class Changed(Layer):
        def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
            return change(x), None

        def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple:
            return None, {}

    with pytest.raises((ValueError, TypeError), match=message):
        train(model=Changed())


# Functions


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (lambda *_: None, "augment returned NoneType, expected an array"),
        (lambda images, *_: list(images), "augment returned list, expected an array"),
        (lambda images, *_: images / 255, "augment returned float64, expected uint8"),
        (lambda images, *_: images.astype(int), "augment returned int64, expected uint8"),
        (lambda images, *_: images[0], r"augment returned \(3, 8, 8\), expected \(2, 3, 8, 8\)"),
        (lambda images, *_: images.transpose(0, 2, 3, 1), r"augment returned \(2, 8, 8, 3\), exp"),
        (lambda images: images, r"augment is called with \(images, index, epoch, seed\), which it"),
    ],
)
def test_an_augmentation_that_gives_something_else(augment: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        train(augment=augment)


def test_floats_may_be_augmented_to_floats_only() -> None:
    data = {**DATA, **{key: DATA[key] / np.float32(255) for key in ("X_train", "X_val")}}
    assert train(data=data, augment=lambda images, *_: images.astype(np.float64) / 2).step == 5
    with pytest.raises(TypeError, match="augment returned uint8, expected float32"):
        train(data=data, augment=lambda images, *_: (255 * images).astype(np.uint8))


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (lambda step, total: None, "schedule at step 0 is None, expected a number"),
        (
            lambda step, total: np.ones(1),
            r"schedule at step 0 is an array float64 \(1,\), expected a",
        ),
        (lambda step, total: "1", "schedule at step 0 is '1', expected a number"),
        (lambda step, total: -0.5, "schedule at step 0 is -0.5, expected a number from 0 up"),
        (lambda step, total: np.nan, "schedule at step 0 is nan, expected a finite number"),
        (lambda step, total: 1 if step < 4 else None, "schedule at step 4 is None, expected"),
        (lambda step: 1, r"schedule is called with \(step, total_steps\), which it does not take"),
    ],
)
def test_a_schedule_that_gives_something_else(schedule: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^Solver: {message}"):
        train(schedule=schedule)


# Callbacks


def named(*methods: str) -> Any:
    """An object of a class with these methods."""
    return type("Own", (), {name: lambda self, solver: None for name in methods})()


def derived(*methods: str) -> Any:
    return type("Own", (Callback,), {name: lambda self, solver: None for name in methods})()


@pytest.mark.parametrize(
    ("method", "event"),
    [
        ("after_epochs", "after_epoch"),
        ("afterEpoch", "after_epoch"),
        ("after_eopch", "after_epoch"),
        ("before_training", "before_train"),
        ("on_epoch_end", "after_epoch"),
        ("on_epoch_begin", "before_epoch"),
        ("on_train_batch_end", "after_step"),
        ("on_train_start", "before_train"),
        ("on_fit_end", "after_train"),
        ("on_validation_end", "after_epoch"),
        ("epoch_end", "after_epoch"),
        ("on_batch_begin", "before_step"),
        ("after_batch", "after_step"),
        ("before_batch", "before_step"),
        ("after_fit", "after_train"),
        ("before_validate", "before_epoch"),
        ("after_train_epoch", "after_epoch"),
    ],
)
@pytest.mark.parametrize("make", [named, derived])
def test_a_misspelt_method_of_a_callback_is_named(make: Any, method: str, event: str) -> None:
    """It was never called, and nobody said so."""
    words = rf"callbacks\[0\] \(Own\) has the method {method}, which is never called; did you mean"
    with pytest.raises(TypeError, match=f"^Solver: {words} {event}"):
        train(callbacks=[make(method)])
    assert train(callbacks=[make(method, event)]).step == 5  # it serves two libraries


def test_other_methods_of_a_callback_are_its_own_affair() -> None:
    own = derived("after_step", "plot", "is_epoch_end", "save_epoch", "reset", "step", "close")
    assert train(callbacks=[own, SimpleNamespace(after_epoch=lambda solver: None)]).step == 5


class TakesNothing:
    def after_epoch(self) -> None:
        pass


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (
            [EarlyStopping],
            r"callbacks\[0\] is the class EarlyStopping, expected an instance: Early",
        ),
        ([EarlyStopping(), None], r"callbacks\[1\] is None, which has none of the methods before_"),
        ([print], r"callbacks\[0\] is <built-in function print>, which has none of the methods"),
        (EarlyStopping(), "callbacks must be a list of objects, got <"),
        (None, "callbacks must be a list of objects, got None"),
        ("abc", "callbacks must be a list of objects, got 'abc'"),
        ([TakesNothing()], r"callbacks\[0\]\.after_epoch is called with \(solver\), which it does"),
        ([SimpleNamespace(after_step=3)], r"callbacks\[0\]\.after_step is 3, no method"),
    ],
)
def test_what_is_no_callback(callbacks: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^Solver: {message}"):
        trainings.solver(callbacks=callbacks)


def test_a_callback_that_is_added_later_is_looked_at_too() -> None:
    solver = trainings.solver()
    solver.callbacks.append(EarlyStopping)
    with pytest.raises(TypeError, match="is the class EarlyStopping, expected an instance"):
        solver.train()
    assert solver.step == 0


@pytest.mark.parametrize(
    "augment",
    [RandomCropFlip(), RandomRotation(), Cutout(), MixUp(), CutMix(), Compose([Cutout()])],
    ids=repr,
)
def test_an_augmentation_of_images_names_features(augment: Any) -> None:
    """It was "not enough values to unpack", and with crops only in the first step."""
    X, y = np.zeros((20, 12), np.float32), np.arange(20) % 4
    data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
    solver = Solver(
        Sequential(Linear(12, 4, rng=0)), data, augment=augment, batch_size=10, verbose=False
    )
    name = r"\w+: images have the shape \(2, 12\), expected \(N, C, H, W\)"
    with pytest.raises(ValueError, match=f"^{name}"):
        solver.train()
    assert solver.step == 0

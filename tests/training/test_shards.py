"""Batches in shards: the sum of their gradients is the batch's, whatever loss and layers are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite import layers as nn
from cnnlite.checkpoint import CheckpointError
from cnnlite.data import MixUp
from cnnlite.data.batches import epoch_order
from cnnlite.layers.ready import early
from cnnlite.losses import (
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    FocalLoss,
    HingeLoss,
    MSELoss,
    NLLLoss,
)
from cnnlite.optim import SGD
from cnnlite.random import Rng
from cnnlite.solver import Solver, TrainingDiverged
from cnnlite.training.shards import cut
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")
WEIGHT = [1.0, 2.0, 3.0, 0.5]


class Doubled(nn.Container):
    """A container of someone's own, which makes its layer's gradients other ones afterwards."""

    def __init__(self, layer: nn.Layer) -> None:
        self.layer = layer

    def children(self) -> dict[str, nn.Layer]:
        return {"layer": self.layer}

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> Any:
        return self.layer.forward(x, train, rng)

    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> Any:
        dx, grads = self.layer.backward(dy, cache, need_dx)
        doubled = {key: 2 * grad for key, grad in grads.items() if grad is not None}
        return dx, self.gather_grads([("layer", doubled)])


def network() -> nn.Layer:
    """Without batch-norm: a residual block, tied layers, a frozen one, and a strange container."""
    tied = nn.Conv2d(4, 4, 3, padding=1, rng=3)
    other = nn.Conv2d(4, 4, 3, padding=1, rng=4)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, rng=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Residual(nn.Sequential(tied, nn.GELU(), other, tied)),
        Doubled(nn.Sequential(nn.Conv2d(4, 4, 1, rng=5), nn.ReLU())),
        nn.Flatten(),
        nn.Linear(64, 4, rng=2),
    ).astype(np.float64)
    other.frozen_keys = frozenset({"bias"})
    return model


def trained(shards: int, **options: Any) -> Solver:
    data = {k: v / 255.0 if k[0] == "X" else v for k, v in trainings.data(38, 16).items()}
    options = {"model": network(), "augment": None, "num_epochs": 2, "data": data} | options
    solver = trainings.solver(shards=shards, **options)
    solver.train()
    return solver


def one_hot(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {k: v / 255.0 if k[0] == "X" else np.eye(4)[v] for k, v in data.items()}


@pytest.mark.parametrize(
    "loss",
    [
        CrossEntropyLoss(weight=WEIGHT, label_smoothing=0.1),
        CrossEntropyLoss(reduction="sum"),
        FocalLoss(weight=WEIGHT, ignore_index=1),
        HingeLoss(weight=WEIGHT, ignore_index=2),
        NLLLoss(weight=WEIGHT),
    ],
)
def test_shards_come_to_the_whole_batch(loss: Any) -> None:
    """The last batch has six images: of eight shards two are empty, four of two in others."""
    rate = SGD(0.02 if loss.reduction == "mean" else 0.002, momentum=0.9)
    whole = trained(1, loss=loss, optimizer=rate, clip_norm=1.0)
    for shards in (4, 8):
        rate = SGD(rate.lr, momentum=0.9)
        solver = trained(shards, loss=loss, optimizer=rate, clip_norm=1.0)
        np.testing.assert_allclose(solver.loss_history, whole.loss_history, rtol=1e-12)
        for key, array in whole.model.params.items():
            np.testing.assert_allclose(solver.model.params[key], array, rtol=0, atol=1e-12)
        assert solver.train_acc_history == whole.train_acc_history
        np.testing.assert_allclose(solver.val_loss_history, whole.val_loss_history, rtol=1e-12)


@pytest.mark.parametrize("loss", [BCEWithLogitsLoss(), MSELoss(reduction="sum")])
def test_targets_of_probabilities_are_cut_too(loss: Any) -> None:
    data = one_hot(trainings.data(38, 16))
    whole, solver = (
        trained(shards, data=data, loss=loss, optimizer=SGD(1e-3)) for shards in (1, 4)
    )
    np.testing.assert_allclose(solver.loss_history, whole.loss_history, rtol=1e-12)


def test_mixed_images_are_those_of_the_whole_batch() -> None:
    whole, solver = (trained(shards, augment=MixUp()) for shards in (1, 8))
    np.testing.assert_allclose(solver.loss_history, whole.loss_history, rtol=1e-12)


def test_a_network_of_one_layer_that_ignores_what_is_frozen() -> None:
    x = np.random.default_rng(0).standard_normal((20, 5))
    y = np.arange(20) % 3
    data = {"X_train": x, "y_train": y, "X_val": x, "y_val": y}
    found = []
    for shards in (1, 2):
        model = nn.Linear(5, 3, dtype=np.float64, rng=0)
        model.frozen_keys = frozenset({"bias"})
        found.append(trained(shards, model=model, data=data, batch_size=10))
    np.testing.assert_allclose(found[0].loss_history, found[1].loss_history, rtol=1e-12)
    first = nn.Linear(5, 3, dtype=np.float64, rng=0).params["bias"]
    np.testing.assert_array_equal(found[1].model.params["bias"], first)


def test_only_gradients_that_are_final_are_ready_early() -> None:
    model = network()
    ready = {key for key, array in model.params.items() if id(array) in early(model)}
    assert ready == {
        "0.weight", "0.bias", "3.body.2.weight", "3.body.2.bias", "6.weight", "6.bias",
    }  # fmt: skip


def test_running_statistics_move_by_the_mean_of_the_shards() -> None:
    """Moments by hand: each shard's own, weighted by its images, one batch counted."""
    x = np.random.default_rng(0).standard_normal((7, 3, 4, 4))
    model = nn.Sequential(
        nn.BatchNorm2d(3, dtype=np.float64), nn.Flatten(), nn.Linear(48, 4, rng=0)
    )
    model.astype(np.float64)
    data = {"X_train": x, "y_train": np.arange(7) % 4, "X_val": x, "y_val": np.arange(7) % 4}
    solver = Solver(model, data, batch_size=8, overfit=7, num_epochs=1, shards=2, verbose=False)
    solver.train()
    order = epoch_order(7, 0, 0)
    parts = [x[order[:4]], x[order[4:]]]
    mean = sum(len(part) / 7 * part.mean((0, 2, 3)) for part in parts)
    var = sum(len(part) / 7 * part.var((0, 2, 3), ddof=1) for part in parts)
    buffers = model.buffers
    np.testing.assert_allclose(buffers["0.running_mean"], 0.1 * mean, rtol=1e-10)
    np.testing.assert_allclose(buffers["0.running_var"], 0.9 + 0.1 * var, rtol=1e-10)
    assert buffers["0.num_batches_tracked"] == 1


def test_statistics_that_are_frozen_keep_their_bits() -> None:
    model = trainings.model()
    before = model.buffers["1.running_var"][...] = np.float32(1 / 3) + np.arange(4, dtype="f4")
    model[1].frozen_keys = frozenset(model[1].buffers)
    trainings.solver(model=model, shards=16, num_epochs=1, batch_size=48).train()
    np.testing.assert_array_equal(model.buffers["1.running_var"], before)


def test_dropout_differs_between_shards() -> None:
    """The same image twice in a batch: two shards must not drop the same of it."""
    spy = trainings.Spy()
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), spy, nn.Linear(192, 4, rng=0))
    x = np.ones((8, 3, 8, 8), np.float32)
    data = {"X_train": x, "y_train": np.zeros(8, int), "X_val": x, "y_val": np.zeros(8, int)}
    Solver(model, data, batch_size=8, shards=2, num_epochs=1, verbose=False).train()
    first, second = spy.seen
    assert (first != second).any()


def synchronised() -> nn.Layer:
    return nn.SyncBatchNorm.convert_sync_batchnorm(
        nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1, rng=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Residual(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, rng=3), nn.BatchNorm2d(4))),
            nn.Flatten(),
            nn.Linear(256, 4, rng=2),
            nn.BatchNorm1d(4),
        )
    ).astype(np.float64)


def test_synchronised_statistics_are_those_of_the_whole_batch() -> None:
    whole, solver = (trained(shards, model=synchronised(), drop_last=True) for shards in (1, 8))
    np.testing.assert_allclose(solver.loss_history, whole.loss_history, rtol=1e-10)
    state, expected = solver.model.state_dict(), whole.model.state_dict()
    for key, array in expected.items():
        np.testing.assert_allclose(state[key], array, rtol=0, atol=1e-10, err_msg=key)


def test_a_layer_that_fails_in_one_shard_of_several_together_fails_at_once() -> None:
    calls = []

    def fail(train: bool) -> None:
        calls.append(train)
        if calls.count(True) == 3:
            raise OSError("as asked")

    model = synchronised()
    model.append(trainings.Spy(fail))
    before = model.state_dict()
    with pytest.raises(OSError, match="as asked"):
        trained(4, model=model)
    np.testing.assert_equal(model.state_dict(), before)


def test_a_shard_that_explodes_ends_the_training() -> None:
    with pytest.raises(TrainingDiverged, match="they were after 0 steps"):
        trainings.solver(shards=4, optimizer=SGD(1e30)).train()


def test_memory_is_that_of_a_shard() -> None:
    """No shard's pass sees the whole batch, and its images are made one shard at a time."""
    spy = trainings.Spy()
    model = nn.Sequential(spy, nn.Flatten(), nn.Linear(192, 4, rng=0))
    trainings.solver(model=model, shards=4, num_epochs=1, ema=0.5).train()
    assert {len(x) for x in spy.seen[1:]} == {4, 2, 1}


def test_an_average_gets_its_statistics_from_the_shards() -> None:
    whole = trainings.solver(ema=0.5, num_epochs=1, shards=1)
    cut_up = trainings.solver(ema=0.5, num_epochs=1, shards=2)
    for solver in (whole, cut_up):
        solver.train()
    key = "1.running_mean"
    assert (whole.best_params[key] != cut_up.best_params[key]).any()
    np.testing.assert_allclose(cut_up.best_params[key], whole.best_params[key], atol=0.02)


SMALLEST = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(192), nn.Linear(192, 4, rng=0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shards": 3}, "Solver: shards is 3, which does not divide batch_size 16"),
        ({"shards": 0}, "Solver: shards is 0, expected"),
        ({"shards": 16, "model": SMALLEST}, "some shards have one image only"),
        ({"shards": 8, "model": synchronised(), "data": trainings.data(19)}, "fill 8 shards"),
    ],
)
def test_what_cannot_be_cut_is_refused_before_the_first_step(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        trainings.solver(**options).train()


def test_the_profilers_refusal_of_shards_is_what_is_raised() -> None:
    from cnnlite.training.callbacks.profiler import Profiler

    with pytest.raises(ValueError, match="measures whole batches, and shards is 2"):
        trainings.solver(shards=2, callbacks=[Profiler(1)]).train()


def test_a_checkpoint_belongs_to_its_number_of_shards(tmp_path: Any) -> None:
    path = tmp_path / "x.safetensors"
    trainings.solver(shards=4, num_epochs=1, checkpoint=path).train()
    with pytest.raises(CheckpointError, match="shards is 4 in the checkpoint, 2 here"):
        trainings.solver(shards=2, checkpoint=path).resume()


def test_smoke_and_lr_find_take_shards_and_put_all_back() -> None:
    solver = trainings.solver(shards=4)
    before = solver.model.state_dict()
    assert solver.smoke() > 0
    assert solver.lr_find(num_steps=20).losses
    np.testing.assert_equal(solver.model.state_dict(), before)


def test_cuts_are_those_of_array_split() -> None:
    for images in range(20):
        parts = np.array_split(np.arange(images), 6)
        found = [np.arange(images)[part] for part in cut(images, 6)]
        assert all(map(np.array_equal, found, parts))


def test_a_place_of_a_shard_is_below_the_steps() -> None:
    assert Rng(1, 2).child("shard 3").child("0").path == "shard 3.0"

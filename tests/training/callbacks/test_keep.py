"""What is kept of epochs: it is bounded, it is what the network was, and it changes nothing."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import layers
from cnnlite.callbacks import Keep
from cnnlite.checkpoint import Checkpoint
from cnnlite.layers import Layer, Sequential
from cnnlite.layers.trace import trace
from cnnlite.report.kept import read_run
from cnnlite.training import probing
from cnnlite.training.callbacks.keep import kept_epochs
from cnnlite.training.kept import STATISTICS, kept_files, read_kept
from tests import trainings

pytest.importorskip("PIL")
pytestmark = pytest.mark.usefixtures("one_thread")


class Careless(layers.Container):
    """Draws random numbers without an address: from the common stream, and NumPy's own."""

    def __init__(self) -> None:
        self.drop = layers.Dropout(0.5)

    def children(self) -> dict[str, Layer]:
        return {"drop": self.drop}

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
        noise = 0.1 * np.random.standard_normal(x.shape) if train else 0  # noqa: NPY002
        return self.drop.forward(x + np.float32(noise), train)

    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple:
        return self.drop.backward(dy, cache, need_dx)


def careless() -> Sequential:
    from cnnlite import manual_seed

    manual_seed(7)
    np.random.seed(7)  # noqa: NPY002
    return Sequential(layers.Flatten(), layers.Linear(192, 8, rng=0), Careless(), layers.ReLU(),
                      layers.Linear(8, 4, rng=1))  # fmt: skip


@pytest.mark.parametrize("model", [trainings.model, careless])
def test_a_training_has_the_same_bits_with_it_and_without(model: Any, tmp_path: Path) -> None:
    def trained(*callbacks: Any) -> str:
        solver = trainings.solver(model=model(), callbacks=callbacks, ema=0.9)
        solver.train()
        return trainings.fingerprint(solver)

    assert trained() == trained(Keep(tmp_path / "kept")) == trained(Keep())


def test_an_interrupted_training_keeps_what_one_in_one_go_keeps(tmp_path: Path) -> None:
    def solver(name: str, *more: Any) -> Any:
        checkpoint = Checkpoint(tmp_path / f"{name}.safetensors", every_steps=5)
        keep = Keep(tmp_path / name / "kept", epochs=3)
        return trainings.solver(num_epochs=5, checkpoint=checkpoint, callbacks=[keep, *more])

    whole = solver("whole")
    whole.train()
    for step in (3, 10, 17):  # the second is the last of its epoch, before it is evaluated
        part = solver("parts", Interrupted(step))
        part.resume() if step > 3 else part.train()
    # An epoch that was kept, but is not in the checkpoint, as after a kill.
    stale = tmp_path / "parts" / "kept" / "epoch-0004.safetensors"
    stale.write_bytes(b"stale")
    last = solver("parts")
    last.resume()
    assert trainings.fingerprint(last) == trainings.fingerprint(whole)
    names = [sorted(p.name for p in (tmp_path / name / "kept").iterdir())
             for name in ("whole", "parts")]  # fmt: skip
    assert names[0] == names[1]
    for name in names[0]:
        first, second = (tmp_path / run / "kept" / name for run in ("whole", "parts"))
        assert first.read_bytes() == second.read_bytes(), name


class Interrupted:
    """Ends a training as Ctrl-C does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, solver: Any) -> None:
        if solver.step == self.step:
            raise KeyboardInterrupt


def test_of_more_epochs_every_second_is_deleted_and_the_ends_stay() -> None:
    there: set[int] = set()
    for epoch in range(1, 1001):
        there = (there | {epoch}) & set(kept_epochs(epoch, 20))
        assert sorted(there) == kept_epochs(epoch, 20), "what stays was there before"
        assert len(there) <= 20
        assert {1, epoch} <= there
    assert kept_epochs(9, 1) == [9]
    assert kept_epochs(9, 2) == [1, 9]
    assert kept_epochs(6, 3) == [1, 5, 6]
    assert kept_epochs(4, 20) == [1, 2, 3, 4]


def test_what_is_kept_is_what_the_network_was(tmp_path: Path) -> None:
    keep = Keep(tmp_path / "kept", images=3, maps=2)
    solver = trainings.solver(num_epochs=2, callbacks=[keep])
    solver.train()
    (first, last), notes = read_run(tmp_path)
    assert (first.epoch, last.epoch, notes) == (1, 2, [])
    assert last.images.shape == (3, 3, 8, 8)
    assert np.array_equal(first.images, last.images)
    where = [
        np.flatnonzero((solver.X_val == image).all(axis=(1, 2, 3)))[0] for image in last.images
    ]
    assert np.array_equal(last.labels, solver.y_val[where])
    assert np.allclose(last.scores, solver.predict(solver.X_val[where]), atol=1e-6)
    x = solver.normalization.apply(solver.X_val[where])
    runs = {ran.path: ran.y for ran in trace(solver.model, x)}
    assert list(last.maps) == ["0", "2", "3"]  # convolution, activation, pooling
    for path, maps in last.maps.items():
        low, high = np.moveaxis(last.ranges[path], 2, 0)[..., None, None]
        assert np.allclose(maps / 255 * (high - low) + low, runs[path][:, :2],
                           atol=0.003 * (high - low).max())  # fmt: skip
    assert np.array_equal(last.filters, solver.model.params["0.weight"])
    assert (tmp_path / "kept" / "epoch-0002.png").read_bytes()[:4] == b"\x89PNG"


def test_the_statistics_are_by_their_definitions() -> None:
    class Watch(Keep):
        def before_step(self, solver: Any) -> None:
            super().before_step(solver)
            self.before = solver.model.state_dict()

        def after_epoch(self, solver: Any) -> None:
            super().after_epoch(solver)
            self.after = solver.model.state_dict()

    keep = Watch()
    model = Sequential(layers.Conv2d(3, 4, 3, rng=0), layers.ReLU(), layers.Flatten(),
                       layers.Linear(144, 4, rng=1))  # fmt: skip
    model.params["0.bias"][2] = -100  # it will never be above 0
    solver = trainings.solver(model=model, num_epochs=1, callbacks=[keep])
    solver.train()
    found = keep.kept[0].statistics
    assert list(found) == ["0", "1", "2", "3"]
    assert all(set(row) == set(STATISTICS) for row in found.values())
    number = probing.FEWEST
    index = np.sort(probing.batches.epoch_order(70, 0, solver.seed)[:number])
    x, y = solver.normalization.apply(solver.X_train[index]), solver.y_train[index]
    runs = {ran.path: ran.y for ran in trace(model, x)}
    for path, row in found.items():
        assert row["mean"] == pytest.approx(runs[path].mean(dtype=np.float64), rel=1e-5)
        assert row["std"] == pytest.approx(runs[path].std(dtype=np.float64), rel=1e-5)
    assert found["1"]["dead"] == 0.25
    assert found["0"]["dead"] == 0  # below 0, but not 0: a batch-norm behind it would revive it
    scores, cache = model.forward(x, rng=0)
    _, grads = model.backward(solver.loss.backward(solver.loss.forward(scores, y)[1]), cache)
    for path, row in found.items():
        keys = [key for key in model.params if key.startswith(f"{path}.")]
        if not keys:
            assert np.isnan(row["grad_norm"])
            assert np.isnan(row["update_ratio"])
            continue
        norm = np.sqrt(sum((grads[key].astype(np.float64) ** 2).sum() for key in keys))
        assert row["grad_norm"] == pytest.approx(norm, rel=1e-5)
        change, own = (
            np.sqrt(sum((array(key).astype(np.float64) ** 2).sum() for key in keys))
            for array in (
                lambda key: keep.after[key] - keep.before[key],
                lambda key: keep.before[key],
            )
        )
        assert row["update_ratio"] == pytest.approx(change / own, rel=1e-5)


def test_maps_of_deep_networks_and_large_images_stay_within_the_budget() -> None:
    deep = Sequential(
        *[layers.Conv2d(16 if i else 3, 16, 3, padding=1, rng=i) for i in range(30)],
        layers.AdaptiveAvgPool2d(1),
        layers.Flatten(),
        layers.Linear(16, 4, rng=0),
    )
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (4, 3, 50, 70)).astype(np.uint8), np.arange(4)
    data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
    keep = Keep()
    options = {"batch_size": 4, "augment": None, "schedule": None, "num_epochs": 1}
    trainings.solver(model=deep, data=data, callbacks=[keep], **options).train()
    maps = keep.kept[0].maps
    assert sum(map(np.size, maps.values())) <= probing.MAP_BYTES
    assert next(iter(maps)) == "0"
    assert "29" in maps
    assert maps["0"].shape[2:] == (25, 24)  # the means of blocks of 2 x 3


def test_shrunk_maps_are_means_and_what_is_not_finite_is_zero() -> None:
    maps = np.arange(24.0).reshape(1, 1, 4, 6)
    assert np.array_equal(probing.shrunk(maps, 3)[0, 0], [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]])
    pixels, ranges = probing.scaled(np.array([[[[1.0, np.nan, 3.0]], [[np.inf, np.nan, np.nan]]]]))
    assert pixels.tolist() == [[[[0, 0, 255]], [[0, 0, 0]]]]
    assert np.array_equal(ranges[0, 0], [1, 3])
    assert np.isnan(ranges[0, 1]).all()


@pytest.mark.parametrize("shape", [(192,), (3, 64), (1, 8, 8), (2, 8, 12)])
def test_what_is_no_colour_picture_is_kept_too(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, *shape)).astype(np.float32), rng.integers(0, 4, 20)
    data = {"X_train": X, "y_train": y, "X_val": X, "y_val": np.eye(4, dtype=np.float32)[y]}
    data["y_train"] = data["y_val"]
    size = int(np.prod(shape))
    model = Sequential(layers.Flatten(), layers.Linear(size, 4, rng=0))
    keep = Keep(images=5)
    trainings.solver(model=model, data=data, num_epochs=1, callbacks=[keep], augment=None).train()
    kept = keep.kept[0]
    assert kept.images.shape[0] == 5
    assert kept.images.dtype == np.uint8
    assert kept.images.ndim == 4
    assert kept.labels.tolist() == y[np.sort(probing.batches.epoch_order(20, 0, 0)[:5])].tolist()
    assert kept.filters is None


def test_a_fault_of_an_observer_costs_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cnnlite.training.callbacks.keep.write_kept", full)
    solver = trainings.solver(num_epochs=3, callbacks=[Keep(tmp_path / "kept")])
    with pytest.warns(UserWarning, match="nothing more is kept of this training: .*No space left"):
        solver.train()
    assert solver.epoch == 3


def test_damaged_files_are_left_out_and_named(tmp_path: Path) -> None:
    trainings.solver(num_epochs=3, callbacks=[Keep(tmp_path / "kept")]).train()
    files = kept_files(tmp_path / "kept")
    assert read_kept(files[1]).epoch == 1
    files[2].write_bytes(files[2].read_bytes()[:-5])
    found, notes = read_run(tmp_path)
    assert [kept.epoch for kept in found] == [1, 3]
    assert len(notes) == 1
    assert "epoch-0002.safetensors is damaged" in notes[0]
    assert read_run(tmp_path / "kept") == ([], [])


def test_without_pillow_it_is_refused_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("PIL"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError):
        Keep(tmp_path / "kept")
    Keep()


@pytest.mark.parametrize("argument", ["epochs", "images", "maps"])
@pytest.mark.parametrize("value", [0, 1.5, True, "3"])
def test_numbers_are_integers_from_1(argument: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=f"Keep: {argument}"):
        Keep(**{argument: value})

"""A training that has ended by itself stays ended; one that is new does not write over another."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.callbacks import Callback, EarlyStopping
from cnnlite.checkpoint import CheckpointError, save_weights
from cnnlite.schedules import Cosine, MultiStep, OneCycle
from cnnlite.solver import Solver
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "training.safetensors"


def solver(path: Path | None, *callbacks: Any, **options: Any) -> Solver:
    options = {"num_epochs": 9, "schedule": None, "callbacks": callbacks, **options}
    return trainings.solver(checkpoint=path, **options)


class Counts(Callback):
    """Stops after so many steps that it has counted itself, and keeps its count."""

    def __init__(self, steps: int) -> None:
        self.steps, self.seen = steps, 0
        self.mean = np.zeros(3)

    def after_step(self, solver: Solver) -> None:
        self.seen += 1
        self.mean += solver.loss_history[-1]
        if self.seen >= self.steps:
            solver.stop()

    def state_dict(self) -> dict[str, Any]:
        return {"seen": np.int64(self.seen), "mean": self.mean}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.seen, self.mean = state["seen"], state["mean"]


class Forgets:
    """The same without derivation and without a state to keep."""

    def __init__(self, steps: int) -> None:
        self.steps, self.seen = steps, 0

    def after_step(self, solver: Solver) -> None:
        self.seen += 1
        if self.seen == self.steps:
            solver.stop()


@pytest.mark.parametrize(
    "make",
    [lambda: EarlyStopping(1), lambda: Counts(12), lambda: Forgets(12), lambda: Forgets(15)],
    ids=["EarlyStopping", "with a state", "without one", "at an epoch's end"],
)
@pytest.mark.parametrize("num_epochs", [9, 12])
def test_a_training_that_ended_by_itself_is_not_trained_on(
    path: Path, make: Any, num_epochs: int
) -> None:
    """Each resume after early stopping trained further."""
    first = solver(path, make())
    first.train()
    assert 0 < first.step < first.total_steps
    assert first.ended
    assert not first.interrupted
    end = trainings.fingerprint(first)
    first.train()
    assert trainings.fingerprint(first) == end
    for _ in range(2):
        again = solver(path, make(), num_epochs=num_epochs)
        again.resume()
        assert trainings.fingerprint(again) == end
        assert (again.ended, again.interrupted) == (True, False)
        again.train()
        assert trainings.fingerprint(again) == end


@pytest.mark.parametrize("others", [(), (EarlyStopping(2),)])
def test_without_that_callback_it_goes_on_as_if_it_had_never_been_there(
    path: Path, others: tuple[Any, ...]
) -> None:
    straight = solver(None, *others)
    straight.train()
    solver(path, EarlyStopping(1)).train()
    resumed = solver(path, *others)
    resumed.resume()
    assert trainings.fingerprint(resumed) == trainings.fingerprint(straight)


def test_callbacks_keep_their_state_in_the_checkpoint(path: Path) -> None:
    straight = solver(None, Counts(30), Counts(33))
    straight.train()

    class Stop(Callback):
        def after_step(self, solver: Solver) -> None:
            if solver.step == 13:
                raise KeyboardInterrupt

    first = solver(path, Counts(30), Counts(33), Stop())
    first.train()
    assert (first.interrupted, first.ended, first.step) == (True, False, 13)
    resumed = solver(path, Counts(30), Counts(33))
    resumed.resume()
    assert resumed.step == straight.step == 30
    for one, other in zip(resumed.callbacks, straight.callbacks, strict=True):
        assert one.seen == other.seen == 30
        np.testing.assert_array_equal(one.mean, other.mean)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (3, r"Own#0\.state_dict gives 3, expected a mapping"),
        ({"a": object()}, r"Own#0\.state_dict cannot be written to a file: "),
    ],
)
def test_a_state_that_cannot_be_kept_names_the_callback(
    path: Path, state: Any, message: str
) -> None:
    own = type("Own", (Callback,), {"state_dict": lambda self: state})()
    with pytest.raises(TypeError, match=message):
        solver(path, own, num_epochs=1).train()


def test_a_state_that_is_refused_names_the_callback_and_changes_nothing(path: Path) -> None:
    solver(path, Counts(7)).train()

    class Refusing(Counts):
        def load_state_dict(self, state: Mapping[str, Any]) -> None:
            raise KeyError("gone")

    Refusing.__qualname__ = "Counts"
    other = solver(path, Refusing(7))
    before = trainings.fingerprint(other)
    with pytest.raises(CheckpointError, match=r"Counts#0 does not take its state: KeyError"):
        other.resume()
    assert trainings.fingerprint(other) == before


def test_a_request_from_outside_a_callback_is_an_interruption(path: Path) -> None:
    def augment(images: np.ndarray, *_: Any) -> np.ndarray:
        if first.step == 6:
            first.stop()
        return images

    first = solver(path, num_epochs=3, augment=augment)
    first.train()
    assert (first.step, first.ended) == (7, False)
    first.train()
    assert first.epoch == 3


def test_early_stopping_judges_what_was_trained_without_it(path: Path) -> None:
    class Stop(Callback):
        def after_epoch(self, solver: Solver) -> None:
            if solver.epoch == 6:
                solver.stop()

    solver(path, Stop()).train()
    later = solver(path, EarlyStopping(2))
    later.resume()
    assert later.ended
    assert later.epoch == 6


def test_the_end_is_said(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for method in ("train", "resume"):
        getattr(solver(path, Counts(12), verbose=True), method)()
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith("ended by Counts at step 12, in epoch 3; best val_acc so far")
        assert last.endswith("; without Counts it would go on")


def test_a_training_that_is_ended_after_its_last_epoch_is_whole(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ "without EarlyStopping it would go on", was said of a training that had come to its end."""

    class Last(Callback):
        def after_epoch(self, solver: Solver) -> None:
            if solver.epoch == solver.num_epochs:
                solver.stop()

    whole = solver(path, Last(), verbose=True, num_epochs=2)
    whole.train()
    assert whole.ended
    assert "would go on" not in capsys.readouterr().out


# Learning rates that jump


@pytest.mark.parametrize("schedule", [Cosine(), OneCycle(), MultiStep((0.5, 0.8))])
def test_a_learning_rate_that_jumps_is_told(path: Path, schedule: Any) -> None:
    """A finished cosine went back up to half of its peak, without a word."""
    first = solver(path, schedule=schedule, num_epochs=2)
    first.train()
    longer = solver(path, schedule=schedule, num_epochs=4)
    lr = r"the learning rate jumps from \S+ to \S+ at step 10: the schedule \w+ was drawn for 2 ep"
    with pytest.warns(UserWarning, match=lr) as caught:
        longer.resume()
    words = str(caught[0].message).split()
    before, after = float(words[words.index("from") + 1]), float(words[words.index("to") + 1])
    assert before == pytest.approx(first.history[-1]["lr"], rel=0.01)
    assert after == pytest.approx(0.02 * schedule(10, 20), rel=0.01)


@pytest.mark.parametrize(
    ("schedule", "num_epochs"), [(None, 4), (MultiStep((7,)), 4), (Cosine(), 2)]
)
def test_a_learning_rate_that_goes_on_is_no_news(
    path: Path, schedule: Any, num_epochs: int
) -> None:
    solver(path, schedule=schedule, num_epochs=2).train()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solver(path, schedule=schedule, num_epochs=num_epochs).resume()


# Files that hold something else


@pytest.mark.parametrize("changes", [{"seed": 1}, {"batch_size": 8}, {"model": trainings.model(3)}])
def test_another_trainings_checkpoint_is_not_written_over(
    path: Path, changes: dict[str, Any]
) -> None:
    """Solver.train replaced hours of another run by its own first epoch, without a word."""
    solver(path, num_epochs=2).train()
    before = path.read_bytes()
    other = solver(path, num_epochs=1, **changes)
    words = r"training\.safetensors holds another training \(.*\), at epoch 2, step 10; Solver\.tr"
    with pytest.raises(CheckpointError, match=words) as caught:
        other.train()
    assert "resume()" in str(caught.value)
    assert other.step == 0
    assert path.read_bytes() == before


def test_an_unfinished_training_is_not_begun_anew_over_itself(path: Path) -> None:
    interrupted = solver(path, type("Own", (Callback,), {"after_step": interrupt})())
    interrupted.train()
    words = r"holds this training, at epoch 1, step 7; .* begin at step 0 .* call resume\(\)"
    with pytest.raises(CheckpointError, match=words):
        solver(path).train()
    interrupted.callbacks.clear()
    interrupted.train()  # the same solver goes on
    assert interrupted.epoch == 9


def interrupt(callback: Any, solver: Solver) -> None:
    if solver.step == 7:
        raise KeyboardInterrupt


def test_a_finished_training_may_be_trained_again(path: Path) -> None:
    for _ in range(2):
        solver(path, num_epochs=2).train()
    path.unlink()
    for _ in range(2):
        solver(path, EarlyStopping(1)).train()


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_finished_training_of_another_length_is_not_written_over(path: Path, epochs: int) -> None:
    """One of 1 epoch took the place of one of 2, without a word."""
    solver(path, num_epochs=2).train()
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"holds this training, at epoch 2, .* call resume"):
        solver(path, num_epochs=epochs).train()
    assert path.read_bytes() == before


def test_a_file_that_is_no_checkpoint_is_not_written_over(path: Path) -> None:
    fresh = solver(path, num_epochs=1)
    save_weights(path, fresh.model.state_dict())
    with pytest.raises(CheckpointError, match=r"is not a checkpoint, .* does not write over it"):
        fresh.train()
    path.write_text("my notes")
    with pytest.raises(CheckpointError, match=r"damaged, or no safetensors file.* does not write"):
        fresh.train()
    assert path.read_text() == "my notes"
    path.write_text("")  # as tempfile makes it
    fresh.train()

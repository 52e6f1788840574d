"""The profiler: it measures some steps, tells where their time goes, and changes nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import SGD, Solver
from cnnlite.callbacks import Callback, Profiler
from cnnlite.layers import Flatten, Linear, ReLU, Sequential
from cnnlite.rates import Limits
from cnnlite.training.callbacks import profiler as module


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> Limits:
    found = Limits(gflops=100.0, gbytes=10.0, threads=1)
    monkeypatch.setattr(module, "measure_limits", lambda: found)
    return found


def solver(*callbacks: Any, **options: Any) -> Solver:
    rng = np.random.default_rng(0)
    data = {
        "X_train": rng.integers(0, 256, (40, 3, 4, 4)).astype(np.uint8),
        "y_train": rng.integers(0, 3, 40),
        "X_val": rng.integers(0, 256, (8, 3, 4, 4)).astype(np.uint8),
        "y_val": rng.integers(0, 3, 8),
    }
    model = Sequential(Flatten(), Linear(48, 8, rng=0), ReLU(), Linear(8, 3, rng=1))
    settings = {"batch_size": 8, "num_epochs": 2, "verbose": False, **options}
    return Solver(model, data, optimizer=SGD(0.1, 0.9), callbacks=callbacks, **settings)


def test_it_shows_and_writes_every_part_of_a_step_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profiler = Profiler(3, tmp_path / "profile.csv")
    training = solver(profiler)
    training.train()
    assert training.epoch == 2
    found = profiler.profile
    assert found is not None
    assert found.steps == 3
    assert found.input_shape == (8, 3, 4, 4)
    assert [(row.direction, row.path or row.layer) for row in found.rows] == [
        ("forward", "0"),
        ("forward", "1, 2"),
        ("forward", "3"),
        ("backward", "3"),
        ("backward", "1, 2"),
        ("step", "data"),
        ("step", "loss"),
        ("step", "optimizer"),
        ("step", "Python, between the layers"),
        ("evaluation", "after an epoch"),
    ]
    assert all(row.ms > 0 for row in found.rows)
    numbers = 48 * 8 + 8 + 8 * 3 + 3
    optimizer = found.rows[7]
    assert optimizer.gb == 5 * 4 * numbers / 1e9  # weights twice, gradients, velocities twice
    assert found.ms == pytest.approx(sum(row.ms for row in found.rows[:-1]))
    assert str(found) in capsys.readouterr().out
    assert (tmp_path / "profile.csv").read_text() == found.to_csv()


def test_a_profiled_training_has_the_same_bits() -> None:
    plain, profiled = solver(), solver(Profiler(2))
    for training in (plain, profiled):
        training.train()
    assert plain.loss_history == profiled.loss_history
    for key, value in plain.model.state_dict().items():
        assert np.array_equal(value, profiled.model.state_dict()[key])


@pytest.mark.parametrize(("taken", "steps"), [(1, 1), (2, 1), (4, 3), (5, 4)])
def test_a_training_that_is_shorter_is_measured_as_far_as_it_goes(taken: int, steps: int) -> None:
    profiler = Profiler(10)
    solver(profiler, overfit=8 * taken, num_epochs=1).train()
    assert profiler.profile is not None
    assert profiler.profile.steps == steps


class Breaks(Callback):
    def before_step(self, solver: Any) -> None:
        raise KeyError("no more")


def test_a_step_that_fails_leaves_nothing_behind() -> None:
    profiler = Profiler(3)
    training = solver(profiler, Breaks(), overfit=8, num_epochs=1)
    with pytest.raises(KeyError):
        training.train()
    assert profiler.profile is None
    assert "step" not in vars(training.optimizer)
    assert "forward" not in vars(training.loss)
    assert all("forward" not in vars(layer) for layer in training.model)


@pytest.mark.parametrize(
    ("steps", "kind"), [(0, ValueError), (-1, ValueError), (2.5, TypeError), (True, TypeError)]
)
def test_the_number_of_steps_is_checked(steps: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=f"Profiler: steps is {steps}"):
        Profiler(steps)

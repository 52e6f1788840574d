"""Training stops when validation accuracy has not risen for some epochs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from cnnlite.callbacks import EarlyStopping
from cnnlite.solver import Solver
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


class Scripted(EarlyStopping):
    """Sees these validation accuracies instead of the measured ones."""

    def __init__(self, patience: int, accuracies: list[float]) -> None:
        super().__init__(patience)
        self.accuracies = accuracies

    def after_epoch(self, solver: Solver) -> None:
        solver.history[-1]["val_acc"] = self.accuracies[solver.epoch - 1]
        super().after_epoch(solver)


@pytest.mark.parametrize(
    ("patience", "accuracies", "epochs"),
    [
        (2, [0.5, 0.6, 0.6, 0.6, 0.9], 4),
        (1, [0.5, 0.4, 0.9], 2),
        (3, [0.5, 0.4, 0.4, 0.6, 0.1], 5),
        (1, [0.1, 0.2, 0.3, 0.4, 0.5], 5),
    ],
)
def test_stops_when_the_best_epoch_is_too_old(
    patience: int, accuracies: list[float], epochs: int
) -> None:
    solver = trainings.solver(
        num_epochs=len(accuracies), callbacks=[Scripted(patience, accuracies)]
    )
    solver.train()
    assert solver.epoch == epochs
    assert not solver.interrupted


def test_remembers_across_a_resume(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    accuracies = [0.5, 0.4, 0.4, 0.4]
    options = {"checkpoint": path, "callbacks": [Scripted(3, accuracies)], "schedule": None}
    trainings.solver(num_epochs=2, **options).train()
    solver = trainings.solver(num_epochs=9, **options)
    solver.resume()
    assert solver.epoch == 4


def test_patience_is_at_least_1() -> None:
    with pytest.raises(ValueError, match="patience is 0, expected an integer from 1 up"):
        EarlyStopping(0)


@pytest.mark.parametrize(
    ("monitor", "values", "epochs"),
    [
        ("val_loss", [0.5, 0.4, 0.45, 0.41, 0.1], 4),
        ("val_loss", [0.5, math.nan, math.nan, 0.1], 3),
        ("val_loss", [math.nan, 0.5, 0.4, 0.3, 0.2], 5),
        ("loss", [0.5, 0.6, 0.7, 0.1], 3),
        ("val_acc", [0.5, 0.6, 0.5, 0.6, 0.9], 4),
        ("train_acc", [0.1, 0.2, 0.3, 0.4, 0.5], 5),
    ],
)
def test_stops_by_what_it_watches(monitor: str, values: list[float], epochs: int) -> None:
    class Given(EarlyStopping):
        def after_epoch(self, solver: Solver) -> None:
            solver.history[-1][monitor] = values[solver.epoch - 1]
            super().after_epoch(solver)

    solver = trainings.solver(callbacks=[Given(2, monitor)], num_epochs=len(values))
    solver.train()
    assert solver.epoch == epochs


def test_what_it_watches_is_in_the_history() -> None:
    with pytest.raises(ValueError, match="EarlyStopping: monitor"):
        EarlyStopping(monitor="accuracy")

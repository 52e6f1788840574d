"""The history as CSV: the same numbers come back, and strange files are named."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from cnnlite.report import history
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


def test_goes_round_bit_by_bit(tmp_path: Path) -> None:
    solver = trainings.solver(num_epochs=2)
    solver.train()
    solver.history[0]["loss"] = 0.1 + 0.2
    history.save(solver.history, tmp_path / "history.csv")
    assert history.load(tmp_path / "history.csv") == solver.history
    first = (tmp_path / "history.csv").read_text().splitlines()[0]
    assert first == "epoch,step,lr,loss,train_acc,val_acc,val_loss,images_per_second"
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_no_epochs_yet(tmp_path: Path) -> None:
    history.save([], tmp_path / "history.csv")
    assert history.load(tmp_path / "history.csv") == []


def test_strange_rows_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="history: row 0 has epoch, expected"):
        history.save([{"epoch": 1}], tmp_path / "history.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "history.csv: its first line must be epoch,step,lr"),
        ("a,b\n1,2\n", "history.csv: its first line must be epoch,step,lr"),
        ("HEADER\n1,2,3\n", "history.csv, line 2: expected 8 numbers"),
        ("HEADER\n1,2,3,4,5,6,7,8\n1,2,x,4,5,6,7,8\n", "history.csv, line 3: expected 8 numbers"),
    ],
)
def test_strange_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "history.csv"
    path.write_text(text.replace("HEADER", ",".join(history.COLUMNS)))
    with pytest.raises(ValueError, match=message):
        history.load(path)


def test_a_history_from_before_validation_loss_was_measured_is_read(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(
        "epoch,step,lr,loss,train_acc,val_acc,images_per_second\n1,5,0.1,2,0.5,0.25,9\n"
    )
    (row,) = history.load(path)
    assert row["val_acc"] == 0.25
    assert math.isnan(row["val_loss"])


def test_the_losses_of_steps_go_round_bit_by_bit(tmp_path: Path) -> None:
    losses = [0.1 + 0.2, 1e300, math.inf, 2.0]
    history.save_losses(losses, tmp_path / "losses.csv")
    assert history.load_losses(tmp_path / "losses.csv") == losses
    history.save_losses([], tmp_path / "losses.csv")
    assert history.load_losses(tmp_path / "losses.csv") == []


@pytest.mark.parametrize("text", ["", "epoch\n1\n", "loss\nx\n", "loss\n1,2\n"])
def test_a_file_that_holds_no_losses_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "losses.csv").write_text(text)
    with pytest.raises(ValueError, match=r"losses\.csv: expected the line 'loss'"):
        history.load_losses(tmp_path / "losses.csv")

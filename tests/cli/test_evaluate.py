"""`cnnlite evaluate`."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.report import history

Cli = Callable[..., Any]


def test_gives_the_accuracy_that_training_noted(cli: Cli, finished_run: Path) -> None:
    best = max(row["val_acc"] for row in history.load(finished_run / "history.csv"))
    outcome = cli("evaluate", finished_run, "--split", "val", "--threads", "1")
    assert outcome.status == 0
    assert f"validation accuracy {best:.2%} over 1,000 images of embedded" in outcome.out


def test_lists_every_class(cli: Cli, finished_run: Path) -> None:
    out = cli("evaluate", finished_run).out
    assert len(re.findall(r"^.* +200 +\d+\.\d\d%$", out, re.M)) == 10
    assert "test accuracy" in out


def test_takes_the_newest_run(cli: Cli, finished_run: Path) -> None:
    shutil.copytree(finished_run, "runs/001-copy")
    assert "(runs/001-copy)" in cli("evaluate").out.replace("\\", "/")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "there is no run under runs/: train one with cnnlite train, or name a run folder"),
        (["nothing"], "nothing is not a run folder: it has no config.toml"),
    ],
)
def test_without_a_run(cli: Cli, arguments: list[str], line: str) -> None:
    assert cli("evaluate", *arguments).complaint == f"cnnlite evaluate: {line}"


def test_missing_weights_are_named(cli: Cli, finished_run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(finished_run, tmp_path / "run"))
    (copy / "weights.safetensors").unlink()
    assert "weights.safetensors" in cli("evaluate", copy).complaint


def test_damaged_weights_are_named(cli: Cli, finished_run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(finished_run, tmp_path / "run"))
    (copy / "weights.safetensors").write_bytes(b"\x00" * 50)
    assert "weights.safetensors" in cli("evaluate", copy).complaint


def test_a_destroyed_network_has_no_right_answers(
    cli: Cli, finished_run: Path, tmp_path: Path
) -> None:
    """argmax of NaN is 0: it had the accuracy of class 0's share, and a prediction too."""
    from cnnlite.checkpoint import load_weights, save_weights

    copy = Path(shutil.copytree(finished_run, tmp_path / "run"))
    state = load_weights(copy / "weights.safetensors")
    save_weights(copy / "weights.safetensors", {key: 0 * x + np.nan for key, x in state.items()})
    outcome = cli("evaluate", copy, "--split", "val", "--threads", "1")
    assert outcome.status == 0
    assert "validation accuracy 0.00% over 1,000 images" in outcome.out
    picture = tmp_path / "grey.ppm"
    picture.write_bytes(b"P6 32 32 255\n" + bytes(3 * 32 * 32))
    line = cli("predict", picture, "--run", copy).complaint
    assert "gives scores that are not finite" in line

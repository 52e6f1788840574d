"""`cnnlite train --init` and `--freeze`: fine-tuning from the command line."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.checkpoint import load_weights, save_weights
from cnnlite.cli.config_file import read
from cnnlite.models import vanilla_cnn

Cli = Callable[..., Any]
TRAIN = [
    "train", "--data", "embedded", "--threads", "1", "--overfit", "64", "--quiet", "--keep", "0",
]  # fmt: skip
CNN = [*TRAIN, "--model", "vanilla_cnn", "--lr", "0.001"]


@pytest.fixture
def other_head(tmp_path: Path) -> Path:
    """Weights of a network with three classes."""
    path = tmp_path / "three.safetensors"
    save_weights(path, vanilla_cnn(num_classes=3, rng=7).state_dict())
    return path


def test_another_head_stays_fresh_and_is_named(cli: Cli, other_head: Path) -> None:
    outcome = cli(*CNN, "--init", other_head, "--freeze", "0", "--epochs", "1", "--out", "run")
    assert outcome.status == 0
    assert outcome.out.splitlines()[:2] == [
        f"2 of 4 arrays are those of {other_head}; "
        "fresh: 4.weight (3x5408 there), 4.bias (3 there)",
        "4,736 of 58,826 parameters are frozen",
    ]
    first, last = load_weights(other_head), load_weights(Path("run/weights-last.safetensors"))
    for key in ("0.weight", "0.bias"):
        assert first[key].tobytes() == last[key].tobytes()
    assert last["4.weight"].shape == (10, 5408)


@pytest.mark.parametrize(("patterns", "told"), [
    (["0.*@1", "0.weight@2"], "0 of 58,826 parameters are frozen, 4,736 more after 1 epoch, "
     "0 more after 2 epochs"),
    (["0.bias", "0.weight@2"], "32 of 58,826 parameters are frozen, 4,704 more after 2 epochs"),
    (["0.bias", "0.weight@3"], "32 of 58,826 parameters are frozen; 0.weight after 3 of 3 epochs: "
     "never"),
])  # fmt: skip
def test_what_is_frozen_later_or_never_is_told(cli: Cli, patterns: list[str], told: str) -> None:
    words = [word for pattern in patterns for word in ("--freeze", pattern)]
    outcome = cli(*CNN, *words, "--epochs", "3", "--out", "run")
    assert outcome.status == 0
    assert told in outcome.out.splitlines()


def test_a_run_begins_with_another_runs_best_weights(cli: Cli, run_copy: Path) -> None:
    flags = ["--model", "softmax_classifier", "--lr", "1e-30", "--epochs", "1", "--out", "new"]
    outcome = cli(*TRAIN, *flags, "--init", run_copy)
    assert outcome.out.startswith(f"2 of 2 arrays are those of {run_copy}\n")
    a = load_weights(run_copy / "weights.safetensors")
    b = load_weights(Path("new/weights.safetensors"))
    assert all(np.array_equal(a[key], b[key]) for key in a)


def test_both_survive_a_resume_without_the_other_run(
    cli: Cli, other_head: Path, tmp_path: Path
) -> None:
    flags = ["--init", other_head, "--freeze", "0.weight", "--freeze", "*.bias"]
    assert cli(*CNN, *flags, "--epochs", "3", "--out", "whole").status == 0
    with pytest.MonkeyPatch.context() as patch:  # stopped after one epoch of three
        patch.setattr("cnnlite.training.solver.Solver._train_epoch", _one_epoch())
        assert cli(*CNN, *flags, "--epochs", "3", "--out", "run").status == 130
    other_head.unlink()
    shutil.move("run", "moved")
    config = read(Path("moved/config.toml"))
    assert config.freeze == ("0.weight", "*.bias")
    assert config.init == str(other_head)
    assert cli("train", "--resume", "moved", "--quiet").status == 0
    for name in ("weights.safetensors", "weights-last.safetensors"):
        assert Path("whole", name).read_bytes() == Path("moved", name).read_bytes()


def _one_epoch() -> Any:
    from cnnlite.training.solver import Solver

    whole = Solver._train_epoch

    def train_epoch(solver: Solver) -> None:
        if solver.epoch:
            raise KeyboardInterrupt
        whole(solver)

    return train_epoch


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--freeze", "9.*"], "--freeze: nothing in the network matches '9.*'; its parameters are"),
        (["--freeze", "0.bias@x"], "; '0.bias@x' has no number of epochs after the @"),
        (["--freeze", "0", "--freeze", "0.bias@-1"], "; '0.bias@-1' has no number of epochs after"),
        (["--freeze", "*"], "--freeze: '*' leaves no parameter to train"),
        (["--init", "no"], "no is not a run folder: there is no such folder"),
        (["--init", "bad.safetensors"], "bad.safetensors"),
        (
            ["--init", "vgg.safetensors"],
            "vgg.safetensors: no parameter has the same name and shape",
        ),
    ],
)
def test_what_does_not_fit_is_one_line_before_anything_is_made(
    cli: Cli, flags: list[str], message: str
) -> None:
    Path("bad.safetensors").write_bytes(b"x" * 99)
    save_weights("vgg.safetensors", {"features.0.weight": np.zeros((3, 3), np.float32)})
    assert message in cli(*CNN, *flags).complaint
    assert not Path("runs").exists() or list(Path("runs").iterdir()) == []


@pytest.mark.parametrize("flags", [["--init", "x"], ["--freeze", "0"], ["--model", "resnet20"]])
def test_a_resumed_run_keeps_its_own(cli: Cli, run_copy: Path, flags: list[str]) -> None:
    line = cli("train", "--resume", run_copy, *flags).complaint
    assert flags[0] in line


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_names_that_a_run_folder_cannot_note_are_one_line(cli: Cli, other_head: Path) -> None:
    other_head.rename(os.fsdecode(b"caf\xe9.safetensors"))
    line = cli(*CNN, "--init", os.fsdecode(b"caf\xe9.safetensors")).complaint
    assert "caf\\xe9.safetensors cannot be noted in a run folder: rename it" in line
    Path(os.fsdecode(b"caf\xe9.py")).write_text("def make(): pass")
    line = cli(*TRAIN, "--model", os.fsdecode(b"caf\xe9.py:make")).complaint
    assert "caf\\xe9.py cannot be noted in a run folder: rename it" in line


def test_a_file_may_give_them(cli: Cli, other_head: Path) -> None:
    Path("tune.toml").write_text('freeze = ["0", "4.bias"]\ninit = "three.safetensors"\n')
    assert cli(*CNN, "--config", "tune.toml", "--smoke", "--out", "run").status == 0
    assert read(Path("run/config.toml")).freeze == ("0", "4.bias")
    Path("tune.toml").write_text('freeze = "0"\n')
    line = cli(*CNN, "--config", "tune.toml", "--smoke").complaint
    assert line.endswith("'freeze' in tune.toml must be a list of texts, not '0'")

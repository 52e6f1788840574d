"""Each script of examples/ takes a training step on the embedded data set."""

import ast
import re
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.record.configs import multiply_of
from cnnlite import Solver
from cnnlite.callbacks import Freeze
from cnnlite.cli.config_checks import optimizer_options
from cnnlite.cli.config_file import read
from cnnlite.cli.flags import new_config
from cnnlite.cli.parts import make_solver
from cnnlite.data import batches, embedded
from cnnlite.models import MODELS
from cnnlite.optim import Muon

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
ZOO = sorted(
    path for path in EXAMPLES.glob("*.py") if "from harness import" in path.read_text("utf-8")
)


@pytest.mark.parametrize("script", ZOO, ids=lambda path: path.stem)
def test_takes_a_step(
    script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setattr(sys, "argv", [str(script), "--smoke", "--data", "embedded"])
    runpy.run_path(str(script), run_name="__main__")
    assert re.search(r"^smoke run: loss \d+\.\d{4}$", capsys.readouterr().out, re.M)


def test_a_script_is_a_program() -> None:
    command = [sys.executable, "-W", "error", ZOO[0], "--smoke", "--data", "embedded"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_there_is_one_for_each_network() -> None:
    assert {path.stem for path in ZOO} == set(MODELS)


@pytest.mark.parametrize("script", ZOO, ids=lambda path: path.stem)
def test_opens_with_the_result_it_reached(script: Path) -> None:
    first = (ast.get_docstring(ast.parse(script.read_text("utf-8"))) or "").splitlines()[0]
    assert re.search(r"\d\d\.\d+% test after \d+ epochs", first), first


def test_quickstart_is_twenty_lines() -> None:
    code = ast.parse((EXAMPLES / "quickstart.py").read_text("utf-8"))
    first, last = code.body[1], code.body[-1]  # after the docstring
    assert last.end_lineno - first.lineno < 20


def test_the_recipe_file_is_the_recipe_of_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    config = read(EXAMPLES / "small_vgg.toml")
    recipe = runpy.run_path(str(EXAMPLES / "small_vgg.py"))["RECIPE"]
    assert config.epochs == recipe["num_epochs"]
    for name in ("batch_size", "lr", "momentum", "nesterov", "weight_decay"):
        assert getattr(config, name) == recipe[name]
    assert config.label_smoothing == recipe["loss"].label_smoothing
    assert config.schedule == type(recipe["schedule"]).__name__.lower()
    assert config.augment


def test_airbench94_is_the_recipe_and_takes_a_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    script, images, made = str(EXAMPLES / "airbench94.py"), embedded(60, 10, 10), []
    config = new_config(None, {"recipe": "airbench94", "seed": 3})
    written = runpy.run_path(script)["optimizer"](config.batch_size)
    for (mine, options), (theirs, others) in zip(
        Muon(**optimizer_options(config)).groups, written.groups, strict=True
    ):
        assert mine.__qualname__ == theirs.__qualname__
        of, its = (dict(each["optimizer"].options) if "optimizer" in each else each
                   for each in (options, others))  # fmt: skip
        if "lr" in of:
            assert of.pop("lr") == pytest.approx(its.pop("lr"), rel=1e-3)
        assert {each.pop("adjust_lr_fn", None) or "original" for each in (of, its)} == {"original"}
        assert of == its
    assert (config.lr, config.momentum, config.weight_decay) == tuple(
        written.options[name] for name in ("lr", "momentum", "weight_decay")
    )
    arguments = ["--smoke", "--data", "embedded", "--batch-size", "8", "--seed", "3"]
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    monkeypatch.setattr("cnnlite.data.load", lambda name: images)
    monkeypatch.setattr(Solver, "smoke", lambda solver: made.append(solver) or smoke(solver))
    before: dict[str, bytes] = {}

    def smoke(solver: Solver) -> float:
        before.update({key: array.tobytes() for key, array in solver.model.state_dict().items()})
        return 2.5

    runpy.run_path(script, run_name="__main__")
    assert re.search(r"^smoke run: loss \d+\.\d{4}$", capsys.readouterr().out, re.M)
    theirs, mine = (
        made[0],
        make_solver(replace(config, batch_size=8), images, None, None, tmp_path, False),
    )
    assert before == {key: array.tobytes() for key, array in mine.model.state_dict().items()}
    for name in ("num_epochs", "drop_last", "seed", "batch_size"):
        assert getattr(mine, name) == getattr(theirs, name), name
    assert mine.model.frozen_keys == theirs.model.frozen_keys
    assert multiply_of(mine.model) == multiply_of(theirs.model) == "bfloat16"
    assert mine.loss.label_smoothing == theirs.loss.label_smoothing
    assert repr(mine.schedule) == repr(theirs.schedule)
    frozen = [[vars(x) for x in each.callbacks if isinstance(x, Freeze)] for each in (theirs, mine)]
    assert frozen[0] == frozen[1] != []
    for epoch in (0, 1):
        seen = [
            batches.gather(images["X_train"], np.arange(20), None, np.float32, each.augment, epoch)
            for each in (mine, theirs)
        ]
        np.testing.assert_array_equal(*seen)


def test_a_script_that_is_stopped_says_how_far_it_came(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    script = str(EXAMPLES / "softmax_classifier.py")
    monkeypatch.setattr("cnnlite.data.load", lambda name: embedded(100, 10, 10))
    whole = Solver.train

    def train(solver: Solver) -> list[dict[str, float]]:
        rows = whole(solver)[:2]
        solver.interrupted = True
        return rows

    monkeypatch.setattr(Solver, "train", train)
    monkeypatch.setattr(sys, "argv", [script, "--epochs", "3", "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit, match="130"):
        runpy.run_path(script, run_name="__main__")
    assert "% test after 2 (seed 0" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(script, run_name="__main__")
    assert "run: File exists" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [script, "--smok"])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(script, run_name="__main__")

"""Each script of examples/ takes a training step on the embedded data set."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from cnnlite.cli.config_checks import optimizer_options
from cnnlite.cli.config_file import read
from cnnlite.cli.train import new_config
from cnnlite.data import embedded
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
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = str(EXAMPLES / "airbench94.py")
    config = new_config(None, {"recipe": "airbench94"})
    recipe, written = Muon(**optimizer_options(config)), runpy.run_path(script)["optimizer"](2000)
    for mine, theirs in zip(recipe.groups, written.groups, strict=True):
        assert mine[0].__qualname__ == theirs[0].__qualname__
        ours, its = (group[1].get("optimizer", recipe) for group in (mine, theirs))
        assert ours.options["lr"] == pytest.approx(its.options["lr"], rel=1e-3)
        assert ours.options["weight_decay"] == its.options["weight_decay"]
    assert written.groups[2][1]["ns_steps"] == recipe.groups[2][1]["ns_steps"] == 3
    assert f'layer.multiply = "{config.multiply}"' in Path(script).read_text("utf-8")
    arguments = ["--smoke", "--data", "embedded", "--batch-size", "8"]
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    monkeypatch.setattr("cnnlite.data.load", lambda name: embedded(60, 10, 10))
    runpy.run_path(script, run_name="__main__")
    assert re.search(r"^smoke run: loss \d+\.\d{4}$", capsys.readouterr().out, re.M)

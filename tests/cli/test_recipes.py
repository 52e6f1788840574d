"""`cnnlite train --recipe`: the tables, what wins over them, and what is adapted to other data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import models
from cnnlite.checkpoint import load_weights
from cnnlite.cli import recipes
from cnnlite.cli.adapted import adapted
from cnnlite.cli.config import ConfigError, TrainConfig, may_be_none, options
from cnnlite.cli.config_checks import checked, checked_value, known_option, optimizer_options
from cnnlite.cli.config_file import read, to_toml
from cnnlite.cli.flags import given_flags, new_config
from cnnlite.cli.texts import group, later, rates_times, train_sizes
from cnnlite.cli.train import train
from cnnlite.optim import SGD, AdamW, Muon

Cli = Callable[..., Any]
NONE: frozenset[str] = frozenset()


class Images(dict):
    """What is asked of a data set here."""

    def __init__(
        self, count: int, kind: str = "cifar10", shape: tuple[int, ...] = (3, 32, 32)
    ) -> None:
        super().__init__(X_train=np.empty((count, 0)))
        self.settings, self.image_shape = {"kind": kind}, shape


@pytest.mark.parametrize("name", recipes.names())
def test_each_table_is_a_configuration_and_says_what_it_reaches(name: str) -> None:
    config = new_config(None, {"recipe": name})
    assert config.recipe == name
    assert config == checked(TrainConfig(), {"recipe": name, **recipes.options(name)}, str)
    assert "measured" in recipes.about(name) or "%" in recipes.about(name)
    assert adapted(config, Images(49_000), NONE) == (config, [])
    text = (recipes.FOLDER / f"{name}.toml").read_text("utf-8")
    assert text.startswith(f"# cnnlite train --recipe {name}: ")


def test_an_unknown_recipe_lists_those_there_are(cli: Cli) -> None:
    line = cli("train", "--recipe", "airbench").complaint
    assert line.startswith("cnnlite train: --recipe cannot be 'airbench'; did you mean airbench94?")
    other = cli("train", "--recipe", "qqq").complaint
    assert other.startswith("cnnlite train: --recipe cannot be 'qqq'; there are: airbench94 (")
    for name in recipes.names():
        for said in (line, other):
            assert said.count(f"{name} ({recipes.about(name)})") == 1
            assert said.count(f"{name},") == 0
    assert ", ".join(recipes.names()) in " ".join(cli("train", "--help").out.split())


@pytest.mark.parametrize("command", ["train", "lr-find"])
def test_list_shows_all_recipes_and_trains_nothing(
    cli: Cli, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    shown = cli(command, "--recipe", "list", "--data", "nowhere")
    assert (shown.status, shown.err) == (0, "")
    heading, *lines = shown.out.splitlines()
    assert heading.split("  ")[0] == "recipe"
    for name, line in zip(recipes.names(), lines, strict=True):
        assert line.startswith(f"{name} ")
        assert recipes.trains(name) in line
        assert line.endswith(recipes.result(name))
    assert not Path("runs").exists()


def test_a_file_wins_over_the_recipe_and_flags_over_both(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('recipe = "airbench94"\nepochs = 3\nlr = 0.5\n')
    config = new_config(file, {"lr": 0.125})
    assert (config.epochs, config.lr, config.batch_size) == (3, 0.125, 2000)
    file.write_text(to_toml(config))
    assert new_config(file, {}) == read(file) == config


def test_none_takes_back_what_a_recipe_gives_and_stays_so(tmp_path: Path) -> None:
    """Once a run's file left it out, and so had the recipe's again."""
    names = {name for name in recipes.options("airbench94") if may_be_none(known_option(name, str))}
    assert {"whiten", "freeze", "group", "multiply", "lr", "momentum", "weight_decay"} == names
    words = [word for name in sorted(names) for word in (f"--{name.replace('_', '-')}", "none")]
    context = train.make_context("train", ["--recipe", "airbench94", *words])
    given = {option.name: context.params[option.name] for option in options()}
    config = new_config(None, given_flags({**given, "no_augment": False}))
    default = TrainConfig()
    assert all(getattr(config, name) == getattr(default, name) for name in names)
    file = tmp_path / "mine.toml"
    file.write_text(to_toml(config))
    assert new_config(file, {}) == read(file) == config


def test_a_number_that_is_none_is_taken_back_too(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("patience = 3\nclip_norm = 1.0\n")
    command = ["--data", "embedded", "--smoke", "--out", str(tmp_path / "run"), "--quiet"]
    cli("train", "--config", str(file), "--patience", "none", "--clip-norm", "none", *command)
    assert "patience" not in (tmp_path / "run" / "config.toml").read_text()
    line = cli("train", "--patience", "nine").complaint
    assert "'nine' is not a valid integer" in line


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("lr", ["none"], "must be a number"),
        ("lr", np.array([1.0, 2.0]), "must be a number"),
        ("freeze", ["none", "*.bias"], "'none' takes all others back, and stands alone"),
        ("tta", None, "must be a text"),
        ("init", 3, "must be a text"),
    ],
)
def test_where_none_cannot_be(name: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        checked_value(name, value, str)


def test_none_twice_is_none() -> None:
    assert checked_value("freeze", ["none", "none"], str) == ()


def test_another_network_is_refused(cli: Cli) -> None:
    line = cli("train", "--recipe", "airbench94", "--model", "resnet20").complaint
    assert line == "cnnlite train: --recipe airbench94 trains airbench: leave --model out"


def test_few_images_get_smaller_batches_and_smaller_rates() -> None:
    config = new_config(None, {"recipe": "airbench94"})
    found, notes = adapted(config, Images(10_000), NONE)
    assert found.batch_size == 500
    assert found.lr == config.lr  # an orthogonal step has the length it has
    assert "lr=26.5 " in found.group[0]
    assert found.group[2] == config.group[2]
    assert notes == [
        "batches of 500 images in the place of 2,000, as there are 10,000",
        "learning rates of sgd times 0.25, as batches are",
    ]
    mine = replace(config, batch_size=1000)
    found, notes = adapted(mine, Images(49_000), frozenset({"batch_size"}))
    assert (found.batch_size, notes) == (1000, ["learning rates of sgd times 0.5, as batches are"])
    assert "lr=53 " in found.group[0]
    found, _ = adapted(mine, Images(49_000), frozenset({"batch_size", "lr"}))
    assert "lr=53 " in found.group[0]
    every = frozenset({"batch_size", "group", "lr"})  # the file of a run has all
    assert adapted(mine, Images(49_000), every) == (mine, [])
    plain = new_config(None, {"recipe": "resnet20"})
    found, _ = adapted(plain, Images(640), NONE)
    assert (found.batch_size, found.lr) == (32, 0.025)
    assert adapted(plain, Images(5), NONE)[0].batch_size == 5
    assert adapted(TrainConfig(), Images(5), NONE) == (TrainConfig(), [])


def test_large_images_get_batches_that_fit_the_memory() -> None:
    config = new_config(None, {"recipe": "airbench94"})
    found, notes = adapted(config, Images(49_000, shape=(3, 64, 128)), NONE)
    assert (found.batch_size, notes[0]) == (
        250, "batches of 250 images in the place of 2,000, as they are 64x128",
    )  # fmt: skip
    assert "lr=13.25 " in found.group[0]
    few = adapted(config, Images(20_000, shape=(3, 64, 128)), NONE)
    assert few[0].batch_size == 250
    few = adapted(config, Images(2_000, shape=(3, 64, 128)), NONE)
    assert few[0].batch_size == 100
    assert few[1][0].endswith(", as there are 2,000")
    assert adapted(config, Images(49_000, shape=(3, 999, 999)), NONE)[0].batch_size == 16
    assert adapted(config, Images(49_000, shape=(1, 28, 28)), NONE) == (config, [])
    plain = new_config(None, {"recipe": "resnet20"})
    assert adapted(plain, Images(49_000, shape=(3, 96, 96)), NONE) == (plain, [])


def test_what_begins_in_an_epoch_keeps_its_part_of_the_training() -> None:
    config = new_config(None, {"recipe": "airbench94", "epochs": 4})
    found, notes = adapted(config, Images(49_000), frozenset({"epochs"}))
    assert found.freeze[:2] == ("0.weight", "0.bias@2")
    assert notes == ["freeze 0.bias@2, as there are 4 epochs in the place of 8"]
    sizes = replace(config, train_sizes="20,24@2,32@6")
    assert adapted(sizes, Images(49_000), NONE)[0].train_sizes == "20,24@1,32@3"
    assert adapted(sizes, Images(49_000), NONE)[1] == [
        *notes, "train_sizes 20,24@1,32@3, as there are 4 epochs in the place of 8",
    ]  # fmt: skip
    longer = adapted(replace(sizes, epochs=16), Images(49_000), frozenset({"train_sizes"}))[0]
    assert (longer.freeze[1], longer.train_sizes) == ("0.bias@6", "20,24@2,32@6")


@pytest.mark.parametrize(("sizes", "epochs", "found"), [
    ("18,32@4", 1, "32"), ("20,24@2,32@6", 1, "32"), ("20,24@2,32@6", 2, "24,32@1"),
    ("20,32@7", 2, "20,32@1"),
])  # fmt: skip
def test_a_short_training_still_comes_to_whole_images(sizes: str, epochs: int, found: str) -> None:
    config = replace(new_config(None, {"recipe": "airbench94"}), train_sizes=sizes, epochs=epochs)
    config, _ = adapted(config, Images(49_000), NONE)
    assert config.train_sizes == found
    assert config.freeze[1] == "0.bias@1"


def test_few_images_are_those_that_are_overfitted() -> None:
    config = new_config(None, {"recipe": "airbench94", "overfit": 640})
    found, notes = adapted(config, Images(12_000), NONE)
    assert found.batch_size == 32
    assert notes[0] == "batches of 32 images in the place of 2,000, as there are 640"


def test_sizes_of_training_images_follow_those_of_the_data() -> None:
    config = replace(new_config(None, {"recipe": "airbench94"}), train_sizes="24,32@6")
    found, notes = adapted(config, Images(49_000, shape=(3, 64, 48)), NONE)
    assert found.train_sizes == "36,48@6"
    assert "train_sizes 36,48@6, as images have 48 pixels" in notes
    assert adapted(config, Images(49_000, shape=(3, 32, 50)), NONE)[0].train_sizes == "24,32@6"


@pytest.mark.parametrize("kind", ["mnist", "svhn"])
def test_digits_are_not_mirrored(kind: str) -> None:
    config = new_config(None, {"recipe": "airbench94"})
    found, notes = adapted(config, Images(49_000, kind), NONE)
    assert (found.augment, found.tta) == ("translate", "none")
    assert len(notes) == 2
    assert adapted(config, Images(49_000, kind), frozenset({"augment", "tta"}))[1] == []


def test_groups_in_words() -> None:
    plain = group("*.bias, 3.*: lr=0.5 weight_norm ns_steps=3 adjust_lr_fn=original")
    assert plain.pop("match")("3.weight", np.empty(0))
    assert plain == {"lr": 0.5, "weight_norm": True, "ns_steps": 3, "adjust_lr_fn": "original"}
    sgd = group("9.*: sgd lr=1e-2 momentum=0.9 nesterov")["optimizer"]
    assert isinstance(sgd, SGD)
    assert (sgd.lr, sgd.options["nesterov"]) == (0.01, True)
    adamw = group("*: adamw lr=1 betas=0.5,0.25")["optimizer"]
    assert isinstance(adamw, AdamW)
    assert adamw.options["betas"] == (0.5, 0.25)
    assert rates_times("a: sgd lr=3e-1 momentum=0.9", 0.5, "sgd") == "a: sgd lr=0.15 momentum=0.9"
    assert rates_times("a: lr=3", 0.5, "sgd") == "a: lr=3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("*.bias", "--group must be PATTERN: NAME=VALUE"),
        (": lr=1", "--group must be PATTERN"),
        ("*.bias: sdg lr=1", "--group has the word 'sdg'"),
        ("*.bias: sgd momentum=0.9", "--group must say the lr of its sgd"),
        (
            "*.bias: sgd lr=1 momentun=0.9",
            "--group has 'momentun', which sgd has not; did you mean",
        ),
        ("*.bias: sgd lr=-1", "--group SGD: lr is -1"),
        ("*.bias: sgd lr=x", "--group SGD: lr is 'x'"),
        ("*.bias: betas=1,2", r"--group: SGD: groups\[0\] has the unknown option 'betas'"),
    ],
)
def test_a_bad_group_is_named(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked(TrainConfig(), {"group": (text,)}, lambda name: f"--{name}")


def test_sizes_in_words() -> None:
    assert train_sizes("24, 28@3,32@6").sizes == {0: 24, 3: 28, 6: 32}
    assert later("0.*@12") == (12, "0.*")
    assert later("0.*") is later("a@b") is later("@3") is None
    for text, message in (
        ("24@", "must be SIDE,SIDE@EPOCH"),
        ("big", "must be SIDE,SIDE@EPOCH"),
        ("24@2", "sizes is {2: 24}, expected a side for epoch 0"),
        ("0", r"sizes\[0\] is 0"),
        (24, "must be a text"),
    ):
        with pytest.raises(ConfigError, match=f"--train_sizes.* {message}"):
            checked(TrainConfig(), {"train_sizes": text}, lambda name: f"--{name}")


def test_the_optimizer_of_airbench94() -> None:
    config = new_config(None, {"recipe": "airbench94"})
    optimizer = Muon(**optimizer_options(config))
    kinds = [options.get("optimizer") for _, options in optimizer.groups]
    assert [type(kind) for kind in kinds] == [SGD, SGD, type(None)]
    assert optimizer.groups[2][1]["weight_norm"]
    assert optimizer.groups[2][1]["adjust_lr_fn"] == "original"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A small data set of one's own, of 10x12 pixels and three classes."""
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for part, count in (("train", 60), ("val", 12), ("test", 12)):
        labels = rng.integers(0, 3, count)
        noise = rng.integers(0, 100, (count, 3, 10, 12))
        arrays[f"X_{part}"] = (noise + 70 * labels[:, None, None, None]).astype(np.uint8)
        arrays[f"y_{part}"] = labels
    np.savez(tmp_path / "mine.npz", **arrays)
    return tmp_path / "mine.npz"


def test_it_trains_ones_own_images_and_resumes_to_the_same_bits(
    cli: Cli, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Muon, whitening, what is frozen later and alternating flips: all survive the stop."""
    monkeypatch.setattr("cnnlite.cli.machine.sgemm_rate", lambda: 1.0)  # it takes seconds
    small = partial(models.airbench, widths=(8, 12, 12))
    monkeypatch.setitem(models.NETWORKS, "airbench", small)
    command = ["train", "--recipe", "airbench94", "--data", pictures, "--batch-size", "30"]
    command += ["--schedule", "constant", "--freeze", "0.weight", "--freeze", "0.bias@1"]
    command += ["--keep", "0", "--quiet", "--threads", "1"]
    outcome = cli(*command, "--epochs", "3", "--out", "whole")
    assert outcome.status == 0, outcome.err
    assert "recipe airbench94: the 64/256/256 network" in outcome.out
    assert "with --tta translate)" in outcome.out
    assert cli(*command, "--epochs", "2", "--out", "cut").status == 0
    assert cli("train", "--resume", "cut", "--epochs", "3", "--quiet").status == 0
    whole, cut = (load_weights(Path(run) / "weights-last.safetensors") for run in ("whole", "cut"))
    assert all(array.tobytes() == cut[key].tobytes() for key, array in whole.items())
    line = cli(*command, "--whiten", "1", "--out", "wrong").complaint
    assert "--whiten 1: there is no 1.weight" in line
    line = cli(*command, "--freeze", "7.scale@2", "--out", "wrong").complaint
    assert "--freeze: nothing in the network matches '7.scale'" in line
    assert not Path("wrong").exists()

"""The table of options: flags, TOML keys, their checks, and the way back to a file."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlite import losses, optim
from cnnlite.cli.config import LOSSES, OPTIMIZERS, ConfigError, TrainConfig, options, value_type
from cnnlite.cli.config_checks import checked, optimizer_options
from cnnlite.cli.config_file import read, to_toml

COUNTS = st.integers(1, 2**31)
CONFIGS = st.builds(
    TrainConfig,
    data_dir=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    epochs=COUNTS,
    lr=st.none() | st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    optimizer=st.sampled_from(["sgd", "rmsprop", "adam", "adamw"]),
    clip_norm=st.none() | st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    ema=st.none() | st.floats(0, 1, exclude_max=True),
    patience=st.none() | COUNTS,
    every_steps=st.none() | COUNTS,
    keep=st.integers(0, 2**31),
    weight_decay=st.none() | st.floats(min_value=0, allow_infinity=False),
    augment=st.booleans(),
    freeze=st.lists(st.text(st.characters(exclude_categories=["Cs"]))).map(tuple),
    overfit=st.none() | COUNTS,
    seed=st.integers(0, 2**63 - 1),
)


@settings(deadline=None)
@given(CONFIGS)
def test_toml_gives_the_configuration_back(config: TrainConfig) -> None:
    assert checked(TrainConfig(), tomllib.loads(to_toml(config)), str) == config


def test_every_option_has_help_and_a_plain_type() -> None:
    for option in options():
        assert option.metadata["help"].endswith(".")
        assert value_type(option) in (int, float, bool, str)


def test_the_defaults_are_valid() -> None:
    defaults = TrainConfig()
    given = {name: value for name, value in vars(defaults).items() if value is not None}
    assert checked(defaults, given, str) == defaults


def test_a_whole_number_serves_as_a_number() -> None:
    config = checked(TrainConfig(), {"lr": 1}, str)
    assert config.lr == 1.0
    assert type(config.lr) is float


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("epochs", 0, "must be a whole number of at least 1, not 0"),
        ("epochs", 2.5, "must be a whole number, not 2.5"),
        ("epochs", True, "must be a whole number, not True"),
        ("epochs", "ten", "must be a whole number, not 'ten'"),
        ("lr", 0.0, "must be a positive number, not 0.0"),
        ("lr", float("nan"), "must be a positive number, not nan"),
        ("lr", float("inf"), "must be a positive number, not inf"),
        ("lr", [0.1], r"must be a number, not \[0.1\]"),
        ("momentum", 1.0, "must be a number from 0 up to, not including, 1, not 1.0"),
        ("weight_decay", -1e-4, "must be a number of at least 0, not -0.0001"),
        ("label_smoothing", 2.0, "must be a number from 0 to 1, not 2.0"),
        ("seed", -1, "must be a whole number of at least 0, not -1"),
        ("augment", 1, "must be true or false, not 1"),
        ("model", 3, "must be a text, not 3"),
        ("model", "smal_vgg", "cannot be 'smal_vgg'; did you mean small_vgg"),
        ("schedule", "cosin", "cannot be 'cosin'; did you mean cosine"),
        ("epoch", 3, "unknown key 'epoch' in .*; did you mean epochs?"),
        ("optimizer", {"lr": 1}, "must be a text, not {'lr': 1}"),
        ("optimizer", "adm", "cannot be 'adm'; did you mean adam"),
        ("clip_norm", 0.0, "must be a positive number, not 0.0"),
        ("ema", 1.0, "must be a number from 0 up to, not including, 1, not 1.0"),
        ("patience", 0, "must be a whole number of at least 1, not 0"),
        ("every_steps", -1, "must be a whole number of at least 1, not -1"),
        ("drop_last", 1, "must be true or false, not 1"),
        ("optimiser", "adam", "unknown key 'optimiser' in .*; did you mean optimizer?"),
        ("schedule", "plato", "cannot be 'plato'; did you mean plateau"),
        ("loss", "hing", "cannot be 'hing'; did you mean hinge"),
    ],
)
def test_a_bad_value_names_the_key_and_what_was_expected(
    key: str, value: object, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        checked(TrainConfig(), {key: value}, lambda name: f"'{name}' in x.toml")
    assert f"'{key}' in x.toml" in str(caught.value)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_made_with_its_defaults(optimizer: str) -> None:
    config = checked(TrainConfig(), {"optimizer": optimizer}, str)
    assert optim.OPTIMIZERS[optimizer](**optimizer_options(config)).lr == (
        0.02 if optimizer == "sgd" else 0.001
    )
    given = checked(config, {"lr": 0.5, "weight_decay": 0.25}, str)
    made = optim.OPTIMIZERS[optimizer](**optimizer_options(given))
    assert (made.lr, made.config()["weight_decay"]) == (0.5, 0.25)


def test_the_optimizers_of_the_command_line_are_those_of_the_library() -> None:
    assert list(OPTIMIZERS) == list(optim.OPTIMIZERS)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_momentum_with_an_optimizer_that_has_none_is_an_error(
    optimizer: str, momentum: float
) -> None:
    what = f"momentum does not fit optimizer {optimizer}, which has none; it is of sgd and rmsprop"
    with pytest.raises(ConfigError, match=what):
        checked(TrainConfig(), {"optimizer": optimizer, "momentum": momentum}, str)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "adamw"])
def test_nesterov_with_another_optimizer_than_sgd_is_an_error(optimizer: str) -> None:
    with pytest.raises(ConfigError, match=f"nesterov does not fit optimizer {optimizer}"):
        checked(TrainConfig(), {"optimizer": optimizer, "nesterov": True}, str)


def test_nesterov_without_momentum_is_an_error() -> None:
    assert checked(TrainConfig(), {"momentum": 0.0}, str).momentum == 0
    with pytest.raises(ConfigError, match="nesterov needs momentum above 0"):
        checked(TrainConfig(), {"momentum": 0.0, "nesterov": True}, str)


def test_a_file_gives_what_flags_do_not(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('model = "small_vgg"\nepochs = 3\n')
    config = checked(read(path), {"epochs": 5}, str)
    assert (config.model, config.epochs, config.lr) == ("small_vgg", 5, TrainConfig().lr)


@pytest.mark.parametrize("content", [b"epochs = ", b"\xff\xfe", b"a = " + b"[" * 100_000])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"run\.toml"):
        read(path)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_configuration_or_a_clear_error(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.toml"
        path.write_bytes(content)
        message = ""
        try:
            read(path)
        except ConfigError as error:
            message = str(error)
        assert message == "" or "run.toml" in message


@pytest.mark.parametrize("loss", ["focal", "hinge"])
def test_probabilities_with_a_loss_of_labels_are_an_error(loss: str) -> None:
    what = f" makes probabilities of labels, which loss {loss} does not take; cross-entropy does"
    for name, value in (("label_smoothing", 0.1), ("augment", "crop,mixup"), ("augment", "cutmix")):
        with pytest.raises(ConfigError, match=f"{name}{what}"):
            checked(TrainConfig(), {"loss": loss, name: value}, str)
    assert checked(TrainConfig(), {"loss": loss, "augment": "crop,jitter"}, str).loss == loss


def test_every_loss_of_the_command_line_takes_labels() -> None:
    for kind in LOSSES.values():
        assert getattr(losses, kind)()(np.ones((2, 3)), [0, 2]) > 0

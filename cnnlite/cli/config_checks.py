"""Checks of the values of a configuration, wherever they come from."""

from collections.abc import Callable, Mapping
from dataclasses import Field, replace
from typing import Any

from cnnlite.cli._group import did_you_mean
from cnnlite.cli.config import (
    NONE,
    OPTIMIZERS,
    ConfigError,
    TrainConfig,
    is_list,
    may_be_none,
    options,
    value_type,
)

LARGEST = 2**63 - 1
"""Of whole numbers: Python reads such as cannot be printed."""


def checked(
    config: TrainConfig, given: Mapping[str, Any], spell: Callable[[str], str]
) -> TrainConfig:
    """Return `config` with the given values put in.

    Args:
        config: where values that are not given come from.
        given: field name to value.
        spell: how to write a field's name in a message: as a flag, or as a key of a file.

    Raises:
        ConfigError: unknown name, wrong type or value out of range.
    """
    clean = {name: checked_value(name, value, spell) for name, value in given.items()}
    config = replace(config, **clean)
    _check_optimizer(config, spell)
    _check_groups(config, spell)
    _check_loss(config, spell)
    return config


def checked_value(name: str, value: Any, spell: Callable[[str], str]) -> Any:
    """Return a value as a configuration has it, looked at alone; for the rest see `checked`."""
    option = known_option(name, spell)
    if may_be_none(option) and (value is None or _is_none(value)):
        return option.default
    if not is_list(option):
        return _checked_single(option, value, spell(name))
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{spell(name)} must be a list of texts, not {value!r}")
    if all(map(_is_none, value)):
        return option.default
    if any(map(_is_none, value)):
        raise ConfigError(f"{spell(name)}: {NONE!r} takes all others back, and stands alone")
    return tuple(_checked_single(option, item, spell(name)) for item in value)


def _is_none(value: Any) -> bool:
    return isinstance(value, str) and value == NONE


def known_option(name: str, spell: Callable[[str], str]) -> Field[Any]:
    """Return the field of that name.

    Raises:
        ConfigError: there is none.
    """
    known = {option.name: option for option in options()}
    if name not in known:
        raise ConfigError(f"unknown key {spell(name)}{did_you_mean(name, known)}")
    return known[name]


def _check_groups(config: TrainConfig, spell: Callable[[str], str]) -> None:
    """Raise ConfigError unless the optimizer takes the groups."""
    from cnnlite.optim import OPTIMIZERS as KINDS

    if config.group:
        try:
            KINDS[config.optimizer](**optimizer_options(config))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{spell('group')}: {error}") from None


def _check_optimizer(config: TrainConfig, spell: Callable[[str], str]) -> None:
    """Raise ConfigError unless momentum and its form fit the optimizer."""
    if config.momentum is not None and "momentum" not in OPTIMIZERS[config.optimizer]:
        fitting = [name for name, options in OPTIMIZERS.items() if "momentum" in options]
        raise ConfigError(
            f"{spell('momentum')} does not fit {spell('optimizer')} {config.optimizer}, which has "
            f"none; it is of {' and '.join(fitting)}"
        )
    if config.nesterov and config.optimizer != "sgd":
        raise ConfigError(
            f"{spell('nesterov')} does not fit {spell('optimizer')} {config.optimizer}; it is of "
            "sgd"
        )
    if config.nesterov and config.momentum == 0:
        raise ConfigError(f"{spell('nesterov')} needs {spell('momentum')} above 0")


def _check_loss(config: TrainConfig, spell: Callable[[str], str]) -> None:
    """Raise ConfigError unless what changes targets fits the loss."""
    from cnnlite.data import augmentation, mixes

    if config.loss == "cross-entropy":
        return
    names = config.augment
    for option, there in (
        ("label_smoothing", config.label_smoothing > 0),
        ("augment", isinstance(names, str) and mixes(augmentation(names))),
    ):
        if there:
            raise ConfigError(
                f"{spell(option)} makes probabilities of labels, which {spell('loss')} "
                f"{config.loss} does not take; cross-entropy does"
            )


def optimizer_options(config: TrainConfig) -> dict[str, Any]:
    """Return what the configuration's optimizer is made with: what is given, else the default."""
    options: dict[str, Any] = {
        name: default if (given := getattr(config, name)) is None else given
        for name, default in OPTIMIZERS[config.optimizer].items()
    }
    if config.optimizer == "muon":  # with which the rates of adamw fit
        options["adjust_lr_fn"] = "match_rms_adamw"
    if config.nesterov:
        options["nesterov"] = True
    if config.group:
        from cnnlite.cli.texts import group

        options["groups"] = [group(text) for text in config.group]
    return options


def _checked_single(option: Field[Any], value: Any, name: str) -> Any:
    if option.metadata["read"]:
        try:
            option.metadata["read"](value)
        except ValueError as error:
            raise ConfigError(f"{name}{str(error).partition(':')[2]}") from None
        return value
    wanted = value_type(option)
    if type(value) is int and abs(value) > LARGEST:
        raise ConfigError(f"{name} must be at most {LARGEST}, and is far more")
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        kinds = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        raise ConfigError(f"{name} must be {kinds[wanted]}, not {value!r}")
    choices = option.metadata["choices"]
    if choices is not None and value not in choices() and not option.metadata["other"](value):
        more = did_you_mean(str(value), choices(), option.metadata["about"])
        raise ConfigError(f"{name} cannot be {value!r}{more}")
    if not option.metadata["check"](value):
        raise ConfigError(f"{name} must be {option.metadata['wants']}, not {value!r}")
    return value

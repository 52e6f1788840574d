"""The flags of a configuration, and what they give with a recipe and a file."""

from collections.abc import Callable
from dataclasses import Field
from pathlib import Path
from typing import Any

import click

from cnnlite.cli import config as configuration
from cnnlite.cli import config_file, recipes
from cnnlite.cli._group import fail, show_table
from cnnlite.cli.config import TrainConfig, is_own
from cnnlite.cli.config_checks import checked

AUGMENT = "crop,flip"  # what --augment without names is
LISTED = "list"  # the name in whose place --recipe lists all


def flag_of(name: str) -> str:
    """Return the flag of a field of TrainConfig."""
    return "--" + name.replace("_", "-")


def _listing(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    """Show the recipes and end, if that is asked for in the place of one's name."""
    if name == LISTED and not context.resilient_parsing:
        rows = [(each, recipes.trains(each), recipes.result(each)) for each in recipes.names()]
        show_table(("recipe", "what it trains", "what it reaches"), rows)
        context.exit()
    return name


class _OrNone(click.ParamType):
    """A number, or the word that takes it back."""

    def __init__(self, kind: type) -> None:
        self._kind = click.types.convert_type(kind)
        self.name = self._kind.name

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> Any:
        if value == configuration.NONE:
            return value
        return self._kind.convert(value, parameter, context)


def _click_option(option: Field[Any]) -> Any:
    """The flag of one field of TrainConfig; its default is None, so that a file can give it."""
    kind = configuration.value_type(option)
    flag, text = flag_of(option.name), option.metadata["help"]
    if option.name == "recipe":
        return click.option(flag, option.name, help=text, callback=_listing, is_eager=True)
    if option.name == "augment":  # with a value or without
        command = click.option(
            flag, option.name, is_flag=False, flag_value=AUGMENT, metavar="[NAMES]", help=text
        )
        without = click.option(f"--no-{flag[2:]}", is_flag=True, help="No augmentation.")
        return lambda function: command(without(function))
    if kind is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", option.name, default=None, help=text)
    if configuration.is_list(option):
        return click.option(flag, option.name, type=kind, multiple=True, help=text)
    if option.default is not None:
        text += f"  [default: {option.default}]"
    read = _OrNone(kind) if configuration.may_be_none(option) else kind
    return click.option(flag, option.name, type=read, default=None, help=text)


def config_flags(command: Any) -> Any:
    """Add a flag for each field of TrainConfig to a command."""
    for option in reversed(configuration.options()):
        command = _click_option(option)(command)
    return command


def given_flags(flags: dict[str, Any]) -> dict[str, Any]:
    """Return the values of the flags of `config_flags` that were given."""
    if flags.pop("no_augment"):
        flags["augment"] = False
    return {name: value for name, value in flags.items() if value not in (None, ())}


def new_config(file: Path | None, given: dict[str, Any]) -> TrainConfig:
    """Return the configuration that a recipe, a file and flags give; flags win, and the file."""
    name = given.get("recipe") or (config_file.read(file).recipe if file else None)
    config = of_recipe(name, flag_of)
    if file:
        config = config_file.read(file, config)
    network = config.model
    config = checked(config, given, flag_of)
    if is_own(config.model) and "model" not in given:
        fail(f"{file} names a program, which runs only if you name it: add --model {config.model}")
    if config.recipe and config.model != network:
        fail(f"--recipe {config.recipe} trains {network}: leave --model out")
    return config


def of_recipe(name: str | None, spell: Callable[[str], str]) -> TrainConfig:
    """Return the options of a recipe; the defaults, if there is none.

    Raises:
        ConfigError: there is no such recipe.
    """
    config = TrainConfig()
    if name is None:
        return config
    config = checked(config, {"recipe": name}, spell)
    return checked(config, recipes.options(name), lambda key: f"{name}: {key}")

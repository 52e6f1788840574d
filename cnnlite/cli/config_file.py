"""Configurations as TOML files."""

import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cnnlite.cli.config import NONE, ConfigError, TrainConfig, may_be_none, options
from cnnlite.cli.config_checks import checked

MAX_BYTES = 16 * 1024
"""Of a file; the time to read a TOML key of many parts grows with the square of their number."""


def read(path: Path, config: TrainConfig | None = None) -> TrainConfig:
    """Read a TOML file of training options.

    Args:
        path: the file; its keys are the fields of TrainConfig.
        config: where values that the file does not give come from; the defaults if None.

    Raises:
        ConfigError: not TOML, no regular file, larger than MAX_BYTES, an unknown key, or a bad
            value; the message names file and key.
        OSError: the file cannot be read.
    """
    return checked(config or TrainConfig(), _table(path), lambda name: f"{name!r} in {path}")


def keys(path: Path) -> tuple[str, ...]:
    """Return the keys that a TOML file of training options gives; errors as for `read`."""
    return tuple(_table(path))


def _table(path: Path) -> dict[str, Any]:
    from cnnlite.data.errors import DataError
    from cnnlite.data.unpickle import read_regular_file

    try:
        given = tomllib.loads(read_regular_file(path, MAX_BYTES).decode("utf-8"))
    except DataError as error:
        raise ConfigError(str(error)) from None
    except ValueError as error:  # of the syntax, of UTF-8, or a number of too many digits
        raise ConfigError(f"{path} is not a TOML file: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path} is not a configuration: nested too deeply") from None
    return given


def to_toml(config: TrainConfig) -> str:
    """The configuration as TOML text.

    What is None or empty is left out, which means the same; but not where there is a recipe, which
    may give it, or come to do so.
    """
    stays = {option.name for option in options() if config.recipe and may_be_none(option)}
    lines = (
        f"{name} = {_toml_value(NONE if value is None else value)}"
        for name, value in asdict(config).items()
        if value not in (None, ()) or name in stays
    )
    return "\n".join(lines) + "\n"


def _toml_value(value: bool | int | float | str | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = (
            f"\\u{ord(char):04x}" if ord(char) < 32 or ord(char) == 127 else char
            for char in value.replace("\\", "\\\\").replace('"', '\\"')
        )  # fmt: skip
        return '"' + "".join(escaped) + '"'
    return repr(value)

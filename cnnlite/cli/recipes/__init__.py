"""Recipes: tables of training options that reach a stated result, one TOML file each.

A file has the options of `cnnlite train`, and a table `recipe`: "about", what it trains, and
"result", what it reaches, over how many seeds, in which time, on which machine.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

__all__ = ["about", "names", "options", "result", "trains"]

FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Name the recipes there are."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def about(name: str) -> str:
    """Say in a line what a recipe trains, and what it reaches."""
    return f"{trains(name)}; {result(name)}"


def trains(name: str) -> str:
    """Say what a recipe trains."""
    told: str = _read(name)["recipe"]["about"]
    return told


def result(name: str) -> str:
    """Say what a recipe reaches, over how many seeds, in which time, on which machine."""
    told: str = _read(name)["recipe"]["result"]
    return told


def options(name: str) -> dict[str, Any]:
    """Return a recipe's options by the keys of a configuration."""
    found = _read(name)
    del found["recipe"]
    return found


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))

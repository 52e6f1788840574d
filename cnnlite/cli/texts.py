"""Options that are short texts: groups of parameters, sizes of images, and when to freeze.

PATTERN[,PATTERN]: [OPTIMIZER] [NAME=VALUE | NAME]...    a group of parameters
SIDE[,SIDE@EPOCH]...                                     sides of images
PATTERN@EPOCH                                            what is frozen from an epoch on
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from cnnlite.data import ProgressiveResize
from cnnlite.optim import OPTIMIZERS, named
from cnnlite.optim.groups import FLAGS, Group
from cnnlite.terminal import did_you_mean

__all__ = ["group", "later", "rates_times", "train_sizes"]

FORM = "PATTERN: NAME=VALUE ..., as '*.bias: weight_decay=0' or '9.*: sgd lr=0.1 momentum=0.9'"


def group(text: str) -> dict[str, Any]:
    """Return a group as optimizers take it, of a text such as "25.*: sgd lr=0.02 nesterov".

    Raises:
        ValueError: the text is none, or an option is not in its range.
    """
    patterns, colon, rest = text.partition(":")
    words = rest.split()
    names = [pattern.strip() for pattern in patterns.split(",")]
    if not colon or not words or not all(names):
        raise ValueError(f"group: must be {FORM}, not {text!r}")
    kind = OPTIMIZERS.get(words[0])
    options = dict(map(_option, words[1:] if kind else words))
    found: Group = {"match": named(*names)}
    if kind is None:
        return {**found, **options}
    known = inspect.signature(kind).parameters
    for name in options:
        if name not in known:
            raise ValueError(
                f"group: has {name!r}, which {words[0]} has not{did_you_mean(name, known)}"
            )
    if "lr" not in options:
        raise ValueError(f"group: must say the lr of its {words[0]}, as 'lr=0.1', in {text!r}")
    try:
        return {**found, "optimizer": kind(**options)}
    except (TypeError, ValueError) as error:
        raise ValueError(f"group: {error}") from error


def rates_times(text: str, factor: float, kind: str) -> str:
    """Return a group's text with its learning rate times a factor, if its optimizer is `kind`."""
    if text.partition(":")[2].split()[:1] != [kind]:
        return text
    return re.sub(r"(?<=\blr=)\S+", lambda rate: f"{float(rate[0]) * factor:.6g}", text)


def train_sizes(text: str) -> ProgressiveResize:
    """Return how training images grow, as a text such as "24,32@4" says.

    Raises:
        ValueError: it says something else.
    """
    sides: dict[int, int] = {}
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,9})(?:@(\d{1,9}))?\s*", part)
        if found is None:
            raise ValueError(f"train_sizes: must be SIDE,SIDE@EPOCH..., as '24,32@4', not {text!r}")
        sides[int(found[2] or 0)] = int(found[1])
    try:
        return ProgressiveResize(sides)
    except ValueError as error:
        raise ValueError(f"train_sizes: {str(error).partition(': ')[2]}") from None


def later(text: str) -> tuple[int, str] | None:
    """Return the epoch and the pattern of "PATTERN@EPOCH"; None of what is frozen at once."""
    found = re.fullmatch(r"(.+)@(\d{1,9})", text, re.S)
    return (int(found[2]), found[1]) if found else None


def _option(word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    if not equals:
        if name not in FLAGS:
            raise ValueError(
                f"group: has the word {word!r}, expected an option as 'lr=0.1', or one of "
                f"{', '.join(FLAGS)}"
            )
        return name, True
    numbers = [_number(part) for part in value.split(",")]
    return name, numbers[0] if len(numbers) == 1 else tuple(numbers)


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text

"""The report card: what was trained, how, on what, and what came of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from html import escape
from typing import Any

from cnnlite.html import details
from cnnlite.report.document import Section
from cnnlite.report.html import paragraphs, table
from cnnlite.report.seen import Seen

__all__ = ["PARTS", "card", "percent", "plain", "value"]

PARTS = {"train": "training", "val": "validation", "test": "test"}

WIDE = {"Command": "wide command", "Versions": "wide"}
"""Facts that have a line to themselves, and their class."""


def card(seen: Seen) -> Section:
    """Return the report card of a training."""
    tiles = "".join(
        f'<div class="tile"><dt>{escape(name)}</dt><dd>{escape(number)}</dd>'
        f'<dd class="small">{escape(remark)}</dd></div>'
        for name, number, remark in _results(seen)
    )
    rows = [(name, text) for name, text in _circumstances(seen) if text]
    facts = "".join(
        f'<div class="{WIDE.get(name, "")}"><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>'
        for name, text in rows
    )
    html = f'<dl class="tiles">{tiles}</dl><dl class="facts">{facts}</dl>'
    options = [(name, plain(value)) for name, value in seen.config.get("options", {}).items()]
    if options:
        html += details(
            "The whole configuration", table("Configuration", ("option", "value"), options)
        )
    if seen.by_hand:
        html += f'<div class="by-hand">{paragraphs(seen.by_hand)}</div>'
    if seen.notes:
        html += f'<div class="missing"><h3>Not in this page</h3>{paragraphs(seen.notes)}</div>'
    return Section("card", "Report card", html)


def _results(seen: Seen) -> Iterator[tuple[str, str, str]]:
    """Yield the name of a result, the result, and a remark."""
    best, total = seen.best, seen.config.get("options", {}).get("epochs")
    of = f" of {total}" if isinstance(total, int) and total >= len(seen.history) else ""
    if best is not None:
        yield "Validation accuracy", percent(best["val_acc"]), f"the best, in epoch {best['epoch']}"
    if seen.answers is not None and seen.answers.part != "val":
        count = len(seen.answers.labels)
        part = PARTS[seen.answers.part].capitalize()
        yield f"{part} accuracy", percent(seen.answers.accuracy), f"of {count:,} images, best epoch"
    if seen.history:
        gap = seen.history[-1]["train_acc"] - seen.history[-1]["val_acc"]
        if math.isfinite(gap):
            remark = "training minus validation accuracy, at the end"
            yield "Overfitting gap", f"{100 * gap:+.1f} points", remark
    yield "Epochs", f"{len(seen.history)}{of}", f"{len(seen.losses):,} steps"
    if seen.params:
        yield "Parameters", f"{seen.params:,}", plain(seen.config.get("model"))
    speeds = [row["images_per_second"] for row in seen.history]
    if speeds:
        yield (
            "Speed",
            f"{statistics.median(speeds):,.0f} img/s",
            "training, median of the epochs",
        )


def _circumstances(seen: Seen) -> Iterator[tuple[str, str]]:
    config = seen.config
    yield "Command", value(config, "command") or "not recorded"
    yield "Model", value(config, "model")
    images = ", ".join(
        f"{count:,} {PARTS.get(part, part)}"
        for part, count in config.get("images", {}).items()
        if isinstance(count, int)
    )
    yield "Data", " \N{EN DASH} ".join(filter(None, (value(config, "data"), images)))
    shape = config.get("image_shape")
    yield "Image", "\N{MULTIPLICATION SIGN}".join(map(str, shape)) if shape else ""
    yield "Seed", value(config, "seed")
    yield "Threads", value(config, "threads")
    yield "Instruction set", value(config, "instruction_set")
    rate = config.get("sgemm")
    known = isinstance(rate, int | float)
    yield "NumPy's sgemm", f"{rate:.0f} GFLOP/s" if known else "not recorded"
    versions = config.get("versions") or {}
    yield "Versions", ", ".join(f"{name} {plain(version)}" for name, version in versions.items())


def value(config: Any, name: str) -> str:
    """Return an entry of a configuration as text; "" where there is none."""
    return "" if config.get(name) is None else plain(config[name])


def plain(value: Any) -> str:
    """Return a plain value as text."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "\N{EN DASH}"
    return str(value)


def percent(share: float) -> str:
    """Return a share in percent."""
    return f"{share:.2%}" if math.isfinite(share) else "\N{EN DASH}"

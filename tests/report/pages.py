"""Trainings to make pages of: small, whole, and with whatever a page must stand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from cnnlite.report.answers import Answers
from cnnlite.report.kept import Kept
from cnnlite.report.network import LayerRow, measure
from cnnlite.report.seen import Seen

HOSTILE = "<script>alert('class')</script>"


def history(epochs: int) -> list[dict[str, Any]]:
    """Return rows as `Solver.history` has them."""
    return [
        {
            "epoch": epoch, "step": 10 * epoch, "lr": 0.1 / epoch, "loss": 2 / epoch,
            "train_acc": 1 - 0.6 / epoch, "val_acc": 1 - 0.7 / epoch, "val_loss": 2.2 / epoch,
            "images_per_second": 100.0,
        }
        for epoch in range(1, epochs + 1)
    ]  # fmt: skip


def answers(classes: int, shape: tuple[int, ...], count: int = 60) -> Answers:
    """Return answers of which about a half are right; the last image has none."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    scores = rng.standard_normal((count, classes))
    scores[np.arange(count), labels] += 1
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    predicted = chances.argmax(axis=1)
    chances[-1], predicted[-1] = np.nan, -1
    images = rng.integers(0, 256, (count, *shape), np.uint8)
    return Answers("test", labels, predicted, chances, images, np.arange(count))


def network(channels: int = 3) -> Sequential:
    """Return a network of six layers for images of 8x8 and three classes."""
    return Sequential(
        Conv2d(channels, 4, 3, padding=1, rng=0), ReLU(), MaxPool2d(2), Flatten(),
        Linear(64, 3, rng=1), ReLU(),
    )  # fmt: skip


def rows() -> list[LayerRow]:
    """Return that network, measured."""
    return measure(network(), (3, 8, 8))


def kept(epoch: int) -> Kept:
    """Return what is kept of an epoch of that network; Flatten has no gradient."""
    numbers = {
        "mean": 0.1 * epoch,
        "std": 1.0,
        "dead": 0.25,
        "grad_norm": 1e-3,
        "update_ratio": 1e-4,
    }
    nothing = numbers | {"grad_norm": np.nan, "update_ratio": np.nan}
    return Kept(
        epoch=epoch,
        statistics={"0": numbers, "1": nothing, "3": nothing, "4": numbers},
        images=np.zeros((2, 3, 8, 8), np.uint8),
        labels=np.zeros(2, np.int64),
        scores=np.zeros((2, 3), np.float32),
        maps={},
        ranges={},
        filters=None,
    )


def seen(**changes: Any) -> Seen:
    """Return a whole training of three classes, one of them with a hostile name."""
    whole = Seen(
        name="run",
        history=history(4),
        losses=[2.0, 1.5, 1.0, 0.5],
        config={"model": "net", "seed": 3, "options": {"epochs": 4, "seed": 3, "lr": 0.1}},
        classes=["cat", HOSTILE, "d" * 60],
        layers=rows(),
        kept=[kept(1), kept(4)],
        answers=answers(3, (3, 8, 8)),
        notes=["<b>note</b>"],
    )
    return dataclasses.replace(whole, **changes)


def write(page: str, folder: Path, name: str = "page.html") -> str:
    """Write a page, and return its address."""
    file = folder / name
    file.write_text(page, encoding="utf-8")
    return file.as_uri()

"""A run folder in a notebook: what it holds, its network and its data, and how it looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite import html
from cnnlite import models as zoo
from cnnlite.data import NAMES, Dataset, Normalization, load
from cnnlite.data.unpickle import read_regular_file
from cnnlite.layers import Layer
from cnnlite.report.run_files import CURVES, RECORD, WEIGHTS
from cnnlite.report.sections.card import card
from cnnlite.report.seen import MAX_BYTES, Seen
from cnnlite.training.checkpoint import load_weights, most_bytes
from cnnlite.training.history import epochs_table

__all__ = ["Run"]

WIDTH = 900  # CSS pixels of the curves


class Run:
    """A run folder.  A notebook shows its report card, its curves and its last epochs.

    Args:
        path: the folder.
        model: its network, with any weights: those of its best epoch are loaded into it.  It may be
            left out for a network of the zoo.
        data: the data set that it was trained on.  It may be left out for one that has a name.

    Attributes:
        path: the folder.
        seen: what there is to see of it, with a note for what is missing.
        model: the network with the weights of its best epoch; None if it could not be made.
        data: the data set; None if it could not be loaded.

    Raises:
        OSError: there is no such folder.
        ValueError: the weights do not fit `model`.
    """

    def __init__(
        self, path: str | Path, model: Layer | None = None, data: Dataset | None = None
    ) -> None:
        self.path = Path(path)
        plain = Seen.from_run(self.path)
        notes: list[str] = []
        self.data = data if data is not None else _data(plain, notes)
        made = model if model is not None else _network(plain, notes)
        self.model = made if made is None or _loaded(made, self.path, notes) else None
        part = "test" if self.data is None or "X_test" in self.data else "val"
        self.seen = Seen.from_run(
            self.path, self.model, self.data, _normalization(self.path), part=part, notes=notes
        )

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}): {len(self.seen.history)} epochs"

    def _repr_html_(self) -> str:
        picture = self.path / CURVES
        curves = ""
        if picture.is_file():
            text = f"loss and accuracy of {self.seen.name}"
            curves = html.picture(picture.read_bytes(), text, WIDTH)
        rows = [dict(row) for row in self.seen.history]
        return f"{card(self.seen).html}{curves}{epochs_table(rows) if rows else ''}"


def _network(seen: Seen, notes: list[str]) -> Layer | None:
    """The network of the zoo that a run is of."""
    name, shape = seen.config["model"], seen.config["image_shape"]
    if name not in zoo.NETWORKS:
        notes.append(f"{name} is no network of the zoo: Run(path, model=...) takes it.")
        return None
    try:
        size = {} if shape is None else {"input_shape": tuple(shape)}
        model: Layer = zoo.NETWORKS[name](num_classes=len(seen.classes) or 10, rng=0, **size)
    except (TypeError, ValueError) as error:  # of a damaged record
        notes.append(f"{name} cannot be made: {error}")
        return None
    return model


def _loaded(model: Layer, path: Path, notes: list[str]) -> bool:
    """Whether the network has the run's weights now."""
    try:
        model.load_state_dict(load_weights(path / WEIGHTS, most=most_bytes(model)))
    except OSError as error:
        notes.append(f"There are no weights to show: {error}")
        return False
    return True


def _data(seen: Seen, notes: list[str]) -> Dataset | None:
    """The data set that a run names."""
    options = seen.config["options"]
    name = options.get("data", seen.config["data"])
    if name not in NAMES:
        notes.append(f"{name} has no name of a data set: Run(path, data=...) takes the data.")
        return None
    try:
        return load(name, None if name == "embedded" else options.get("data_dir"))
    except (OSError, ValueError) as error:
        notes.append(f"The images cannot be shown: {error}")
        return None


def _normalization(path: Path) -> Normalization | None:
    """What a run's images went through; None if it does not say."""
    try:
        record: Any = json.loads(read_regular_file(path / RECORD, MAX_BYTES))
        arrays = record["normalization"]
        return Normalization(*(np.array(arrays[name], np.float32) for name in ("scale", "shift")))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None

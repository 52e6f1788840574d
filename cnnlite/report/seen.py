"""What a page shows of one training: plain values and arrays, whether from a folder or live."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from cnnlite.data import Dataset, Normalization
from cnnlite.data.unpickle import read_regular_file
from cnnlite.layers import Layer
from cnnlite.report import events, history, kept
from cnnlite.report.answers import Answers, ask
from cnnlite.report.kept import Kept
from cnnlite.report.network import LayerRow, measure
from cnnlite.report.run_files import CONFIG, EVENTS, HISTORY, LOSSES, RECORD
from cnnlite.training.history import best_epoch
from cnnlite.training.record import configuration
from cnnlite.training.state import TrainingState
from cnnlite.version import __version__

__all__ = ["MOST_IMAGES", "Answers", "LayerRow", "Seen", "most_images"]

MOST_IMAGES = 2000
"""That a network is asked of, so that a page is made in seconds."""
FEWEST_IMAGES = 100
MULTIPLY_ADDS = 5e11
"""For all of them; a large network is asked of fewer."""
MAX_BYTES = 16 * 2**20  # of a record
VERSIONS = ("cnnlite", "python", "numpy", "backend", "compiler", "platform", "cpus")


@dataclass(frozen=True, eq=False)
class Seen:
    """Everything a page shows of one training.

    Attributes:
        name: the run folder's name, or that of a training that is still running.
        history: a row an epoch, as `Solver.history`.
        losses: the loss of each step.
        config: as recorded, None or empty where it is not known: command (str), model, data, seed,
            options (dict), images (of each part, dict), image_shape, versions (dict), threads,
            instruction_set, sgemm (GFLOP/s).
        classes: their names.
        layers: the network; empty if it is not known.
        kept: what was kept of epochs, the oldest first; may be empty.
        answers: of the network; None if it could not be asked.
        notes: sentences that say what is missing, and why.
        by_hand: sentences that say what was changed by hand while it was trained, if anything was.
        model: the network that was asked, to be looked into; None if there is none.
        normalization: what its images go through.
        of_best: whether the answers are by the weights of the best epoch, not by the newest.
    """

    name: str
    history: Sequence[Mapping[str, Any]] = ()
    losses: Sequence[float] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    classes: Sequence[str] = ()
    layers: Sequence[LayerRow] = ()
    kept: Sequence[Kept] = ()
    answers: Answers | None = None
    notes: Sequence[str] = ()
    by_hand: Sequence[str] = ()
    model: Layer | None = None
    normalization: Normalization | None = None
    of_best: bool = False

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch; 0 where that is not known."""
        if not self.history:
            return int(self.config.get("steps_per_epoch", 0))
        return int(self.history[0]["step"])

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The best epoch, by validation accuracy; None without."""
        return best_epoch(self.history)

    @property
    def params(self) -> int:
        """Numbers that are trained."""
        return sum(row.params for row in self.layers)

    @classmethod
    def from_run(
        cls,
        path: str | Path,
        model: Layer | None = None,
        data: Dataset | None = None,
        normalization: Normalization | None = None,
        *,
        part: str = "test",
        name: str | None = None,
        notes: Sequence[str] = (),
        progress: Callable[[int], None] = lambda done: None,
    ) -> Self:
        """Read what a run folder holds; what is missing or damaged becomes a note.

        Args:
            path: the run folder.
            model: its network, which is measured.
            data: the data set that it was trained on, of which the network, which then has its
                best weights, is asked.
            normalization: what its images go through.
            part: which images it is asked of.
            name: of the run; the folder's, if left out.
            notes: what is known to be missing already.
            progress: called with the number of images that the network has been asked of.

        Raises:
            OSError: there is no such folder.
        """
        path, said = Path(path), list(notes)
        if not path.is_dir():
            raise FileNotFoundError(f"{path} is not a run folder: there is no such folder")
        record = _read(path / RECORD, json.loads, said)
        options = _read(path / CONFIG, tomllib.loads, said)
        rows: list[dict[str, float]] = []
        losses: list[float] = []
        if (path / HISTORY).is_file():
            rows = _tried(history.load, path / HISTORY, rows, said)
        if not rows:
            said.append("No epoch was completed, so there are no curves of epochs.")
        done = list[dict[str, Any]]()
        if (path / EVENTS).is_file():
            done = _tried(events.load, path / EVENTS, done, said)
        if (path / LOSSES).is_file():
            losses = _tried(history.load_losses, path / LOSSES, losses, said)
        else:
            said.append("The losses of single steps were not recorded.")
        epochs, faults = kept.read_run(path)
        said += faults
        if not epochs:
            said.append(
                "Nothing was kept of its epochs (cnnlite train --keep), so what happened inside "
                "the layers while it learned cannot be shown."
            )
        config = _config(record, options)
        classes = [str(name) for name in _of(record, "class_names", list)]
        shape = data.image_shape if data is not None else config["image_shape"]
        layers: Sequence[LayerRow] = ()
        answers = None
        if model is not None and shape:
            layers = _measured(model, tuple(shape), said)
        if model is not None and data is not None:
            most = most_images(layers)
            answers = _asked(model, data, normalization, part, most, said, progress)
        return cls(
            name=name or path.resolve().name,
            history=rows,
            losses=losses,
            config=config,
            classes=list(data.class_names) if data is not None else classes,
            layers=layers,
            kept=epochs,
            answers=answers,
            notes=said,
            by_hand=events.sentences(done),
            model=model,
            normalization=normalization,
            of_best=True,
        )

    @classmethod
    def from_solver(
        cls,
        solver: TrainingState,
        name: str = "training",
        *,
        classes: Sequence[str] = (),
        kept: Sequence[Kept] = (),
        inside: bool = True,
        most: int = 500,
    ) -> Self:
        """Return what there is to see of a training that runs, or has run, in this process.

        Args:
            solver: the training, between two steps.
            name: of the training.
            classes: the names of the classes; their numbers, if left out.
            kept: what was kept of its epochs.
            inside: measure the network and ask it of validation images, as it is now.
            most: of how many; 0 asks it of none.
        """
        from cnnlite.backend import kernels
        from cnnlite.threads import get_num_threads

        options = configuration(solver)
        layers: Sequence[LayerRow] = ()
        answers, notes = None, list[str]()
        if inside:
            layers = _measured(solver.model, solver.X_val.shape[1:], notes)
            if most and solver.y_val.ndim == 1 and len(solver.y_val):
                answers = ask(
                    solver.model, solver.X_val, solver.y_val, "val", solver.normalization, most=most
                )
        return cls(
            name=name,
            history=list(solver.history),
            losses=list(solver.loss_history),
            config={
                "model": type(solver.model).__name__,
                "seed": solver.seed,
                "options": {key: options[key] for key in _SHOWN if key in options}
                | {"num_epochs": solver.num_epochs},
                "images": {"train": len(solver.X_train), "val": len(solver.X_val)},
                "steps_per_epoch": solver.steps_per_epoch,
                "image_shape": list(solver.X_train.shape[1:]),
                "versions": {"cnnlite": __version__, "numpy": np.__version__},
                "threads": get_num_threads(),
                "instruction_set": kernels.instruction_set(),
            },
            classes=list(classes) or [str(label) for label in range(solver.num_classes)],
            layers=layers,
            kept=list(kept),
            answers=answers,
            notes=notes,
            by_hand=events.sentences(solver.events),
            model=solver.model if inside else None,
            normalization=solver.normalization,
        )


_SHOWN = (
    "batch_size", "loss", "optimizer", "schedule", "augment", "drop_last", "clip_norm",
    "clip_value", "ema", "frozen",
)  # fmt: skip
"""Of a Solver's configuration."""


def _config(record: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    machine = _of(record, "environment", dict)
    shape = _of(record, "image_shape", list)
    return {
        "command": record.get("command"),
        "model": options.get("model"),
        "data": record.get("data", options.get("data")),
        "seed": options.get("seed"),
        "options": dict(options),
        "images": _of(record, "images", dict),
        "image_shape": shape if all(isinstance(size, int) and size > 0 for size in shape) else [],
        "versions": {name: machine[name] for name in VERSIONS if name in machine},
        "threads": machine.get("threads"),
        "instruction_set": machine.get("instruction_set"),
        "sgemm": record.get("sgemm"),
    }


def _of(record: Mapping[str, Any], name: str, kind: type) -> Any:
    """Return an entry of a record; an empty one where it is missing, or of another kind."""
    return record[name] if isinstance(record.get(name), kind) else kind()


def _read(path: Path, parse: Callable[[str], Any], notes: list[str]) -> Mapping[str, Any]:
    """Return a file's table; an empty one, with a note, where it is missing or damaged."""
    try:
        found = parse(read_regular_file(path, MAX_BYTES).decode("utf-8"))
        if isinstance(found, Mapping):
            return found
        notes.append(f"{path.name} is damaged.")
    except OSError:
        notes.append(f"{path.name} cannot be read.")
    except (ValueError, RecursionError):
        notes.append(f"{path.name} is damaged.")
    return {}


def _tried(load: Callable[[Path], Any], path: Path, otherwise: Any, notes: list[str]) -> Any:
    try:
        return load(path)
    except (OSError, ValueError) as error:
        notes.append(f"{error}.")
        return otherwise


def _asked(
    model: Layer,
    data: Dataset,
    normalization: Normalization | None,
    part: str,
    most: int,
    notes: list[str],
    progress: Callable[[int], None],
) -> Answers | None:
    """Return what a network says of the images of a part."""
    if f"X_{part}" not in data or not len(data[f"X_{part}"]):
        notes.append(f"{data.name} has no {part} images, so the network was asked of none.")
        return None
    images, labels = data[f"X_{part}"], data[f"y_{part}"]
    files = None if data.files is None else data.files[part]
    return ask(
        model, images, labels, part, normalization, names=files, most=most, progress=progress
    )


def most_images(layers: Sequence[LayerRow]) -> int:
    """Return of how many images a network is asked."""
    each = sum(row.multiply_adds for row in layers if row.ms is not None)
    return int(min(MOST_IMAGES, max(FEWEST_IMAGES, MULTIPLY_ADDS / max(1, each))))


def _measured(model: Layer, image_shape: tuple[int, ...], notes: list[str]) -> list[LayerRow]:
    try:
        return measure(model, image_shape)
    except Exception as error:  # a layer of one's own may raise anything
        notes.append(f"The layers could not be measured: {type(error).__name__}: {error}")
        return []

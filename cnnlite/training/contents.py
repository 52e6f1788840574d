"""What is in a checkpoint: a training as arrays and plain values, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnlite.optim.averages import AVERAGE
from cnnlite.storage import Arrays, Metadata
from cnnlite.training import callback_state
from cnnlite.training.record import configuration, versions
from cnnlite.training.state import StoppedBy, TrainingState

__all__ = ["capture", "lr_was_set", "restore"]

ROW = ("epoch", "step", "lr", "loss", "train_acc", "val_acc", "val_loss", "images_per_second")
"""What a row of the history has."""
NUMBERS = {"step": "int64 ()", "lr": "float64 ()"}
"""The forms of what an optimizer's state has that is no array like its parameter."""


def capture(solver: TrainingState) -> tuple[Arrays, Metadata]:
    """Return copies of all that a training's future depends on, and of its past."""
    kept, plain = callback_state.collect(solver.callbacks)
    arrays = {
        **_under("model/", solver.model.state_dict()),
        **_under("optimizer/", solver.optimizer.state_dict()),
        **_under("best/", solver.best_params),
        **_under("ema/", solver.ema.state_dict() if solver.ema else {}),
        **kept,
        "loss_history": np.array(solver.loss_history, dtype=np.float64),
    }
    metadata = {
        "configuration": configuration(solver),
        "versions": versions(),
        "num_epochs": solver.num_epochs,
        "epoch": solver.epoch,
        "step": solver.step,
        "history": [dict(row) for row in solver.history],
        "callbacks": plain,
        "events": [dict(row) for row in solver.events],
        "stopped_by": solver.stopped_by and solver.stopped_by._asdict(),
    }
    return arrays, metadata


def restore(solver: TrainingState, arrays: Mapping[str, np.ndarray], metadata: Metadata) -> None:
    """Set a solver to what `capture` returned; nothing is changed if anything does not fit.

    Raises:
        KeyError, TypeError, ValueError, OverflowError: something is missing or does not fit.
        RefusedState: a callback does not take its state.
    """
    epoch, step = int(metadata["epoch"]), int(metadata["step"])
    if arrays["loss_history"].dtype != np.float64:  # a smaller type would grow in a list
        raise TypeError("the losses are not float64")
    losses = [float(loss) for loss in arrays["loss_history"]]
    history: list[dict[str, Any]] = [dict(row) for row in metadata["history"]]
    for row in history:
        row.setdefault("val_loss", math.nan)  # checkpoints from before it was measured
        for name in ROW:
            float(row[name])
    events: list[dict[str, Any]] = [dict(row) for row in metadata.get("events", [])]
    for row in events:
        int(row["step"]), str(row["what"])
    best, by = _below("best/", arrays), metadata.get("stopped_by")
    stopped_by = by and StoppedBy(str(by["name"]), dict(by["given"]), dict(by["now"]))
    if not epoch * solver.steps_per_epoch <= step <= (epoch + 1) * solver.steps_per_epoch:
        raise ValueError(f"step {step} is not in epoch {epoch}")
    if len(losses) != step or len(history) != epoch or bool(best) != bool(history):
        raise ValueError(f"the histories do not have the length of {epoch} epochs, {step} steps")
    state = _below("optimizer/", arrays)
    for path, array in state.items():
        key, _, name = path.rpartition("/")
        expected = NUMBERS.get(name) or _form(solver.model.params[key])
        if _form(array) != expected:
            raise ValueError(f"{name} of {key} is {_form(array)}, expected {expected}")
    model, ema = _below("model/", arrays), _below("ema/", arrays)
    average = {key.removeprefix(AVERAGE): ema[key] for key in ema if key.startswith(AVERAGE)}
    for stored in (model, *filter(None, (best, average))):
        if {key: _form(array) for key, array in stored.items()} != {
            key: _form(array) for key, array in solver.model.state_dict().items()
        }:
            raise ValueError("its parameters are not those of this model")

    callback_state.hand_back(solver.callbacks, arrays, dict(metadata.get("callbacks", {})))
    solver.optimizer.load_state_dict(state)
    if solver.ema:
        solver.ema.load_state_dict(ema)
    solver.model.load_state_dict(model)
    solver.loss_history[:], solver.history[:] = losses, history
    solver.events[:] = events
    solver.best_params, solver.stopped_by = best, stopped_by


def lr_was_set(events: object) -> bool:
    """Return whether the rows of ``solver.events`` say that the learning rate was set by hand.

    What is no list of rows, as in a damaged file, says nothing.
    """
    rows = events if isinstance(events, list) else []
    return any(isinstance(row, Mapping) and row.get("what") == "lr" for row in rows)


def _form(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    return {prefix + key: array for key, array in arrays.items()}


def _below(prefix: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    return {
        key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)
    }

"""Checkpoints: a training that is stopped at any step continues to the same bits.

A checkpoint is one safetensors file.  The order of an epoch's batches, augmentation and dropout are
functions of seed, epoch and step, so the random state is the seed and the place:

    model/KEY, best/KEY      parameters and buffers: as they are, and of the best epoch so far
    optimizer/KEY/NAME       what the optimizer remembers of each parameter
    optimizer/lr             a learning rate that was set during the training
    ema/NAME                 the averaged weights
    loss_history             float64, one number a step
    callback/NAME/KEY        arrays that callbacks want to keep
    metadata (JSON)          configuration, versions, epoch, step, rows of the history, what was
                             changed by hand, what else callbacks want to keep, and which of them
                             ended the training, if any
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cnnlite.checks.numbers import optional_count
from cnnlite.files import remove_drafts
from cnnlite.layers import Layer
from cnnlite.storage import Arrays, Metadata, StorageError, read_arrays, write_arrays
from cnnlite.training import callback_state
from cnnlite.training.contents import capture, lr_was_set, restore
from cnnlite.training.record import configuration, differences, versions
from cnnlite.training.state import TrainingState

__all__ = ["Checkpoint", "CheckpointError", "load_weights", "most_bytes", "save_weights"]

FORMAT = 1
FAULTS = (KeyError, TypeError, ValueError, OverflowError, RecursionError)
"""What contents that do not fit together may raise; a number of 1e999 is the fourth."""


class CheckpointError(StorageError):
    """A checkpoint cannot be written, read, or used here; the message names the file."""


class Checkpoint:
    """Where and how often a Solver saves its state: after every epoch, and when it is interrupted.

    Args:
        path: the file, usually ``*.safetensors``; its folder must be there.
        every_steps: save after each so many steps too.

    Raises:
        TypeError: every_steps is not an integer.
        ValueError: the folder does not exist, the path is one, or every_steps is below 1.
    """

    def __init__(self, path: str | Path, every_steps: int | None = None) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            raise ValueError(f"Checkpoint: path {self.path} is a folder, expected a file's name")
        if not self.path.absolute().parent.is_dir():
            raise ValueError(f"Checkpoint: the folder of path {self.path} does not exist")
        self.every_steps = optional_count("Checkpoint", "every_steps", every_steps)

    def due(self, step: int) -> bool:
        """Return whether it is time to save after `step` steps, apart from the ends of epochs."""
        return self.every_steps is not None and step % self.every_steps == 0

    def save(self, solver: TrainingState) -> None:
        """Replace the file by the solver's state, wholly or not at all.

        Raises:
            CheckpointError: the file cannot be written; the old one is untouched.
        """
        if not self.path.exists():  # nothing to load: a training killed in its first checkpoint
            remove_drafts(self.path)
        arrays, metadata = capture(solver)
        _write(self.path, arrays, {"kind": "checkpoint", "format": FORMAT, **metadata})
        solver.saved_to = self.path

    def load(self, solver: TrainingState) -> None:
        """Set the solver to the state in the file.

        Warns:
            UserWarning: the learning rate jumps, as num_epochs is another than that of the file.

        Raises:
            CheckpointError: the file is missing, damaged, no checkpoint, or one of a training that
                is configured differently; the solver is as before.
        """
        remove_drafts(self.path)
        arrays, metadata = self._read()
        try:
            self._continue(solver, arrays, metadata)
        except callback_state.RefusedState as error:
            raise CheckpointError(f"{self.path}: {error}") from error
        except FAULTS as error:
            raise CheckpointError(f"{self.path} is damaged: {error}") from error
        solver.saved_to = self.path
        _warn_of_a_jump(self.path, solver, metadata)

    def _read(self) -> tuple[Arrays, Metadata]:
        arrays, metadata = _read(self.path, ": there is no checkpoint to continue from")
        if metadata is None or metadata.get("kind") != "checkpoint":
            raise CheckpointError(f"{self.path} is not a checkpoint, it holds weights only")
        if metadata.get("format") != FORMAT:
            raise CheckpointError(
                f"{self.path} is a checkpoint of another version of cnnlite, in format "
                f"{metadata.get('format')}, expected {FORMAT}"
            )
        return arrays, metadata

    def check_may_begin(self, solver: TrainingState) -> None:
        """Refuse to begin a training that would write over one which is further.

        A training that has come to its end may be trained again by the same script, with the same
        num_epochs: it comes to the same end, unless its learning rate was changed by hand.

        Raises:
            CheckpointError: the file holds another training, or more of this one than the solver
                has, which did not come from it; or it is no checkpoint at all.
        """
        if solver.saved_to == self.path or not self.path.exists() or not self.path.stat().st_size:
            return
        try:
            _, metadata = self._read()
        except CheckpointError as error:
            raise CheckpointError(
                f"{error}; Solver.train does not write over it: choose another checkpoint path, "
                "or delete it"
            ) from error
        epoch, step = metadata.get("epoch"), metadata.get("step")
        if not isinstance(epoch, int) or not isinstance(step, int) or step <= solver.step:
            return
        wrong = differences(metadata.get("configuration"), configuration(solver))
        same = not wrong and solver.num_epochs == metadata.get("num_epochs")
        changed = lr_was_set(metadata.get("events"))
        if same and (epoch == solver.num_epochs or metadata.get("stopped_by")) and not changed:
            return
        whose = f"another training ({wrong[0]})" if wrong else "this training"
        whose += ", whose learning rate was changed by hand" if changed else ""
        end = "" if wrong else "call resume() to continue it, or "
        raise CheckpointError(
            f"{self.path} holds {whose}, at epoch {epoch}, step {step}; Solver.train would begin "
            f"at step {solver.step} and write over it: {end}"
            "choose another checkpoint path, or delete it"
            + ("; resume() continues it with its own configuration" if wrong else "")
        )

    def _continue(self, solver: TrainingState, arrays: Arrays, metadata: Metadata) -> None:
        """Set the solver to a state that has been read, if it is of the solver's training."""
        wrong = differences(metadata.get("configuration"), configuration(solver))
        if wrong:
            more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise CheckpointError(
                f"{self.path} is of another training: {'; '.join(wrong[:3])}{more}"
            )
        here, there = versions(), metadata.get("versions")
        if isinstance(there, Mapping):  # older ones hold what the bits do not depend on any more
            there = {name: there.get(name, "missing") for name in here}
        for text in differences(there, here):
            warnings.warn(
                f"{self.path}: {text}; the continued run may differ in its last bits", stacklevel=4
            )
        restore(solver, arrays, metadata)


def _warn_of_a_jump(path: Path, solver: TrainingState, metadata: Metadata) -> None:
    """Warn if the last step would have had another learning rate under the new num_epochs."""
    before, last = metadata.get("num_epochs"), solver.step - 1
    if not isinstance(before, int) or before == solver.num_epochs or last < 0:
        return
    total = before * solver.steps_per_epoch
    old = solver.optimizer.lr * solver.schedule(min(last, total - 1), total)
    name = getattr(solver.schedule, "__name__", type(solver.schedule).__name__)
    if last < solver.total_steps and not math.isclose(old, solver.lr_at(last), rel_tol=0.1):
        warnings.warn(
            f"{path}: the learning rate jumps from {old:.3g} to {solver.lr:.3g} at step "
            f"{solver.step}: the schedule {name} was drawn for {before} "
            f"epochs, and now for {solver.num_epochs}",
            stacklevel=4,
        )


def save_weights(path: str | Path, state: Mapping[str, np.ndarray]) -> None:
    """Write a model's parameters and buffers to a safetensors file, which PyTorch can read too.

    Args:
        path: the file; one that is there is replaced, wholly or not at all.
        state: what ``model.state_dict()`` or ``solver.best_params`` gives.

    Raises:
        CheckpointError: the file cannot be written; the old one is untouched.
    """
    _write(Path(path), state, {"kind": "weights", "format": FORMAT})


def most_bytes(model: Layer) -> int:
    """Return how many bytes a file of a network's weights may have, in double precision, too."""
    return 2**20 + 2 * sum(array.nbytes + 512 for array in model.state_dict().values())


def load_weights(path: str | Path, most: int | None = None) -> Arrays:
    """Read a safetensors file of parameters and buffers, from cnnlite or from PyTorch.

    Args:
        path: the file.
        most: bytes that it may have, see `most_bytes`; None where what wrote it is trusted.

    Returns:
        The arrays by key, for ``model.load_state_dict``.

    Raises:
        CheckpointError: the file is missing, damaged, too large, or no safetensors file.
    """
    return _read(Path(path), most=most)[0]


def _write(path: Path, arrays: Mapping[str, np.ndarray], metadata: Metadata) -> None:
    try:
        write_arrays(path, arrays, metadata)
    except StorageError as error:
        raise CheckpointError(str(error)) from error


def _read(
    path: Path, if_missing: str = "", most: int | None = None
) -> tuple[Arrays, Metadata | None]:
    try:
        return read_arrays(path, most)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist{if_missing}") from None
    except StorageError as error:
        raise CheckpointError(str(error)) from error

"""What a training is made of, as plain values: kept in checkpoints, compared when one is loaded."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnlite.training.state import TrainingState
from cnnlite.version import __version__


def configuration(solver: TrainingState) -> dict[str, Any]:
    """Return everything that decides the bits of a training, but for its length.

    num_epochs is left out so that a finished training may be continued.
    """
    forms: dict[str, str] = {}
    for arrays in (solver.model.params, solver.model.buffers):
        forms |= {key: f"{array.dtype} {array.shape}" for key, array in arrays.items()}
        aliases = getattr(arrays, "aliases", {})
        forms |= {key: f"the same array as {home}" for key, home in aliases.items()}
    record = {
        "model": forms,
        "layers": repr(solver.model).splitlines(),
        "batch_size": solver.batch_size,
        "seed": solver.seed,
        "num_train_samples": solver.num_train_samples,
        "num_val_samples": solver.num_val_samples,
        "loss": describe(solver.loss),
        "optimizer": solver.optimizer.config(),
        "schedule": describe(solver.schedule),
        "augment": describe(solver.augment),
        "normalization": describe(solver.normalization),
        "X_train": f"{solver.X_train.dtype} {solver.X_train.shape}",
        "y_train": describe(solver.y_train),
        "X_val": f"{solver.X_val.dtype} {solver.X_val.shape}",
        "y_val": describe(solver.y_val),
    }
    if solver.shards > 1:
        record["shards"] = solver.shards
    for name in ("drop_last", "clip_norm", "clip_value", "ema"):
        value = getattr(solver, name)
        if value not in (None, False):  # checkpoints from before there was such a thing have none
            record[name] = describe(value)
    # What a callback has frozen on the way is not what the training began with.
    frozen = set(getattr(solver.model, "frozen_keys", ()))
    frozen -= {key for callback in solver.callbacks for key in getattr(callback, "frozen", ())}
    if frozen:
        record["frozen"] = sorted(frozen)
    return json.loads(json.dumps(record))  # as it looks when it comes back from a file


def versions() -> dict[str, Any]:
    """Return what else the bits depend on: not the compiler, NumPy or the vectors' width."""
    from cnnlite.backend import backend_name, kernels

    return {
        "cnnlite": __version__,
        "backend": backend_name,
        "fused multiply-add": kernels.fused_multiply_add(),
    }


def check_same(training: TrainingState) -> None:
    """Raise ValueError, on all ranks, unless they have the same training before them.

    They have where the configuration and the whole state are the same.
    """
    ranks = training.ranks
    if ranks.size == 1:
        return
    here = configuration(training) | {
        "num_epochs": training.num_epochs,
        "step": training.step,
        "weights and buffers": _digest_of(training.model.state_dict()),
        "the optimizer's state": _digest_of(training.optimizer.state_dict()),
    }
    first, *others = (json.loads(text) for text in ranks.texts(json.dumps(here)))
    for rank, other in enumerate(others, 1):
        for text in differences(first, other):
            text = text.replace("in the checkpoint", "on rank 0").replace(" here", "")
            raise ValueError(
                f"Solver: the ranks have different trainings before them: {text} on rank {rank}"
            )


def _digest_of(arrays: dict[str, np.ndarray]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for key, array in sorted(arrays.items()):
        found.update(f"{key} {array.dtype} {array.shape}".encode() + array.tobytes())
    return found.hexdigest()


def describe(value: Any) -> Any:
    """Return a plain value that is equal for equal objects, in every process.

    Arrays become a digest, functions and classes their names, objects the name of their class with
    their public attributes.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        digest = hashlib.blake2b(np.asarray(value, order="C").tobytes(), digest_size=8).hexdigest()
        return f"{value.dtype} {value.shape} {digest}"
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
    else:
        names = sorted(name for name in getattr(value, "__dict__", {}) if name[0] != "_")
    return {"name": type(value).__qualname__} | {n: describe(getattr(value, n)) for n in names}


def differences(there: Any, here: Any, name: str = "") -> list[str]:
    """Return a sentence for each value in which two plain records differ."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        found = []
        for key in dict.fromkeys([*there, *here]):
            path = f"{name}.{key}" if name else str(key)
            found += differences(there.get(key, "missing"), here.get(key, "missing"), path)
        return found
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        pairs = enumerate(zip(there, here, strict=True))
        return [text for i, (a, b) in pairs for text in differences(a, b, f"{name}[{i}]")]
    if there == here:
        return []
    return [f"{name} is {_short(there)} in the checkpoint, {_short(here)} here"]


def _short(value: Any) -> str:
    text = str(value).strip()
    return text if len(text) <= 80 else text[:77] + "..."

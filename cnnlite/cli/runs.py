"""A run folder: what a training run leaves behind, and how the other commands read it.

    config.toml                the resolved configuration; `cnnlite train --config` takes it
    record.json                versions, machine, data set, classes and input normalisation
    history.csv                one row an epoch
    weights.safetensors        parameters and buffers of the best validation epoch
    weights-last.safetensors   the same at the end
    checkpoint.safetensors     everything that `cnnlite train --resume` needs
    curves.png                 loss and accuracies (needs the extra `viz`)
"""  # fmt: skip

import contextlib
import errno
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnlite.cli._group import fail
from cnnlite.cli.config import ConfigError, TrainConfig, read, to_toml
from cnnlite.data import Dataset, Normalization, load
from cnnlite.data.unpickle import read_regular_file
from cnnlite.files import replace_file
from cnnlite.layers import Layer
from cnnlite.models import MODELS
from cnnlite.report import history

RUNS = Path("runs")
CONFIG = "config.toml"
RECORD = "record.json"
HISTORY = "history.csv"
WEIGHTS = "weights.safetensors"
LAST_WEIGHTS = "weights-last.safetensors"
CHECKPOINT = "checkpoint.safetensors"
CURVES = "curves.png"
MAX_RECORD = 4 * 2**20  # bytes; a mean image makes it about a tenth of that


@dataclass(frozen=True)
class Run:
    """A finished or interrupted run, read back from its folder."""

    path: Path
    config: TrainConfig
    data_name: str
    class_names: tuple[str, ...]
    normalization: Normalization | None

    def model(self) -> Layer:
        """The run's network with the weights of its best validation epoch.

        Raises:
            OSError, ValueError: the weights are missing, damaged, or of another network.
        """
        from cnnlite.checkpoint import load_weights

        if not (self.path / WEIGHTS).is_file():
            raise FileNotFoundError(self._no_weights())
        model: Layer = MODELS[self.config.model](rng=self.config.seed)
        model.load_state_dict(load_weights(self.path / WEIGHTS))
        return model

    def _no_weights(self) -> str:
        if _has_epochs(self.path / HISTORY):
            return f"{self.path / WEIGHTS}, the weights of the run, is missing"
        stopped = f"{self.path} has no weights yet: its training ended in its first epoch"
        if not (self.path / CHECKPOINT).is_file():
            return stopped
        return f"{stopped}; continue it with cnnlite train --resume {self.path}"

    def data(self, root: Path | None = None) -> Dataset:
        """The data set that the run was trained on.

        Args:
            root: where CIFAR-10 is, if not where it was then.

        Raises:
            OSError, ValueError: it is not there, or damaged.
        """
        return load(self.data_name, root or self.config.data_dir)


def _has_epochs(path: Path) -> bool:
    """Whether a history has rows; a training that ends in its first epoch leaves one without."""
    try:
        return bool(history.load(path))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):  # a damaged one was written by some training
        return True


def create(out: Path | None, model: str) -> Path:
    """Make an empty run folder.

    Args:
        out: the folder; None takes the next number under `runs`.
        model: the network's name, part of a numbered folder's name.

    Raises:
        FileExistsError: `out` exists and is not an empty folder.
    """
    if out is None:
        return _numbered(model)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        hint = "choose another folder with --out"
        if (out / CHECKPOINT).is_file():
            hint = f"continue it with --resume {out}, or {hint}"
        raise FileExistsError(f"{out} is there already and is not written over: {hint}")
    out.mkdir(parents=True, exist_ok=True)
    return out


def _numbered(model: str) -> Path:
    if not RUNS.is_dir():
        try:
            RUNS.mkdir()
        except FileExistsError:  # a file, or a link that leads nowhere
            raise NotADirectoryError(errno.ENOTDIR, "it is not a folder", str(RUNS)) from None
    while True:
        numbers = [
            int(match[0]) for path in RUNS.glob("*") if (match := re.match(r"\d+", path.name))
        ]
        path = RUNS / f"{max(numbers, default=0) + 1:03d}-{model}"
        with contextlib.suppress(FileExistsError):  # another process was faster: look again
            path.mkdir()
            return path


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep a run folder for this process alone.

    The lock is the system's, on the folder itself: it is gone as soon as the process is, however
    that ends.  Windows has no such locks, nor have some network drives; there nothing is done.

    Raises:
        FileExistsError: another process has it.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(
                f"{path} is in use: another process is training into it"
            ) from None
        except OSError:
            pass
        yield
    finally:
        os.close(folder)


def newest() -> Path | None:
    """The folder under `runs` whose weights were written last."""
    weights = sorted(RUNS.glob(f"*/{WEIGHTS}"), key=lambda path: path.stat().st_mtime_ns)
    return weights[-1].parent if weights else None


def newest_run(otherwise: str) -> Path:
    """Return the newest run folder with weights.

    Args:
        otherwise: what a user can do instead, for the line that is printed if there is none.
    """
    path = newest()
    if path is None:
        there = any(RUNS.glob(f"*/{CONFIG}"))
        what = (
            "no run under runs/ has finished an epoch" if there else "there is no run under runs/"
        )
        fail(f"{what}: train one with cnnlite train, or {otherwise}")
    return path


def write_record(path: Path, config: TrainConfig, data: Dataset) -> None:
    """Write config.toml and record.json before the first step."""
    from cnnlite.cli.machine import machine

    normalization = data.normalization
    record = {
        "environment": machine(),
        "data": data.name,
        "class_names": list(data.class_names),
        "images": {key[2:]: len(data[key]) for key in data if key.startswith("X_")},
        "normalization": normalization and {
            "scale": normalization.scale.tolist(),
            "shift": normalization.shift.tolist(),
        },
    }  # fmt: skip
    write_config(path, config)
    replace_file(path / RECORD, (json.dumps(record, indent=2) + "\n").encode())


def write_config(path: Path, config: TrainConfig) -> None:
    """Write config.toml; one that is there is replaced, wholly or not at all."""
    replace_file(path / CONFIG, to_toml(config).encode())


def read_config(path: Path) -> TrainConfig:
    """Read a run folder's configuration.

    Raises:
        FileNotFoundError: `path` is not a run folder.
        ConfigError: its config.toml is damaged.
    """
    if not (path / CONFIG).is_file():
        raise FileNotFoundError(f"{path} is not a run folder: it has no {CONFIG}")
    return read(path / CONFIG)


def open_run(path: Path) -> Run:
    """Read what a run folder says about its network and its input.

    Raises:
        FileNotFoundError: `path` is not a run folder.
        ConfigError: a file of it is damaged.
    """
    config = read_config(path)
    try:
        record = json.loads(read_regular_file(path / RECORD, MAX_RECORD).decode("utf-8"))
        arrays = record["normalization"]
        normalization = None
        if arrays is not None:
            scale, shift = (np.array(arrays[name], np.float32) for name in ("scale", "shift"))
            normalization = Normalization(scale, shift)
        names = tuple(str(name) for name in record["class_names"])
        if not all(name.isprintable() for name in names):  # they go to a terminal
            raise ValueError("a class's name cannot be printed")
        return Run(path, config, str(record["data"]), names, normalization)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{path / RECORD} is damaged: {what}") from None

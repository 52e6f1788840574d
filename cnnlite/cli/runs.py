"""A run folder: what a training run leaves behind, and how the other commands read it.

    config.toml                the resolved configuration; `cnnlite train --config` takes it
    record.json                versions, machine, data set, classes, and how a picture becomes input
    history.csv                one row an epoch
    losses.csv                 the loss of each step
    profile.csv                where the time of some steps went (`--profile`)
    events.jsonl               what was done by hand while it was trained, if anything was
    live.json                  the address of its live page, while there is one
    weights.safetensors        parameters and buffers of the best validation epoch
    weights-last.safetensors   the same at the end
    checkpoint.safetensors     everything that `cnnlite train --resume` needs
    curves.png                 loss and accuracies (needs the extra `viz`)
    report.html                the page of `cnnlite report`
    kept/                      maps, filters and statistics of some epochs (needs the extra `see`)
    model.py                   the file of a network of one's own
"""  # fmt: skip

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.checkpoint import load_weights
from cnnlite.checks.numbers import count
from cnnlite.cli import own_model
from cnnlite.cli._data import data_of
from cnnlite.cli.config import ConfigError, TrainConfig
from cnnlite.cli.config_file import read, to_toml
from cnnlite.cli.own_model import OwnModel
from cnnlite.data import NAMES, Dataset, Normalization
from cnnlite.data.unpickle import read_regular_file
from cnnlite.files import replace_file
from cnnlite.layers import Conv2d, Layer
from cnnlite.models import NETWORKS
from cnnlite.report import history
from cnnlite.report.run_files import CONFIG as CONFIG
from cnnlite.report.run_files import CURVES as CURVES
from cnnlite.report.run_files import EVENTS as EVENTS
from cnnlite.report.run_files import HISTORY as HISTORY
from cnnlite.report.run_files import LOSSES as LOSSES
from cnnlite.report.run_files import PAGE
from cnnlite.report.run_files import RECORD as RECORD
from cnnlite.report.run_files import WEIGHTS as WEIGHTS
from cnnlite.training.checkpoint import most_bytes

LAST_WEIGHTS = "weights-last.safetensors"
CHECKPOINT = "checkpoint.safetensors"
PROFILE = "profile.csv"
FILES = (
    CONFIG, RECORD, HISTORY, LOSSES, EVENTS, WEIGHTS, LAST_WEIGHTS, CHECKPOINT, CURVES, PAGE,
    PROFILE, own_model.COPY,
)  # fmt: skip
MAX_RECORD = 16 * 2**20  # bytes; a mean image of 32x32 makes it a twentieth of one megabyte
OLD = {"image_shape": (3, 32, 32), "settings": {"size": [32, 32], "grey": False, "fit": "crop"}}
"""What every run had before records said so."""


@dataclass(frozen=True)
class Run:
    """A finished or interrupted run, read back from its folder."""

    path: Path
    config: TrainConfig
    data_name: str
    class_names: tuple[str, ...]
    normalization: Normalization | None
    image_shape: tuple[int, ...]
    settings: Mapping[str, Any]  # how a picture becomes an image: see `cnnlite.data.prepare`

    def model(self, named: str | None = None) -> Layer:
        """Return the run's network with the weights of its best validation epoch.

        Args:
            named: FILE.py:FUNCTION of the command line, for a network of one's own.

        Raises:
            OSError, ValueError: the weights are missing, damaged, or of another network, or it is
                a network of one's own whose code may not be run.
        """
        if not (self.path / WEIGHTS).is_file():
            raise FileNotFoundError(_no_weights(self.path))
        own = own_model.of_run(self.path, self.config.model, named)
        model = make_model(self.config, own, len(self.class_names), self.image_shape)
        state = load_weights(self.path / WEIGHTS, most=most_bytes(model))
        try:
            model.load_state_dict(state)
        except ValueError as error:
            raise ConfigError(
                f"{self.path / WEIGHTS} does not fit {self.config.model} with the "
                f"{len(self.class_names)} classes and images {self.image_shape} of {RECORD}: "
                f"{error}"
            ) from None
        return model

    def data(self, root: Path | None = None) -> Dataset:
        """Return the data set that the run was trained on.

        Args:
            root: where it is, if not where it was then.

        Raises:
            OSError, ValueError: it is not there, or damaged, or another one by now.
        """
        place = self.config.data_dir if root is None else str(root)
        data = data_of(moved(replace(self.config, data_dir=place)))
        for what, now, then in (
            ("classes", data.class_names, self.class_names),
            ("images of the shape", data.image_shape, self.image_shape),
        ):
            if now != then:
                raise ValueError(f"{data.name} has {what} {now}, {self.path} was trained on {then}")
        return data


def make_model(
    config: TrainConfig, own: OwnModel | None, num_classes: int, image_shape: tuple[int, ...]
) -> Layer:
    """Return the network of a configuration with its first weights.

    Args:
        config: names the network, and the seed.
        own: the file of a network of one's own, None for one of the zoo.
        num_classes: scores that it gives.
        image_shape: (channels, height, width).

    Raises:
        ValueError: the images are too small for it, or the network of one's own fails.
    """
    model = _first_model(config, own, num_classes, image_shape)
    if config.multiply is not None:
        for _, layer in model.leaves():
            if isinstance(layer, Conv2d):
                layer.multiply = config.multiply
    return model


def _first_model(
    config: TrainConfig, own: OwnModel | None, num_classes: int, image_shape: tuple[int, ...]
) -> Layer:
    if own is not None:
        return own.make(num_classes, image_shape, config.seed)
    try:
        model: Layer = NETWORKS[config.model](
            num_classes=num_classes, input_shape=image_shape, rng=config.seed
        )
    except MemoryError as error:
        raise ConfigError(str(error)) from None
    return model


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Read the best weights of a run folder, or a file of weights.

    Raises:
        OSError, ValueError: they are missing, or damaged.
    """
    path = path.expanduser()
    if path.is_file():
        return load_weights(path)
    if not (path / WEIGHTS).is_file():
        read_config(path)
        raise FileNotFoundError(_no_weights(path))
    return load_weights(path / WEIGHTS)


def _no_weights(path: Path) -> str:
    if _has_epochs(path / HISTORY):
        return f"{path / WEIGHTS}, the weights of the run, is missing"
    stopped = f"{path} has no weights yet: its training ended in its first epoch"
    if not (path / CHECKPOINT).is_file():
        return stopped
    return f"{stopped}; continue it with cnnlite train --resume {path}"


def _has_epochs(path: Path) -> bool:
    """Whether a history has rows; a training that ends in its first epoch leaves one without."""
    try:
        return bool(history.load(path))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):  # a damaged one was written by some training
        return True


def write_record(
    path: Path,
    config: TrainConfig,
    data: Dataset,
    normalization: Normalization | None,
    own: OwnModel | None,
) -> None:
    """Write config.toml, record.json and the copy of an own network, before the first step."""
    from cnnlite.cli._group import commanded
    from cnnlite.cli.machine import machine, sgemm_rate

    record = {
        "command": commanded(),
        "environment": machine(),
        "sgemm": round(sgemm_rate(), 1),
        "data": data.name,
        "class_names": data.classes,
        "images": {key[2:]: len(data[key]) for key in data if key.startswith("X_")},
        "image_shape": data.image_shape,
        "settings": data.settings,
        "normalization": normalization and {
            "scale": normalization.scale.tolist(),
            "shift": normalization.shift.tolist(),
        },
    }  # fmt: skip
    write_config(path, config)
    replace_file(path / RECORD, (json.dumps(record, indent=2) + "\n").encode())
    if own is not None:
        replace_file(path / own_model.COPY, own.source)


def write_config(path: Path, config: TrainConfig) -> None:
    """Write config.toml; one that is there is replaced, wholly or not at all."""
    replace_file(path / CONFIG, to_toml(config).encode())


def read_config(path: Path) -> TrainConfig:
    """Read a run folder's configuration.

    Raises:
        FileNotFoundError: `path` is not a run folder.
        ConfigError: its config.toml is damaged.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is not a run folder: there is no such folder")
    if not (path / CONFIG).is_file():
        raise FileNotFoundError(f"{path} is not a run folder: it has no {CONFIG}")
    config = read(path / CONFIG)
    # Older versions noted a folder that the embedded data set had no use for.
    return replace(config, data_dir=None) if config.data == "embedded" else config


def moved(config: TrainConfig) -> TrainConfig:
    """Take the folder of --data-dir for pictures or arrays that are not where they were.

    Raises:
        FileNotFoundError: they are not there, and no other place is named.
    """
    if config.data in NAMES or os.path.lexists(config.data):
        return config
    if config.data_dir is None:
        raise FileNotFoundError(
            f"{config.data}, the data of the run, is not there any more: --data-dir names its "
            "new place"
        )
    return replace(config, data=os.path.abspath(config.data_dir), data_dir=None)


def open_run(path: Path) -> Run:
    """Read what a run folder says about its network and its input.

    Raises:
        FileNotFoundError: `path` is not a run folder.
        ConfigError: a file of it is damaged.
    """
    config = read_config(path)
    try:
        record = OLD | json.loads(read_regular_file(path / RECORD, MAX_RECORD).decode("utf-8"))
        arrays = record["normalization"]
        normalization = None
        if arrays is not None:
            scale, shift = (np.array(arrays[name], np.float32) for name in ("scale", "shift"))
            normalization = Normalization(scale, shift)
        names = tuple(str(name) for name in record["class_names"])
        if not all(name.isprintable() for name in names):  # they go to a terminal
            raise ValueError("a class's name cannot be printed")
        shape = tuple(count(RECORD, "image_shape", size) for size in record["image_shape"])
        settings = dict(record["settings"])
        return Run(path, config, str(record["data"]), names, normalization, shape, settings)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{path / RECORD} is damaged: {what}") from None

"""A small training that has everything: batch norm, dropout, augmentation, schedule, a short batch.

Used by the tests of Solver and checkpoints, in this process and as a program of its own:

    python -m tests.trainings CHECKPOINT start|resume [EVERY_STEPS]

trains, and prints the fingerprint at the end.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from typing import Any

import numpy as np

from cnnlite.callbacks import Callback
from cnnlite.checkpoint import Checkpoint
from cnnlite.data import RandomCropFlip
from cnnlite.layers import (
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
)
from cnnlite.optim import SGD, no_decay
from cnnlite.schedules import Cosine
from cnnlite.solver import Solver


def images(n: int, seed: int, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright quarter that says the class: uint8 (n, 3, 8, 8), int64 (n,)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    X = rng.integers(0, 120, (n, 3, 8, 8))
    for i, label in enumerate(y):
        X[i, :, 4 * (label // 2) :, 4 * (label % 2) :] += 60
    return X.astype(np.uint8), y


def data(num_train: int = 70, num_val: int = 30) -> dict[str, np.ndarray]:
    X_train, y_train = images(num_train, 1)
    X_val, y_val = images(num_val, 2)
    return {"X_train": X_train, "y_train": y_train, "X_val": X_val, "y_val": y_val}


def model(channels: int = 4) -> Sequential:
    return Sequential(
        Conv2d(3, channels, 3, padding=1, rng=1),
        BatchNorm2d(channels),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Dropout(0.2),
        Linear(channels * 16, 4, rng=2),
    )


def solver(**options: Any) -> Solver:
    network = options.pop("model", None) or model()
    given = options.pop("data", None) or data()
    defaults: dict[str, Any] = {
        "optimizer": SGD(
            0.02,
            momentum=0.9,
            weight_decay=1e-3,
            nesterov=True,
            groups=[{"match": no_decay, "weight_decay": 0}],
        ),
        "schedule": Cosine(warmup=3),
        "augment": RandomCropFlip(1, flip=False),
        "batch_size": 16,
        "num_epochs": 3,
        "num_train_samples": 40,
        "verbose": False,
    }
    return Solver(network, given, **{**defaults, **options})


def options_of(thing: Any) -> dict[str, Any]:
    """The arguments of an object's constructor, from its attributes of the same names."""
    return {name: getattr(thing, name) for name in inspect.signature(type(thing)).parameters}


def fingerprint(trained: Solver) -> str:
    """SHA-256 of everything that must not depend on kills and clocks."""
    digest = hashlib.sha256()
    for arrays in (
        trained.model.state_dict(),
        trained.optimizer.state_dict(),
        trained.best_params,
    ):
        for key in sorted(arrays):
            digest.update(key.encode() + arrays[key].tobytes())
    rows = [
        {key: value for key, value in row.items() if key != "images_per_second"}
        for row in trained.history
    ]
    plain = [
        trained.loss_history,
        trained.train_acc_history,
        trained.val_acc_history,
        trained.best_val_acc,
        rows,
        trained.epoch,
        trained.step,
    ]
    digest.update(json.dumps(plain).encode())
    return digest.hexdigest()


class Recorder(Callback):
    """Writes down which image indices each step takes, and when each method is called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def before_train(self, solver: Solver) -> None:
        self.calls.append("before_train")

    def after_train(self, solver: Solver) -> None:
        self.calls.append("after_train")

    def before_epoch(self, solver: Solver) -> None:
        self.calls.append("before_epoch")

    def after_epoch(self, solver: Solver) -> None:
        self.calls.append("after_epoch")

    def before_step(self, solver: Solver) -> None:
        self.calls.append("before_step")

    def after_step(self, solver: Solver) -> None:
        self.calls.append("after_step")


class StopAt(Callback):
    """Stops the training after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, solver: Solver) -> None:
        if solver.step == self.step:
            solver.stop()


class Spy(Layer):
    """Passes its input on, and keeps a copy of each batch; calls `action` in forward."""

    def __init__(self, action: Any = None) -> None:
        self.seen: list[np.ndarray] = []
        self.trained = 0
        self.action = action

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
        if train:
            self.seen.append(x.copy())
        if self.action is not None:
            self.action(train)
        return x, None

    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple:
        return dy, {}


if __name__ == "__main__":
    path, how = sys.argv[1:3]
    every = int(sys.argv[3]) if len(sys.argv) > 3 else None
    training = solver(checkpoint=Checkpoint(path, every_steps=every))
    print("ready", flush=True)
    training.resume() if how == "resume" else training.train()
    print(fingerprint(training), flush=True)

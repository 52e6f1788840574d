"""The course's Solver: it knows a model by `params` and `loss(X, y)`, and its rules by name.

Batches are drawn with replacement from `np.random`, as the course draws them, so that a notebook's
seed gives the notebook's batches.  `cnnlite.Solver` does it better.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.checks.arrays import as_array
from cnnlite.checks.numbers import count, optional_count, real
from cnnlite.compat.cs231n import optim
from cnnlite.files import replace_file

__all__ = ["Solver"]

Rule = Callable[[Any, Any, dict[str, Any]], tuple[Any, dict[str, Any]]]


class Solver:
    """Train a model by stochastic gradient descent.

    Args:
        model: has `params`, a dict of arrays, and `loss(X, y)`: without y it returns scores, with
            y the loss and a dict of gradients under the keys of `params`.
        data: X_train (N, ...), y_train (N,), X_val, y_val.
        update_rule: the name of a rule of `cnnlite.compat.cs231n.optim`, or a function like them.
        optim_config: settings of the rule, of which each parameter gets a copy.
        lr_decay: what the learning rate is multiplied with after each epoch.
        batch_size, num_epochs: of the training.
        num_train_samples, num_val_samples: how many images accuracies are measured on, or None for
            all.
        print_every: a loss is printed every so many iterations.
        verbose: whether anything is printed.
        checkpoint_name: None, or what the names of checkpoints start with, NAME_epoch_3.pkl:
            pickles of a dict with the model and the histories.

    Attributes:
        loss_history: the loss of every iteration.
        train_acc_history, val_acc_history: after the first iteration, each epoch and the last.
        best_val_acc, best_params: the best so far; the model has these parameters in the end.

    Raises:
        TypeError, ValueError: an argument is unknown or does not fit.
    """

    def __init__(
        self,
        model: Any,
        data: Mapping[str, Any],
        *,
        update_rule: str | Rule = "sgd",
        optim_config: Mapping[str, Any] | None = None,
        lr_decay: float = 1.0,
        batch_size: int = 100,
        num_epochs: int = 10,
        num_train_samples: int | None = 1000,
        num_val_samples: int | None = None,
        print_every: int = 10,
        verbose: bool = True,
        checkpoint_name: str | None = None,
    ) -> None:
        self.model = model
        self.X_train, self.y_train = _split(data, "train")
        self.X_val, self.y_val = _split(data, "val")
        self.update_rule = _rule(update_rule)
        self.optim_config = dict(optim_config or {})
        self.lr_decay = real("Solver", "lr_decay", lr_decay)
        self.batch_size = count("Solver", "batch_size", batch_size)
        self.num_epochs = count("Solver", "num_epochs", num_epochs)
        self.num_train_samples = optional_count("Solver", "num_train_samples", num_train_samples)
        self.num_val_samples = optional_count("Solver", "num_val_samples", num_val_samples)
        self.print_every = count("Solver", "print_every", print_every)
        self.verbose = verbose
        self.checkpoint_name = checkpoint_name
        self.epoch = 0
        self.best_val_acc = 0.0
        self.best_params: dict[str, Any] = {}
        self.loss_history: list[float] = []
        self.train_acc_history: list[float] = []
        self.val_acc_history: list[float] = []
        self.optim_configs = {key: dict(self.optim_config) for key in model.params}

    def train(self) -> None:
        """Train for all epochs, then give the model the parameters that were best in validation."""
        per_epoch = max(len(self.X_train) // self.batch_size, 1)
        iterations = self.num_epochs * per_epoch
        for iteration in range(1, iterations + 1):
            self._step()
            if self.verbose and (iteration - 1) % self.print_every == 0:
                print(f"(Iteration {iteration} / {iterations}) loss: {self.loss_history[-1]:f}")
            epoch_ends = iteration % per_epoch == 0
            if epoch_ends:
                self.epoch += 1
                for config in self.optim_configs.values():
                    config["learning_rate"] *= self.lr_decay
            if epoch_ends or iteration in (1, iterations):
                self._measure()
        if self.best_params:
            self.model.params = self.best_params

    def check_accuracy(
        self, X: Any, y: Any, num_samples: int | None = None, batch_size: int = 100
    ) -> float:
        """Return the part of images that the model classifies rightly.

        Args:
            X, y: images and their classes.
            num_samples: how many of them to draw, with replacement; None for all.
            batch_size: how many are classified at a time.
        """
        if num_samples is not None and len(X) > num_samples:
            drawn = np.random.choice(len(X), num_samples)  # noqa: NPY002 - the course's stream
            X, y = X[drawn], y[drawn]
        predicted = [
            np.argmax(self.model.loss(X[start : start + batch_size]), axis=1)
            for start in range(0, len(X), batch_size)
        ]
        return float(np.mean(np.concatenate(predicted) == y))

    def _step(self) -> None:
        drawn = np.random.choice(len(self.X_train), self.batch_size)  # noqa: NPY002
        loss, grads = self.model.loss(self.X_train[drawn], self.y_train[drawn])
        self.loss_history.append(loss)
        params = self.model.params
        for key in list(params):
            config = self.optim_configs[key]
            params[key], self.optim_configs[key] = self.update_rule(params[key], grads[key], config)

    def _measure(self) -> None:
        train = self.check_accuracy(self.X_train, self.y_train, self.num_train_samples)
        val = self.check_accuracy(self.X_val, self.y_val, self.num_val_samples)
        self.train_acc_history.append(train)
        self.val_acc_history.append(val)
        self._save_checkpoint()
        if self.verbose:
            print(
                f"(Epoch {self.epoch} / {self.num_epochs}) train acc: {train:f}; val_acc: {val:f}"
            )
        if val > self.best_val_acc:
            self.best_val_acc = val
            self.best_params = {key: array.copy() for key, array in self.model.params.items()}

    def _save_checkpoint(self) -> None:
        if self.checkpoint_name is None:
            return
        names = (
            "model", "update_rule", "lr_decay", "optim_config", "batch_size", "num_train_samples",
            "num_val_samples", "epoch", "loss_history", "train_acc_history", "val_acc_history",
        )  # fmt: skip
        path = Path(f"{self.checkpoint_name}_epoch_{self.epoch}.pkl")
        if self.verbose:
            print(f'Saving checkpoint to "{path}"')
        replace_file(path, pickle.dumps({name: getattr(self, name) for name in names}))


def _rule(update_rule: str | Rule) -> Rule:
    if callable(update_rule):
        return update_rule
    if update_rule not in optim.__all__:
        known = ", ".join(map(repr, optim.__all__))
        raise ValueError(f"Solver: update_rule is {update_rule!r}, expected one of {known}")
    return getattr(optim, update_rule)


def _split(data: Mapping[str, Any], split: str) -> tuple[Any, Any]:
    """The images and labels of a split, checked."""
    missing = [key for key in (f"X_{split}", f"y_{split}") if key not in data]
    if missing:
        raise ValueError(f"Solver: data has no {missing[0]!r}, only {sorted(data)}")
    X = as_array("Solver", f"X_{split}", data[f"X_{split}"])
    y = as_array("Solver", f"y_{split}", data[f"y_{split}"])
    if y.ndim != 1 or X.ndim < 2 or len(X) != len(y) or not len(y):
        raise ValueError(
            f"Solver: X_{split} is {X.shape} and y_{split} {y.shape}, expected (N, ...) and (N,), "
            "N at least 1"
        )
    return X, y

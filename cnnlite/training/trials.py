"""What a training can try before it begins: everything is put back afterwards."""

from __future__ import annotations

import functools
import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from cnnlite.checks.numbers import integer, real
from cnnlite.data import batches
from cnnlite.random import Rng
from cnnlite.training.evaluation import accuracy
from cnnlite.training.interruption import TrainingDiverged
from cnnlite.training.lr_find import FEWEST, LRFind, exploded, judged
from cnnlite.training.parts import Parts
from cnnlite.training.rehearsal import rehearse
from cnnlite.training.shards import cut


class Trials(Parts):
    """The parts of a training, and what can be tried with them."""

    _blank_loss, _warned = 0.0, False

    @abstractmethod
    def train_step(self, x: np.ndarray, y: np.ndarray) -> float:
        """Take one step on a batch, and return its loss."""

    def smoke(self) -> float:
        """Take one batch through a step and an evaluation, put everything back, return the loss."""
        self._begin()
        index = next(self._endless_batches())
        with self._put_back():
            loss = self.train_step(self._batch(index), self.targets(index))
            accuracy(self.model, self.X_train, self.y_train, self.normalization, index=index)
        return loss

    def lr_find(self, start_lr: float = 1e-7, end_lr: float = 10.0, num_steps: int = 100) -> LRFind:
        """Try learning rates from low to high, a step each, and suggest one: the range test.

        The rate grows by the same ratio at every step.  The test ends early where the loss
        explodes.  The schedule has no say, groups keep their proportion to the optimizer's rate,
        and callbacks see nothing.  Then weights, optimizer and histories are as before.

        Args:
            start_lr, end_lr: the first and the last rate.
            num_steps: how many.

        Returns:
            The rates and their losses, and a suggestion; `LRFind` says how it is made.

        Raises:
            TypeError, ValueError: an argument is out of range, a part of the training does not fit
                the others, or the loss explodes so early that there is nothing to see.

        Source: Smith, Cyclical learning rates for training neural networks, 2017, section 3.3.
        """
        first = real("Solver.lr_find", "start_lr", start_lr, 0, open_low=True)
        last = real("Solver.lr_find", "end_lr", end_lr, first, open_low=True)
        wanted = integer("Solver.lr_find", "num_steps", num_steps, FEWEST)
        own = self.optimizer.lr
        if not own:
            raise ValueError("Solver.lr_find: the optimizer's lr is 0, expected a number above 0")
        self._begin()
        rates = np.geomspace(first, last, wanted).tolist()
        losses: list[float] = []
        with self._put_back(), np.errstate(over="ignore", invalid="ignore"):
            start = self._losses_of_batches(wanted)
            blank = self._blank_loss if math.isfinite(self._blank_loss) else 0.0
            scale = max(abs(math.fsum(start)) / wanted, blank)
            for rate, index in zip(rates, self._endless_batches(), strict=False):
                self.schedule = functools.partial(_constant, factor=rate / own)
                try:
                    losses.append(self.train_step(self._batch(index), self.targets(index)))
                except TrainingDiverged:
                    break
                if exploded(losses, start, scale):
                    break
        return judged(rates[: len(losses)], losses, start, scale)

    def _losses_of_batches(self, number: int) -> list[float]:
        """Return the losses of the next batches' first shards with the weights as they are."""
        losses = []
        for place, index in enumerate(itertools.islice(self._endless_batches(), number)):
            rng = Rng(self.seed, step=self.step + place)
            index = index[cut(len(index), self.shards)[0]]
            scores, _ = self.model.forward(self._batch(index)[:], train=True, rng=rng)
            losses.append(float(self.loss.forward(scores, self.targets(index))[0]))
        return losses

    def _begin(self) -> None:
        """See that all parts fit, before the first step; note the state to go back to."""
        self.check_finite()
        if self.step < self.total_steps:
            self._blank_loss, self._warned = rehearse(self), False
        self._good = self.snapshot()

    def _endless_batches(self) -> Iterator[np.ndarray]:
        """Yield the images of one batch after the other, from this epoch on."""
        epoch = self.epoch
        while True:
            order = batches.epoch_order(len(self.X_train), epoch, self.seed)
            for step in range(self.steps_per_epoch):
                yield order[step * self.batch_size :][: self.batch_size]
            epoch += 1

    @contextmanager
    def _put_back(self) -> Iterator[None]:
        """Undo what the block does to the model, the optimizer, the average and the histories."""
        before, schedule = self.snapshot(), self.schedule
        seen = self.batch_acc, self.grad_norm
        try:
            yield
        finally:
            with self._interrupt.hold():
                self.go_back(before)
            self.schedule = schedule
            self.batch_acc, self.grad_norm = seen


def _constant(step: int, total_steps: int, factor: float) -> float:
    return factor

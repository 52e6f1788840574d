"""One image through all parts of a training before its first step: what does not fit is named."""

from __future__ import annotations

import math
import warnings

import numpy as np

from cnnlite.data import batches
from cnnlite.data.compose import steps_of
from cnnlite.data.resize import ProgressiveResize
from cnnlite.random import Rng
from cnnlite.training.evaluation import model_dtype, not_finite
from cnnlite.training.interruption import TrainingDiverged
from cnnlite.training.shards import cut, synchronised
from cnnlite.training.state import TrainingState, buffers_put_back

FAR, HOPELESS = 10, 1000
"""How many times its start a loss may be before there is a warning, and before training ends."""
LONG, SHORT = 100, 8
"""Steps that count as long: an epoch's, but at most and at least so many."""


def rehearse(training: TrainingState) -> float:
    """Try the schedule, the augmentation, the loss and a batch of one image; change nothing.

    Returns:
        The loss of scores that are all zero: of a network that has nothing to say.

    Raises:
        ValueError, TypeError: the message names the argument, what it gave and what was expected.
    """
    factor = training.factor_at(training.step)
    if not math.isfinite(factor):
        raise ValueError(
            f"Solver: schedule at step {training.step} is {factor}, expected a finite number"
        )
    training.factor_at(training.total_steps - 1)
    _check_augment(training)
    targets = training.targets(np.arange(min(training.batch_size, len(training.X_train))))
    x = batches.gather(
        training.X_train, np.arange(1), training.normalization, model_dtype(training.model)
    )
    scores = training.model(x)
    _check_loss(training, scores, targets[:1])
    _check_batch_of_one(training, x)
    zeros = np.zeros((len(targets), scores.shape[1]), scores.dtype)
    blank, _ = training.loss.forward(zeros, targets)
    return float(blank)


def _check_augment(training: TrainingState) -> None:
    augment, index = training.augment, np.arange(min(2, len(training.X_train)))
    if augment is None:
        return
    batches.changed(training.X_train, index, augment, training.epoch, training.seed)
    for step, _ in steps_of(augment):
        for epoch in step.sizes if isinstance(step, ProgressiveResize) else ():
            _check_size(training, epoch)


def _check_size(training: TrainingState, epoch: int) -> None:
    """Raise ValueError unless the model takes images of the size that they have in an epoch."""
    dtype, one = model_dtype(training.model), np.arange(1)
    try:
        training.model(
            batches.gather(
                training.X_train, one, training.normalization, dtype, training.augment, epoch
            )
        )
    except ValueError as error:
        raise ValueError(
            f"Solver: the training cannot go on with the images that augment gives from epoch "
            f"{epoch} on: {error}"
        ) from error


def _check_loss(training: TrainingState, scores: np.ndarray, targets: np.ndarray) -> None:
    loss, name = training.loss, type(training.loss).__name__
    try:
        result = loss.forward(scores, targets)
    except (ValueError, TypeError) as error:
        what, takers = (
            "labels",
            "the numbers of classes, as CrossEntropyLoss, FocalLoss and HingeLoss",
        )
        if targets.ndim == 2:
            what, takers = "targets", "floats, as CrossEntropyLoss, BCEWithLogitsLoss and MSELoss"
        why = "" if targets.ndim == training.y_train.ndim else ", which the augmentation mixes"
        raise type(error)(
            f"Solver: the loss {name} does not take scores {scores.shape} with {what} "
            f"{targets.shape}{why}, {takers} do; it says: {error}"
        ) from error
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"Solver: {name}.forward gives {result!r:.60}, expected a pair: the loss and a cache"
        )
    value, cache = result
    if np.ndim(value) or not isinstance(value, int | float | np.number | np.ndarray):
        what = f"an array {np.shape(value)}" if np.ndim(value) else repr(value)
        hint = " (reduction is 'none')" if getattr(loss, "reduction", None) == "none" else ""
        raise TypeError(
            f"Solver: {name}.forward gives {what} for one image{hint}, expected one number for "
            "the batch: its mean or its sum"
        )
    dscores = loss.backward(cache)
    if not isinstance(dscores, np.ndarray) or dscores.shape != scores.shape:
        what = dscores.shape if isinstance(dscores, np.ndarray) else repr(dscores)
        raise TypeError(f"Solver: {name}.backward gives {what}, expected an array {scores.shape}")


def _check_batch_of_one(training: TrainingState, x: np.ndarray) -> None:
    """Try to train on one image, if there will be such a shard: batch-norm may need two."""
    images, size, shards = len(training.X_train), training.batch_size, training.shards
    model, fault, last = training.model, "", 0 if training.drop_last else images % size
    least = [part.stop - part.start for n in (size, last or size) for part in cut(n, shards)]
    together = shards > 1 and synchronised(model)
    if together and not all(least):
        raise ValueError(
            f"Solver: a batch of {last or size} images does not fill {shards} shards, and "
            "SyncBatchNorm needs images in each; pass drop_last=True, or fewer shards"
        )
    if together or 1 not in least:
        return
    with buffers_put_back(model):
        try:
            scores, _ = model.forward(x, train=True, rng=Rng(training.seed, step=training.step))
            bad = not_finite({"scores": scores, **model.buffers})
            fault = f"{bad} would not be finite" if bad else ""
        except (ValueError, TypeError) as error:
            fault = str(error)
    if fault and shards > 1:
        raise ValueError(
            f"Solver: shards is {shards}, so that some shards have one image only ({images} images "
            f"in batches of {size}), and the model cannot be trained on one: {fault}; pass fewer "
            "shards, drop_last=True, or another batch_size"
        )
    if fault and size == 1:
        raise ValueError(
            f"Solver: batch_size is 1, and the model cannot be trained on one image: {fault}"
        )
    if fault:
        raise ValueError(
            f"Solver: the last batch of an epoch has one image only ({images} images in batches "
            f"of {size}), and the model cannot be trained on one: {fault}; pass drop_last=True, "
            "or another batch_size"
        )


def check_loss_history(training: TrainingState, blank: float, warn: bool) -> bool:
    """Compare the last losses, those of an epoch or of LONG steps, with the start.

    The start is the first loss, or the loss of scores that are all zero if that is larger: a
    network that begins nearly perfect, as in fine-tuning, may well have a larger loss for a while.

    Args:
        training: its history is what is looked at.
        blank: the loss of scores that are all zero, from `rehearse`.
        warn: whether a warning is wanted where the loss is FAR above its start.

    Returns:
        Whether it is.

    Raises:
        TrainingDiverged: it is so far above that nothing can come of the training any more.
    """
    losses, step = training.loss_history, training.step
    long = min(LONG, max(SHORT, training.steps_per_epoch))
    if step < long or not (math.isfinite(blank) and blank > 0):
        return False
    if step % LONG and step % training.steps_per_epoch:
        return False
    usual, start = float(np.median(losses[-long:])), max(blank, losses[0])
    if usual <= FAR * start:
        return False
    what = (
        f"over the last {long} steps it was {usual:.3g} (the median), and it began at "
        f"{losses[0]:.3g}; a network that says nothing has {blank:.3g}"
    )
    lr = training.lr_at(step - 1)
    what += "; the model keeps its last weights"
    error = TrainingDiverged(losses[-1], step - 1, lr, what, losses)
    if usual > HOPELESS * start:
        raise error
    if warn:
        warnings.warn(f"training may have diverged: {error}", RuntimeWarning, stacklevel=2)
    return True

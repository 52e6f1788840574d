"""Trainings on imbalanced classes, with one remedy at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnlite.data import Dataset
from cnnlite.evaluation import predictions, scores_of_batches
from cnnlite.labs.generalisation.experiment import LR, MOMENTUM, network, solver_of
from cnnlite.labs.imbalance.counting import confusion
from cnnlite.losses import CrossEntropyLoss, FocalLoss, class_balanced_weight
from cnnlite.optim import SGD

WEIGHT_DECAY = 1e-3
GAMMA, BETA = 2.0, 0.999
SHIFTED = "cross-entropy, scores less log share"


def remedies(counts: np.ndarray) -> dict[str, Any]:
    """Return the losses by name: focal loss, class-balanced weights, both, and neither."""
    weight = class_balanced_weight(counts, BETA)
    return {
        "cross-entropy": CrossEntropyLoss(),
        "focal loss": FocalLoss(GAMMA),
        "class-balanced": CrossEntropyLoss(weight),
        "class-balanced focal": FocalLoss(GAMMA, weight),
    }


@dataclass(frozen=True)
class Outcome:
    """The result of a training, on validation images.

    Args:
        matrix: the confusion matrix.
        shifted: the same after subtracting from each class's score the logarithm of its share of
            the training images.
    """

    matrix: np.ndarray
    shifted: np.ndarray


def train(data: Dataset, loss: Any, epochs: int, seed: int = 0) -> Outcome:
    """Train on the imbalanced classes and evaluate the validation images.

    Args:
        data: training images in any numbers, validation images.
        loss: what to minimise.
        epochs: how long.
        seed: seed of weights and batches.
    """
    model, classes = network(seed=seed), len(data.class_names)
    optimizer = SGD(LR, MOMENTUM, weight_decay=WEIGHT_DECAY)
    solver_of(model, data, epochs, seed, loss=loss, optimizer=optimizer).train()
    truth = data["y_val"]
    parts = [scores for _, scores in scores_of_batches(model, data["X_val"], data.normalization)]
    scores = np.concatenate(parts)
    share = np.bincount(data["y_train"], minlength=classes) / len(data["y_train"])
    found = (predictions(scores), predictions(scores - np.log(share)))
    return Outcome(*(confusion(truth, labels, classes) for labels in found))

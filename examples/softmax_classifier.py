"""Softmax classifier: one linear layer on the pixels.

The floor that every other network is measured against.
"""

from harness import run

from cnnlite.models import softmax_classifier
from cnnlite.schedules import Cosine

RECIPE = {
    "num_epochs": 10,
    "batch_size": 100,
    "lr": 0.01,
    "momentum": 0.9,
    "weight_decay": 1e-3,
    "schedule": Cosine(),
}

if __name__ == "__main__":
    run(__doc__, softmax_classifier, **RECIPE)

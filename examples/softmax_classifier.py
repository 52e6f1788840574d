"""Softmax classifier on CIFAR-10: 40.75% test after 10 epochs, in 2 seconds.

One linear layer on the pixels: the floor that every other network is measured against.

One run with seed 0 on 2 cores (AMD EPYC, Zen 5), on the JPEG copy of CIFAR-10.
"""

from harness import run

from cnnlite.models import softmax_classifier
from cnnlite.schedules import Cosine

RECIPE = {
    "num_epochs": 10,
    "batch_size": 100,
    "lr": 0.001,
    "momentum": 0.9,
    "weight_decay": 1e-3,
    "schedule": Cosine(),
}

if __name__ == "__main__":
    run(__doc__, softmax_classifier, **RECIPE)

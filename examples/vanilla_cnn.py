"""Vanilla CNN on CIFAR-10: 63.80% test after 10 epochs, in 21 seconds.

The problem set's network: convolution 7x7x32 without padding, ReLU, pool, and the classifier.

One run with seed 0 on 2 cores (AMD EPYC, Zen 5), on the JPEG copy of CIFAR-10.
"""

from harness import run

from cnnlite.models import vanilla_cnn
from cnnlite.schedules import Cosine

RECIPE = {
    "num_epochs": 10,
    "batch_size": 100,
    "lr": 0.02,
    "momentum": 0.9,
    "weight_decay": 1e-3,
    "schedule": Cosine(),
}

if __name__ == "__main__":
    run(__doc__, vanilla_cnn, **RECIPE)

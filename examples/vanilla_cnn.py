"""Vanilla CNN of the problem set (conv 7x7x32 without padding, ReLU, pool, 10).

One convolution, straight into the classifier.
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

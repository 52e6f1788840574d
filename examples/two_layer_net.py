"""Two-layer network on CIFAR-10: 53.03% test after 10 epochs, in 4 seconds.

What 100 hidden units make of pixels, without convolution.

One run with seed 0 on 2 cores (AMD EPYC, Zen 5), on the JPEG copy of CIFAR-10.
"""

from harness import run

from cnnlite.models import two_layer_net
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
    run(__doc__, two_layer_net, **RECIPE)

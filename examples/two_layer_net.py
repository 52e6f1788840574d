"""Two-layer network (100 hidden units).

What pixels without convolution can do.
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

"""Three-layer ConvNet (conv 7x7x32, pool, 100, 10).

The classic first network of the course, by its plain recipe: no augmentation, no batch-norm.
"""

from harness import run

from cnnlite.models import three_layer_convnet
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
    run(__doc__, three_layer_convnet, **RECIPE)

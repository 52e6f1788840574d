"""Three-layer ConvNet on CIFAR-10: 69.13% test after 10 epochs, 56.0% validation after one.

Convolution 7x7x32, pool, 100, 10: the first network of the course, by its plain recipe, without
augmentation or batch-norm. Takes 38 seconds.

One run with seed 0 on 2 cores (AMD EPYC, Zen 5), on the JPEG copy of CIFAR-10.
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

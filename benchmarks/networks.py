"""The networks of the comparison: those of the zoo, and that of the airbench recipe."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from cnnlite import models
from cnnlite.layers import (
    GELU,
    BatchNorm2d,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Sequential,
)
from cnnlite.random import RngLike, init_generator

IMAGE = (3, 32, 32)


def airbench(dtype: npt.DTypeLike = np.float32, rng: RngLike = None) -> Sequential:
    """The 64/256/256 network that reaches 94% on CIFAR-10, with all its layers trained.

    Its first layer, which the recipe sets to a whitening of 2x2 patches, begins here like any
    other; the constant factor behind the last layer is left out.

    Returns:
        Conv2d(3, 24, 2) - GELU, three times (Conv2d - MaxPool2d(2) - BatchNorm2d - GELU - Conv2d -
        BatchNorm2d - GELU) with 64, 256 and 256 filters, MaxPool2d(3) - Flatten - Linear.

    Source:
        K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.1.
    """
    rng = init_generator(rng)
    model = Sequential(Conv2d(3, 24, 2, dtype=dtype, rng=rng), GELU())
    channels = 24
    for width in (64, 256, 256):
        for inputs, pools in ((channels, [MaxPool2d(2)]), (width, [])):
            conv = Conv2d(inputs, width, 3, padding=1, bias=False, dtype=dtype, rng=rng)
            norm = BatchNorm2d(width, eps=1e-12, momentum=0.4, dtype=dtype)
            for layer in (conv, *pools, norm, GELU()):
                model.append(layer)
        channels = width
    model.append(MaxPool2d(3)).append(Flatten())
    return model.append(Linear(channels, 10, bias=False, dtype=dtype, rng=rng))


@dataclass(frozen=True)
class Network:
    """A network, and how many images a training step of it takes."""

    name: str
    make: Callable[..., Sequential]  # called with dtype and rng
    batch: int = 128


NETWORKS = {
    network.name: network
    for network in (
        Network("vanilla CNN", models.vanilla_cnn),
        Network("three-layer ConvNet", models.three_layer_convnet),
        Network("VGG", partial(models.small_vgg, batch_norm=False)),
        Network("VGG, batch-norm", models.small_vgg),
        Network("ResNet-20", models.resnet20),
        Network("airbench 64/256/256", airbench, batch=500),
    )
}


def inference_flops(network: Network) -> int:
    """Floating-point operations of one image forwards, by the definition of its layers."""
    return 2 * network.make(rng=0).summary(IMAGE).multiply_adds


def step_flops(network: Network) -> int:
    """Those of one training step; nobody needs the gradient of the images themselves."""
    first = 2 * network.make(rng=0).summary(IMAGE).rows[1].multiply_adds
    return network.batch * (3 * inference_flops(network) - first)

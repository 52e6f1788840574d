"""The networks of the comparison: those of the zoo, and that of the airbench recipe."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cnnlite import models
from cnnlite.layers import Sequential

IMAGE = (3, 32, 32)


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
        Network("airbench 64/256/256", models.airbench, batch=500),
    )
}


def inference_flops(network: Network) -> int:
    """Floating-point operations of one image forwards, by the definition of its layers."""
    return 2 * network.make(rng=0).summary(IMAGE).multiply_adds


def step_flops(network: Network) -> int:
    """Those of one training step; nobody needs the gradient of the images themselves."""
    first = 2 * network.make(rng=0).summary(IMAGE).rows[1].multiply_adds
    return network.batch * (3 * inference_flops(network) - first)

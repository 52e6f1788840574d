"""Networks: the containers to build them from, and a zoo of ready ones.

`MODELS` lists the zoo by name.  Every entry is called with `num_classes=10`,
`input_shape=(3, 32, 32)`, `dtype=np.float32` and `rng=None`, and returns a Sequential.  It takes
images of any size and number of channels; where they are too small for its layers, the error names
the smallest size.
"""

from collections.abc import Callable

from cnnlite.layers import Residual, Sequential
from cnnlite.models.airbench import airbench, airbench_narrow
from cnnlite.models.plain import (
    softmax_classifier,
    three_layer_convnet,
    two_layer_net,
    vanilla_cnn,
)
from cnnlite.models.resnet import ZeroPadShortcut, resnet20, resnet32, resnet_cifar
from cnnlite.models.transfer import Matching, freeze_layers, load_matching
from cnnlite.models.vgg import small_vgg

__all__ = [
    "MODELS",
    "NETWORKS",
    "Residual",
    "Sequential",
    "ZeroPadShortcut",
    "airbench",
    "airbench_narrow",
    "resnet20",
    "resnet32",
    "resnet_cifar",
    "Matching",
    "freeze_layers",
    "load_matching",
    "small_vgg",
    "softmax_classifier",
    "three_layer_convnet",
    "two_layer_net",
    "vanilla_cnn",
]

MODELS: dict[str, Callable[..., Sequential]] = {
    network.__name__: network
    for network in (
        *(softmax_classifier, two_layer_net, three_layer_convnet, vanilla_cnn, small_vgg),
        *(resnet20, resnet32),
    )
}

NETWORKS: dict[str, Callable[..., Sequential]] = MODELS | {
    network.__name__: network for network in (airbench, airbench_narrow)
}
"""By name, all that the command line knows: the zoo, and the networks of the fast recipes."""

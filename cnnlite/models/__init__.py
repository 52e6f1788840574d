"""Networks: the containers to build them of, and a zoo of ready ones.

`MODELS` lists the zoo by name.  Every entry is called with `num_classes=10`,
`input_shape=(3, 32, 32)`, `dtype=np.float32` and `rng=None`, and returns a Sequential.  It takes
images of any size and number of channels; where they are too small for its layers, the error names
the smallest size.
"""

from collections.abc import Callable

from cnnlite.layers import Residual, Sequential
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
    "Sequential",
    "Residual",
    "softmax_classifier",
    "two_layer_net",
    "three_layer_convnet",
    "vanilla_cnn",
    "small_vgg",
    "resnet20",
    "resnet32",
    "resnet_cifar",
    "ZeroPadShortcut",
    "Matching",
    "freeze_layers",
    "load_matching",
]

MODELS: dict[str, Callable[..., Sequential]] = {
    "softmax_classifier": softmax_classifier,
    "two_layer_net": two_layer_net,
    "three_layer_convnet": three_layer_convnet,
    "vanilla_cnn": vanilla_cnn,
    "small_vgg": small_vgg,
    "resnet20": resnet20,
    "resnet32": resnet32,
}

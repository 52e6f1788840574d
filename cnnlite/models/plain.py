"""The networks of a first course: from a linear classifier to a small convolutional network.

Each takes the number of classes, the shape of one image (channels, height, width), a dtype, and
`rng` (None, an integer or a generator) for its first weights.
"""

import numpy as np
import numpy.typing as npt

from cnnlite.checks.numbers import count
from cnnlite.layers import Conv2d, MaxPool2d, ReLU, Sequential
from cnnlite.models._images import CIFAR, Builder
from cnnlite.random import RngLike

__all__ = ["softmax_classifier", "three_layer_convnet", "two_layer_net", "vanilla_cnn"]


def softmax_classifier(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """Return one linear layer on the pixels; the softmax is in the loss.

    Returns:
        Flatten - Linear.
    """
    builder = Builder("softmax_classifier", num_classes, input_shape, dtype, rng)
    return builder.finish(Sequential())


def two_layer_net(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    hidden_size: int = 100,
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """Return two linear layers with a ReLU between them.

    Args:
        num_classes, input_shape, dtype, rng: see above.
        hidden_size: outputs of the first layer.

    Returns:
        Flatten - Linear - ReLU - Linear.
    """
    name = "two_layer_net"
    builder = Builder(name, num_classes, input_shape, dtype, rng)
    return builder.finish(Sequential(), count(name, "hidden_size", hidden_size))


def three_layer_convnet(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    num_filters: int = 32,
    filter_size: int = 7,
    hidden_size: int = 100,
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """Return a convolution and two linear layers.

    Args:
        num_classes, input_shape, dtype, rng: see above.
        num_filters, filter_size: of the convolution, padded by filter_size // 2 on all sides.
        hidden_size: outputs of the first linear layer.

    Returns:
        Conv2d - ReLU - MaxPool2d(2) - Flatten - Linear - ReLU - Linear.
    """
    name = "three_layer_convnet"
    builder = Builder(name, num_classes, input_shape, dtype, rng)
    num_filters = count(name, "num_filters", num_filters)
    hidden_size = count(name, "hidden_size", hidden_size)
    size = count(name, "filter_size", filter_size)
    conv = Conv2d(builder.channels, num_filters, size, padding=size // 2, **builder.options)
    return builder.finish(Sequential(conv, ReLU(), MaxPool2d(2)), hidden_size)


def vanilla_cnn(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """Return the problem set's network: 32 filters of 7x7, not padded, and a linear layer.

    Returns:
        Conv2d - ReLU - MaxPool2d(2) - Flatten - Linear.
    """
    builder = Builder("vanilla_cnn", num_classes, input_shape, dtype, rng)
    conv = Conv2d(builder.channels, 32, 7, **builder.options)
    return builder.finish(Sequential(conv, ReLU(), MaxPool2d(2)))

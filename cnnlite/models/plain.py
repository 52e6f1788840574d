"""The networks of a first course: from a linear classifier to a small convolutional network.

Each takes the number of classes, the shape of one image (channels, height, width), a dtype, and
`rng` (None, an integer or a generator) for its first weights.
"""

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import float_dtype
from cnnlite.checks.numbers import count
from cnnlite.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from cnnlite.models._images import CIFAR, count_features, image_channels
from cnnlite.random import RngLike, init_generator

__all__ = ["softmax_classifier", "three_layer_convnet", "two_layer_net", "vanilla_cnn"]


def softmax_classifier(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """One linear layer on the pixels; the softmax is in the loss.

    Returns:
        Flatten - Linear.
    """
    name = "softmax_classifier"
    num_classes, dtype = count(name, "num_classes", num_classes), float_dtype(name, dtype)
    model = Sequential(Flatten())
    pixels = count_features(model, name, input_shape, dtype)
    return model.append(Linear(pixels, num_classes, dtype=dtype, rng=init_generator(rng, name)))


def two_layer_net(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    hidden_size: int = 100,
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """Two linear layers with a ReLU between them.

    Args:
        num_classes, input_shape, dtype, rng: see above.
        hidden_size: outputs of the first layer.

    Returns:
        Flatten - Linear - ReLU - Linear.
    """
    name = "two_layer_net"
    num_classes = count(name, "num_classes", num_classes)
    hidden_size = count(name, "hidden_size", hidden_size)
    dtype, rng = float_dtype(name, dtype), init_generator(rng, name)
    model = Sequential(Flatten())
    pixels = count_features(model, name, input_shape, dtype)
    model.append(Linear(pixels, hidden_size, dtype=dtype, rng=rng))
    model.append(ReLU())
    return model.append(Linear(hidden_size, num_classes, dtype=dtype, rng=rng))


def three_layer_convnet(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    num_filters: int = 32,
    filter_size: int = 7,
    hidden_size: int = 100,
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """A convolution and two linear layers.

    Args:
        num_classes, input_shape, dtype, rng: see above.
        num_filters, filter_size: of the convolution, padded by filter_size // 2 on all sides.
        hidden_size: outputs of the first linear layer.

    Returns:
        Conv2d - ReLU - MaxPool2d(2) - Flatten - Linear - ReLU - Linear.
    """
    name = "three_layer_convnet"
    num_classes = count(name, "num_classes", num_classes)
    num_filters = count(name, "num_filters", num_filters)
    hidden_size = count(name, "hidden_size", hidden_size)
    padding = count(name, "filter_size", filter_size) // 2
    dtype, rng = float_dtype(name, dtype), init_generator(rng, name)
    channels = image_channels(name, input_shape)
    model = Sequential(
        Conv2d(channels, num_filters, filter_size, padding=padding, dtype=dtype, rng=rng),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
    )
    features = count_features(model, name, input_shape, dtype)
    model.append(Linear(features, hidden_size, dtype=dtype, rng=rng))
    model.append(ReLU())
    return model.append(Linear(hidden_size, num_classes, dtype=dtype, rng=rng))


def vanilla_cnn(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """The problem set's network: 32 filters of 7x7 without padding, and a linear layer.

    Returns:
        Conv2d - ReLU - MaxPool2d(2) - Flatten - Linear.
    """
    name = "vanilla_cnn"
    num_classes = count(name, "num_classes", num_classes)
    dtype, rng = float_dtype(name, dtype), init_generator(rng, name)
    channels = image_channels(name, input_shape)
    model = Sequential(
        Conv2d(channels, 32, 7, dtype=dtype, rng=rng),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
    )
    features = count_features(model, name, input_shape, dtype)
    return model.append(Linear(features, num_classes, dtype=dtype, rng=rng))

"""A small network in the manner of VGG: 3x3 convolutions in pairs, then pooling."""

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import float_dtype
from cnnlite.checks.numbers import count, flag
from cnnlite.layers import BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from cnnlite.models._images import CIFAR, count_features, image_channels
from cnnlite.random import RngLike, init_generator

__all__ = ["small_vgg"]

WIDTHS = (32, 64, 128)
"""Filters of each pair of convolutions; every pair ends in a pooling that halves the image."""


def small_vgg(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    batch_norm: bool = True,
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """32-32-pool-64-64-pool-128-128-pool and a linear layer.

    Args:
        num_classes: outputs.
        input_shape: (channels, height, width) of an image.
        batch_norm: put a BatchNorm2d behind each convolution, in place of its bias.
        dtype: np.float32 or np.float64.
        rng: where the first weights come from.

    Returns:
        (Conv2d - [BatchNorm2d] - ReLU, twice, MaxPool2d), three times, Flatten - Linear.

    Source:
        Simonyan and Zisserman, "Very deep convolutional networks for large-scale image
        recognition", ICLR 2015, section 2.1.
    """
    name = "small_vgg"
    num_classes = count(name, "num_classes", num_classes)
    batch_norm = flag(name, "batch_norm", batch_norm)
    dtype, rng = float_dtype(name, dtype), init_generator(rng, name)
    channels = image_channels(name, input_shape)
    model = Sequential()
    for width in WIDTHS:
        for inputs in (channels, width):
            model.append(
                Conv2d(inputs, width, 3, padding=1, bias=not batch_norm, dtype=dtype, rng=rng)
            )
            if batch_norm:
                model.append(BatchNorm2d(width, dtype=dtype))
            model.append(ReLU())
        model.append(MaxPool2d(2))
        channels = width
    model.append(Flatten())
    features = count_features(model, name, input_shape, dtype)
    return model.append(Linear(features, num_classes, dtype=dtype, rng=rng))

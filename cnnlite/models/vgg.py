"""A small network in the manner of VGG: 3x3 convolutions in pairs, then pooling."""

import numpy as np
import numpy.typing as npt

from cnnlite.checks.numbers import flag
from cnnlite.layers import BatchNorm2d, Conv2d, MaxPool2d, ReLU, Sequential
from cnnlite.models._images import CIFAR, Builder
from cnnlite.random import RngLike

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
    """Return 32-32-pool-64-64-pool-128-128-pool and a linear layer.

    Args:
        num_classes: outputs.
        input_shape: (channels, height, width) of an image.
        batch_norm: put a BatchNorm2d after each convolution, in place of its bias.
        dtype: np.float32 or np.float64.
        rng: where the first weights come from.

    Returns:
        (Conv2d - [BatchNorm2d] - ReLU, twice, MaxPool2d), three times, Flatten - Linear.

    Source:
        Simonyan and Zisserman, "Very deep convolutional networks for large-scale image
        recognition", ICLR 2015, section 2.1.
    """
    builder = Builder("small_vgg", num_classes, input_shape, dtype, rng)
    bias = not flag("small_vgg", "batch_norm", batch_norm)
    model, channels = Sequential(), builder.channels
    for width in WIDTHS:
        for inputs in (channels, width):
            model.append(Conv2d(inputs, width, 3, padding=1, bias=bias, **builder.options))
            if batch_norm:
                model.append(BatchNorm2d(width, dtype=builder.options["dtype"]))
            model.append(ReLU())
        model.append(MaxPool2d(2))
        channels = width
    return builder.finish(model)

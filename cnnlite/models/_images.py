"""What the zoo's networks need to know about their images."""

import itertools

import numpy as np

from cnnlite.checks.arrays import allocate
from cnnlite.checks.numbers import count
from cnnlite.layers import Sequential

__all__ = ["CIFAR", "count_features", "image_channels"]

CIFAR = (3, 32, 32)
"""Channels, height and width of CIFAR's images."""


def image_channels(model: str, input_shape: tuple[int, ...]) -> int:
    """Return the channels of an image.

    Args:
        model: the network's name, for the message.
        input_shape: (channels, height, width).

    Raises:
        ValueError: it is not three positive integers.
    """
    try:
        channels, _, _ = (count(model, "input_shape", size) for size in input_shape)
    except (TypeError, ValueError):
        raise ValueError(
            f"{model}: input_shape is {input_shape!r}, expected (channels, height, width)"
        ) from None
    return channels


def count_features(
    features: Sequential, model: str, input_shape: tuple[int, ...], dtype: np.dtype
) -> int:
    """Return how many numbers the layers make of one image, by showing them one.

    Args:
        features: layers that end in (N, D).
        model: the network's name, for the message.
        input_shape: (channels, height, width).
        dtype: of the layers.

    Raises:
        ValueError: the image is too small for the layers, and the message names the smallest size;
            or it is so large that it cannot exist.
        MemoryError: there is not enough memory for it.
    """
    channels = image_channels(model, input_shape)
    _, height, width = input_shape
    image = allocate(model, "an image", (1, *input_shape), dtype, 0, "1, *input_shape")
    try:
        return features(image).shape[1]
    except ValueError:
        smallest = next(
            side for side in itertools.count(1) if _fits(features, channels, side, dtype)
        )
        raise ValueError(
            f"{model}: images of {height}x{width} pixels are too small for its convolutions and "
            f"poolings, expected at least {smallest}x{smallest}"
        ) from None


def _fits(features: Sequential, channels: int, side: int, dtype: np.dtype) -> bool:
    try:
        features(np.zeros((1, channels, side, side), dtype))
    except ValueError:
        return False
    return True

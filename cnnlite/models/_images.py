"""What the zoo's networks need to know about their images."""

import itertools

import numpy as np

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
        ValueError: the image is too small for the layers; the message names the smallest size.
    """
    channels = image_channels(model, input_shape)

    def features_of(height: int, width: int) -> int | None:
        try:
            return features(np.zeros((1, channels, height, width), dtype)).shape[1]
        except ValueError:
            return None

    _, height, width = input_shape
    found = features_of(height, width)
    if found is None:
        smallest = next(size for size in itertools.count(1) if features_of(size, size))
        raise ValueError(
            f"{model}: images of {height}x{width} pixels are too small for its convolutions and "
            f"poolings, expected at least {smallest}x{smallest}"
        )
    return found

"""What the zoo's networks have in common: arguments, images, and the classifier at the end."""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import allocate, float_dtype
from cnnlite.checks.numbers import count
from cnnlite.layers import Flatten, Linear, ReLU, Sequential
from cnnlite.random import RngLike, init_generator

__all__ = ["CIFAR", "Builder"]

CIFAR = (3, 32, 32)
"""Channels, height and width of CIFAR's images."""


class Builder:
    """Builds a network from the arguments that all networks of the zoo take.

    Args:
        name: the network's name, for messages.
        num_classes: outputs of the network.
        input_shape: (channels, height, width) of an image.
        dtype: np.float32 or np.float64.
        rng: where the first weights come from: None, an integer or a generator.

    Attributes:
        channels: of an image.
        options: dtype and rng, as layers take them.

    Raises:
        TypeError, ValueError: an argument is something else.
    """

    def __init__(
        self,
        name: str,
        num_classes: int,
        input_shape: tuple[int, ...],
        dtype: npt.DTypeLike,
        rng: RngLike,
    ) -> None:
        self.name = name
        self.num_classes, self.input_shape = count(name, "num_classes", num_classes), input_shape
        self.options: dict[str, Any] = {
            "dtype": float_dtype(name, dtype),
            "rng": init_generator(rng, name),
        }
        try:
            self.channels, _, _ = (count(name, "input_shape", size) for size in input_shape)
        except (TypeError, ValueError):
            raise ValueError(
                f"{name}: input_shape is {input_shape!r}, expected (channels, height, width)"
            ) from None

    def finish(
        self, model: Sequential, *hidden: int, features: int = 0, bias: bool = True
    ) -> Sequential:
        """Append Flatten and linear layers, with ReLU between them, and return the model.

        Args:
            model: layers that take images.
            hidden: outputs of the linear layers before the last one.
            features: numbers per image after Flatten; 0 to find out by showing the model an image.
            bias: whether the last layer has one.

        Raises:
            ValueError: the image is too small for the layers, and the message names the smallest
                size; or it is so large that it cannot exist.
            MemoryError: there is not enough memory for it.
        """
        model.append(Flatten())
        features = features or self._count_features(model)
        for outputs in hidden:
            model.append(Linear(features, outputs, **self.options)).append(ReLU())
            features = outputs
        return model.append(Linear(features, self.num_classes, bias, **self.options))

    def _count_features(self, model: Sequential) -> int:
        """Return how many numbers the model makes of one image, by showing it one."""
        shape = (1, *self.input_shape)
        image = allocate(self.name, "an image", shape, self.options["dtype"], 0, "1, *input_shape")
        try:
            return model(image).shape[1]
        except ValueError:
            smallest = next(side for side in itertools.count(1) if self._fits(model, side))
            _, height, width = self.input_shape
            raise ValueError(
                f"{self.name}: images of {height}x{width} pixels are too small for its "
                f"convolutions and poolings, expected at least {smallest}x{smallest}"
            ) from None

    def _fits(self, model: Sequential, side: int) -> bool:
        try:
            model(np.zeros((1, self.channels, side, side), self.options["dtype"]))
        except ValueError:
            return False
        return True

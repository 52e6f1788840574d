"""The network of the airbench recipes: pairs of convolutions behind a whitening of patches."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cnnlite import initializers
from cnnlite.checks.numbers import count
from cnnlite.layers import GELU, AdaptiveMaxPool2d, BatchNorm2d, Conv2d, MaxPool2d, Sequential
from cnnlite.models._images import CIFAR, Builder
from cnnlite.random import RngLike

__all__ = ["airbench", "airbench_narrow"]


def airbench(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    widths: Sequence[int] = (64, 256, 256),
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """Return the network that reaches 94% on CIFAR-10 in a few epochs, by the recipe `airbench94`.

    The recipe sets the first layer to the `initializers.whitening` of the training images and
    freezes its weight and the scales of the norms; here they begin like any others.  Each further
    convolution begins as `initializers.dirac` on its first filters, and so passes its input on.

    The scores begin near 0: their spread is 1 / width of what a layer of weights of deviation 1
    gives.  The source divides them by the width instead, which is the same with a learning rate
    of that layer that is width^2 times as large.

    Args:
        num_classes: outputs.
        input_shape: (channels, height, width) of an image; the network takes other sizes too.
        widths: filters of each pair of convolutions.
        dtype: np.float32 or np.float64.
        rng: where the first weights come from.

    Returns:
        Conv2d(2x2) - GELU, a pair for each width (Conv2d - MaxPool2d(2) - BatchNorm2d - GELU -
        Conv2d - BatchNorm2d - GELU), AdaptiveMaxPool2d(1) - Flatten - Linear without bias.

    Source:
        K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.1.
    """
    builder = Builder("airbench", num_classes, input_shape, dtype, rng)
    options, inputs = builder.options, 8 * builder.channels
    widths = [count("airbench", f"widths[{i}]", width) for i, width in enumerate(widths)]
    model = Sequential(Conv2d(builder.channels, inputs, 2, **options), GELU())
    for width in widths:
        for pools in (True, False):
            conv = Conv2d(inputs, width, 3, padding=1, bias=False, **options)
            initializers.dirac(conv.params["weight"][:inputs])
            model.append(conv)
            if pools:
                model.append(MaxPool2d(2))
            norm = BatchNorm2d(width, eps=1e-12, momentum=0.4, dtype=options["dtype"])
            model.append(norm).append(GELU())
            inputs = width
    builder.finish(model.append(AdaptiveMaxPool2d(1)), bias=False)
    head, bound = model[-1].params["weight"], 3**0.5 / inputs  # of deviation 1 / inputs
    initializers.uniform(head, -bound, bound, options["rng"])
    return model


def airbench_narrow(
    num_classes: int = 10,
    input_shape: tuple[int, ...] = CIFAR,
    dtype: npt.DTypeLike = np.float32,
    rng: RngLike = None,
) -> Sequential:
    """Return the `airbench` of widths 32, 128 and 128, for trainings of a minute or two.

    It has a quarter of the products of `airbench`; arguments, layers and names are the same.
    """
    return airbench(num_classes, input_shape, (32, 128, 128), dtype, rng)

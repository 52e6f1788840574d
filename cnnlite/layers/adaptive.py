"""Pooling whose windows follow from the size of the output."""

from typing import Any, ClassVar

from cnnlite import functional as F
from cnnlite.checks.windows import as_stored
from cnnlite.functional.adaptive import AdaptiveSize, adaptive_size
from cnnlite.layers.pair import PairLayer

__all__ = ["AdaptiveAvgPool2d", "AdaptiveMaxPool2d"]


class _AdaptivePool2d(PairLayer):
    """What the adaptive poolings share: the output's size."""

    settings: ClassVar = ("output_size",)

    def __init__(self, output_size: AdaptiveSize = 1) -> None:
        adaptive_size(type(self).__name__, output_size)
        if isinstance(output_size, tuple | list) and len(output_size) == 2:
            sizes = (None if size is None else as_stored(size) for size in output_size)
            self.output_size: Any = tuple(sizes)
        else:
            self.output_size = as_stored(output_size)


class AdaptiveAvgPool2d(_AdaptivePool2d):
    """The mean of each window, however many the output has; `torch.nn.AdaptiveAvgPool2d`.

    Args:
        output_size: height and width of the output, or an int for both; None keeps the image's.
            1 gives the mean of each channel.

    Raises:
        ValueError: it is no size.
    """

    operation: ClassVar = (F.adaptive_avg_pool2d_forward, F.adaptive_avg_pool2d_backward)


class AdaptiveMaxPool2d(_AdaptivePool2d):
    """The largest pixel of each window; `torch.nn.AdaptiveMaxPool2d`.

    Args:
        output_size: as for AdaptiveAvgPool2d.

    Raises:
        ValueError: it is no size.
    """

    operation: ClassVar = (F.adaptive_max_pool2d_forward, F.adaptive_max_pool2d_backward)

"""Dropout, of elements and of channels."""

from typing import Any, ClassVar

import numpy as np

from cnnlite import functional as F
from cnnlite.checks.numbers import real
from cnnlite.layers.pair import PairLayer
from cnnlite.random import RngLike, as_rng

__all__ = ["Dropout", "Dropout2d"]


class _Dropout(PairLayer):
    """What the dropouts share: all but what is dropped together."""

    random = True
    settings: ClassVar = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = real(type(self).__name__, "p", p, 0, 1)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        place = as_rng(rng, type(self).__name__) if train and self.p > 0 else None
        y, cache = self.operation[0](x, self.p, train, place)
        return y, cache


class Dropout(_Dropout):
    """Zero elements at random while training, and scale the others up; `torch.nn.Dropout`.

    The mask depends on the seed, the step and the layer's path, which `rng` holds, and on the
    element; on nothing else.

    Args:
        p: probability to drop an element.

    Raises:
        TypeError, ValueError: p is not a number from 0 to 1.

    Source:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
        JMLR 2014, section 10 (scaled while training: "inverted").
    """

    operation: ClassVar = (F.dropout_forward, F.dropout_backward)


class Dropout2d(_Dropout):
    """Zero whole channels at random while training, and scale the others up.

    `torch.nn.Dropout2d`.  The mask depends on what that of Dropout depends on, with each image's
    channels in place of elements.

    Args:
        p: probability to drop a channel.

    Raises:
        TypeError, ValueError: p is not a number from 0 to 1.

    Source:
        Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015,
        section 3.2.
    """

    operation: ClassVar = (F.dropout2d_forward, F.dropout2d_backward)

"""Convolution: `conv2d` checks and chooses, and the ladder has a file a rung."""

from cnnlite.functional.conv.conv2d import (
    ALGORITHMS,
    PADDING_MODES,
    Conv2dCache,
    ConvAlgorithm,
    conv2d_backward,
    conv2d_forward,
)
from cnnlite.functional.conv.geometry import MULTIPLY

__all__ = [
    "ALGORITHMS",
    "MULTIPLY",
    "PADDING_MODES",
    "Conv2dCache",
    "ConvAlgorithm",
    "conv2d_backward",
    "conv2d_forward",
]

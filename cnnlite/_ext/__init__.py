"""Compiled kernels, no policy: outputs are given and filled in, pairs are tuples.

Arrays are C-contiguous, float32 or float64; sizes are checked before memory is touched.  Every
kernel has a twin of the same signature in `cnnlite.reference`, which says what it computes.
"""

from cnnlite._ext.memory import empty
from cnnlite._ext.patches import col2im, im2col
from cnnlite._ext.pooling import (
    avg_pool2d_backward,
    avg_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)

__all__ = [
    "avg_pool2d_backward",
    "avg_pool2d_forward",
    "col2im",
    "empty",
    "im2col",
    "max_pool2d_backward",
    "max_pool2d_forward",
]

"""Compiled kernels, no policy: outputs are given and filled in, pairs are tuples.

Arrays are C-contiguous, float32 or float64; sizes are checked before memory is touched.  Every
kernel has a twin of the same signature in `cnnlite.reference`, which says what it computes.
"""

from cnnlite._ext.augment import crop_flip, crop_flip_normalize
from cnnlite._ext.avg_pooling import avg_pool2d_backward, avg_pool2d_forward
from cnnlite._ext.max_pooling import max_pool2d_backward, max_pool2d_forward
from cnnlite._ext.memory import empty
from cnnlite._ext.patches import col2im, im2col
from cnnlite._ext.runtime import (
    compiler,
    get_num_threads,
    instruction_set,
    openmp,
    set_num_threads,
)

__all__ = [
    "avg_pool2d_backward",
    "avg_pool2d_forward",
    "col2im",
    "compiler",
    "crop_flip",
    "crop_flip_normalize",
    "empty",
    "get_num_threads",
    "im2col",
    "instruction_set",
    "max_pool2d_backward",
    "max_pool2d_forward",
    "openmp",
    "set_num_threads",
]

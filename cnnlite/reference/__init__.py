"""Every kernel in plain NumPy: the specification, and the oracle of the tests.

The functions are those of `cnnlite._ext`, with the same signatures: outputs are given and filled
in, pairs are tuples.  `conv` holds more: convolution itself, the ladder's first rung.
"""

from cnnlite.reference.augment import crop_flip, crop_flip_normalize
from cnnlite.reference.avg_pooling import avg_pool2d_backward, avg_pool2d_forward
from cnnlite.reference.max_pooling import max_pool2d_backward, max_pool2d_forward
from cnnlite.reference.memory import empty
from cnnlite.reference.patches import col2im, im2col
from cnnlite.reference.runtime import (
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

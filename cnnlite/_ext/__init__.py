"""Compiled kernels, no policy: outputs are given and filled in, pairs are tuples.

Arrays are C-contiguous, float32 or float64; sizes are checked before memory is touched.  Every
kernel has a twin of the same signature in `cnnlite.reference`, which says what it computes.
"""

from cnnlite._ext.augment import crop_flip, crop_flip_normalize
from cnnlite._ext.avg_pooling import avg_pool2d_backward, avg_pool2d_forward
from cnnlite._ext.engine import (
    add,
    batch_norm_backward,
    batch_norm_forward,
    conv2d_tiled_forward,
    conv2d_tiled_forward_pool,
    conv2d_tiled_input_gradient,
    conv2d_tiled_weight_gradient,
    conv2d_winograd_forward,
    conv2d_winograd_forward_pool,
    conv2d_winograd_input_gradient,
    conv2d_winograd_weight_gradient,
    gelu_backward,
    gelu_forward,
    instruction_set,
    linear_forward,
    linear_input_gradient,
    linear_weight_gradient,
    max_pool2x2_backward,
    max_pool2x2_forward,
    relu_backward,
    relu_forward,
    sgd_step,
)
from cnnlite._ext.max_pooling import max_pool2d_backward, max_pool2d_forward
from cnnlite._ext.memory import empty
from cnnlite._ext.patches import col2im, im2col
from cnnlite._ext.runtime import (
    compiler,
    get_num_threads,
    multithreaded,
    set_num_threads,
)
from cnnlite._ext.shortcut import zero_pad_shortcut_backward, zero_pad_shortcut_forward

__all__ = [
    "add",
    "avg_pool2d_backward",
    "avg_pool2d_forward",
    "batch_norm_backward",
    "batch_norm_forward",
    "col2im",
    "compiler",
    "conv2d_tiled_forward",
    "conv2d_tiled_forward_pool",
    "conv2d_tiled_input_gradient",
    "conv2d_tiled_weight_gradient",
    "conv2d_winograd_forward",
    "conv2d_winograd_forward_pool",
    "conv2d_winograd_input_gradient",
    "conv2d_winograd_weight_gradient",
    "crop_flip",
    "crop_flip_normalize",
    "empty",
    "gelu_backward",
    "gelu_forward",
    "get_num_threads",
    "im2col",
    "instruction_set",
    "linear_forward",
    "linear_input_gradient",
    "linear_weight_gradient",
    "max_pool2d_backward",
    "max_pool2d_forward",
    "max_pool2x2_backward",
    "max_pool2x2_forward",
    "multithreaded",
    "relu_backward",
    "relu_forward",
    "set_num_threads",
    "sgd_step",
    "zero_pad_shortcut_backward",
    "zero_pad_shortcut_forward",
]

"""The course's fast_layers.py: names for the same convolution and pooling.

What it calls "strides" is im2col too, and all its poolings are one of ours.
"""

from cnnlite.compat.cs231n.windows import (
    conv_backward,
    conv_forward,
    conv_forward_im2col,
    max_pool_backward,
    max_pool_forward,
)

__all__ = [
    "conv_backward_fast",
    "conv_backward_im2col",
    "conv_backward_strides",
    "conv_forward_fast",
    "conv_forward_im2col",
    "conv_forward_strides",
    "max_pool_backward_fast",
    "max_pool_backward_im2col",
    "max_pool_backward_reshape",
    "max_pool_forward_fast",
    "max_pool_forward_im2col",
    "max_pool_forward_reshape",
]

conv_forward_fast = conv_forward
conv_forward_strides = conv_forward_im2col
conv_backward_fast = conv_backward_im2col = conv_backward_strides = conv_backward
max_pool_forward_fast = max_pool_forward_im2col = max_pool_forward_reshape = max_pool_forward
max_pool_backward_fast = max_pool_backward_im2col = max_pool_backward_reshape = max_pool_backward

"""Operations as pairs of functions without state: forward gives y and a cache, backward gradients.

They check their arguments, make the arrays that kernels read and write, and call the kernels.
"""

from cnnlite.debug_caches import debug_caches, guard_pairs
from cnnlite.functional.activations import (
    InputCache,
    LeakyReLUCache,
    OutputCache,
    leaky_relu_backward,
    leaky_relu_forward,
    relu_backward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
    silu_backward,
    silu_forward,
    softsign_backward,
    softsign_forward,
    tanh_backward,
    tanh_forward,
)
from cnnlite.functional.batch_norm import (
    BatchNormCache,
    batch_norm_addend_backward,
    batch_norm_backward,
    batch_norm_forward,
)
from cnnlite.functional.conv import (
    Conv2dCache,
    conv2d_backward,
    conv2d_forward,
)
from cnnlite.functional.dropout import (
    DropoutCache,
    dropout_backward,
    dropout_forward,
)
from cnnlite.functional.focal_loss import (
    FocalLossCache,
    focal_loss_backward,
    focal_loss_forward,
)
from cnnlite.functional.gelu import (
    GELUCache,
    gelu_backward,
    gelu_forward,
)
from cnnlite.functional.linear import (
    LinearCache,
    linear_backward,
    linear_forward,
)
from cnnlite.functional.losses import (
    CrossEntropyCache,
    HingeLossCache,
    MSELossCache,
    cross_entropy_backward,
    cross_entropy_forward,
    hinge_loss_backward,
    hinge_loss_forward,
    mse_loss_backward,
    mse_loss_forward,
)
from cnnlite.functional.normalization import (
    RowNormCache,
    group_norm_backward,
    group_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
)
from cnnlite.functional.patches import (
    col2im,
    im2col,
)
from cnnlite.functional.pooling import (
    AdaptiveAvgPool2dCache,
    AvgPool2dCache,
    MaxPool2dCache,
    MaxPool2x2Cache,
    adaptive_avg_pool2d_backward,
    adaptive_avg_pool2d_forward,
    avg_pool2d_backward,
    avg_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)

__all__ = [
    "im2col",
    "col2im",
    "Conv2dCache",
    "conv2d_forward",
    "conv2d_backward",
    "max_pool2d_forward",
    "max_pool2d_backward",
    "avg_pool2d_forward",
    "avg_pool2d_backward",
    "adaptive_avg_pool2d_forward",
    "adaptive_avg_pool2d_backward",
    "MaxPool2dCache",
    "MaxPool2x2Cache",
    "AvgPool2dCache",
    "AdaptiveAvgPool2dCache",
    "LinearCache",
    "linear_forward",
    "linear_backward",
    "InputCache",
    "OutputCache",
    "LeakyReLUCache",
    "relu_forward",
    "relu_backward",
    "leaky_relu_forward",
    "leaky_relu_backward",
    "sigmoid_forward",
    "sigmoid_backward",
    "tanh_forward",
    "tanh_backward",
    "softsign_forward",
    "softsign_backward",
    "silu_forward",
    "silu_backward",
    "GELUCache",
    "gelu_forward",
    "gelu_backward",
    "BatchNormCache",
    "batch_norm_forward",
    "batch_norm_backward",
    "batch_norm_addend_backward",
    "RowNormCache",
    "layer_norm_forward",
    "layer_norm_backward",
    "group_norm_forward",
    "group_norm_backward",
    "DropoutCache",
    "dropout_forward",
    "dropout_backward",
    "CrossEntropyCache",
    "FocalLossCache",
    "HingeLossCache",
    "MSELossCache",
    "cross_entropy_forward",
    "cross_entropy_backward",
    "focal_loss_forward",
    "focal_loss_backward",
    "hinge_loss_forward",
    "hinge_loss_backward",
    "mse_loss_forward",
    "mse_loss_backward",
]

if debug_caches:
    guard_pairs(globals())

"""The course's layers.py: forward and backward of each layer, caches kept by the caller."""

from cnnlite.compat.affine import affine_backward, affine_forward
from cnnlite.compat.cs231n.losses import softmax_loss, svm_loss
from cnnlite.compat.cs231n.norms import (
    batchnorm_backward,
    batchnorm_backward_alt,
    batchnorm_forward,
    layernorm_backward,
    layernorm_forward,
    spatial_batchnorm_backward,
    spatial_batchnorm_forward,
    spatial_groupnorm_backward,
    spatial_groupnorm_forward,
    spatial_groupnorm_quick_backward,
    spatial_groupnorm_quick_forward,
)
from cnnlite.compat.cs231n.pointwise import (
    dropout_backward,
    dropout_forward,
    relu_backward,
    relu_forward,
)
from cnnlite.compat.cs231n.windows import (
    conv_backward_naive,
    conv_forward_naive,
    max_pool_backward_naive,
    max_pool_forward_naive,
)

__all__ = [
    "affine_backward",
    "affine_forward",
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "batchnorm_forward",
    "conv_backward_naive",
    "conv_forward_naive",
    "dropout_backward",
    "dropout_forward",
    "layernorm_backward",
    "layernorm_forward",
    "max_pool_backward_naive",
    "max_pool_forward_naive",
    "relu_backward",
    "relu_forward",
    "softmax_loss",
    "spatial_batchnorm_backward",
    "spatial_batchnorm_forward",
    "spatial_groupnorm_backward",
    "spatial_groupnorm_forward",
    "spatial_groupnorm_quick_backward",
    "spatial_groupnorm_quick_forward",
    "svm_loss",
]

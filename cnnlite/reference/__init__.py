"""Every kernel in plain NumPy: the specification, and the oracle of the tests.

The functions are those of `cnnlite._ext`, with the same signatures: outputs are given and filled
in, pairs are tuples.  `conv` holds more: convolution itself, the ladder's first rung.
"""

from cnnlite.kernel_list import KERNELS, RUNTIME
from cnnlite.reference.augment import crop_flip, crop_flip_normalize
from cnnlite.reference.avg_pooling import avg_pool2d_backward, avg_pool2d_forward
from cnnlite.reference.batch_norm import batch_norm_backward, batch_norm_forward
from cnnlite.reference.depthwise import (
    conv2d_depthwise_forward,
    conv2d_depthwise_input_gradient,
    conv2d_depthwise_weight_gradient,
)
from cnnlite.reference.linear import linear_forward, linear_input_gradient, linear_weight_gradient
from cnnlite.reference.max_pooling import max_pool2d_backward, max_pool2d_forward
from cnnlite.reference.memory import empty
from cnnlite.reference.patches import col2im, im2col
from cnnlite.reference.pointwise import (
    add,
    gelu_backward,
    gelu_forward,
    relu_backward,
    relu_forward,
    sgd_step,
)
from cnnlite.reference.pool2x2 import max_pool2x2_backward, max_pool2x2_forward
from cnnlite.reference.runtime import (
    compiler,
    get_num_threads,
    instruction_set,
    multithreaded,
    set_num_threads,
)
from cnnlite.reference.shortcut import zero_pad_shortcut_backward, zero_pad_shortcut_forward
from cnnlite.reference.tiled import (
    conv2d_tiled_forward,
    conv2d_tiled_input_gradient,
    conv2d_tiled_weight_gradient,
)
from cnnlite.reference.winograd import (
    conv2d_winograd_forward,
    conv2d_winograd_input_gradient,
    conv2d_winograd_weight_gradient,
)

__all__ = [name for names in (*KERNELS.values(), *RUNTIME.values()) for name in names]

"""Operations as pairs of functions without state: forward gives y and a cache, backward gradients.

They check their arguments, make the arrays that kernels read and write, and call the kernels.
"""

from cnnlite._caches import debug_caches, guard_pairs
from cnnlite.functional import (
    activations,
    adaptive,
    batch_norm,
    dropout,
    focal_loss,
    gelu,
    instance_norm,
    linear,
    losses,
    normalization,
    patches,
    pooling,
    rectifiers,
    resample,
)
from cnnlite.functional.activations import *
from cnnlite.functional.adaptive import *
from cnnlite.functional.batch_norm import *
from cnnlite.functional.conv import Conv2dCache, conv2d_backward, conv2d_forward
from cnnlite.functional.dropout import *
from cnnlite.functional.focal_loss import *
from cnnlite.functional.gelu import *
from cnnlite.functional.instance_norm import *
from cnnlite.functional.linear import *
from cnnlite.functional.losses import *
from cnnlite.functional.normalization import *
from cnnlite.functional.patches import *
from cnnlite.functional.pooling import *
from cnnlite.functional.rectifiers import *
from cnnlite.functional.resample import *

_MODULES = (
    pooling, adaptive, resample, linear, activations, rectifiers, gelu, batch_norm, normalization,
    dropout, losses, instance_norm, focal_loss, patches,
)  # fmt: skip
__all__ = [
    "Conv2dCache", "conv2d_forward", "conv2d_backward",
    *(name for module in _MODULES for name in module.__all__),
]  # fmt: skip

if debug_caches:
    guard_pairs(globals())

"""What may follow a convolution in the same step: ReLU, then 2x2 max-pooling.

Fused, they work on outputs that are still in the processor's cache, and what lies between them is
never written to memory.  The bits are those of one operation after the other: ReLU of a maximum
is the maximum of ReLUs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite._backend import empty, kernels
from cnnlite.functional._checks import Array
from cnnlite.functional._conv_geometry import ConvGeometry
from cnnlite.functional._statistics import sum_over


class Behind(NamedTuple):
    """What the backward pass needs of the operations behind a convolution; None for one not there.

    Their gradient is dy where the convolution's output was the maximum of its window and
    positive, and 0 elsewhere.
    """

    y: Array | None  # ReLU's output where no pooling follows: 0 where ReLU stopped
    argmax: npt.NDArray[np.uint8] | None  # which pixel of its window; 4 where ReLU stopped it


NOTHING = Behind(None, None)


def pooled_shape(geometry: ConvGeometry) -> tuple[int, int, int, int]:
    """Returns the shape of the output after 2x2 max-pooling."""
    n, f, rows, columns = geometry.y_shape
    return n, f, rows // 2, columns // 2


def apply(y: Array, geometry: ConvGeometry, relu: bool, pool: bool) -> tuple[Array, Behind]:
    """Does what follows a convolution whose output y has been written; y may be overwritten."""
    if pool:
        pooled = empty(pooled_shape(geometry), y.dtype)
        argmax = empty(pooled.shape, np.uint8)
        kernels.max_pool2x2_forward(y, pooled, argmax, relu)
        return pooled, Behind(None, argmax)
    if relu:
        kernels.relu_forward(y, y)
        return y, Behind(y, None)
    return y, NOTHING


def undo(dy: Array, behind: Behind, geometry: ConvGeometry) -> Array:
    """Returns the gradient with respect to the convolution's own output."""
    if behind.argmax is not None:
        unpooled = empty(geometry.y_shape, dy.dtype)
        kernels.max_pool2x2_backward(dy, behind.argmax, unpooled)
        return unpooled
    if behind.y is not None:
        masked = empty(dy.shape, dy.dtype)
        kernels.relu_backward(dy, behind.y, masked)
        return masked
    return dy


def sum_per_filter(dy: Array) -> Array:
    """Returns dbias (F,)."""
    return sum_over(dy, (0, 2, 3))

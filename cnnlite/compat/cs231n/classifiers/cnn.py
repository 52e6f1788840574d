"""The course's cnn.py: conv - relu - 2x2 max pool - affine - relu - affine - softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array, float_dtype
from cnnlite.checks.numbers import count, integer, real, shown
from cnnlite.compat.cs231n import fast_layers, layer_utils, layers
from cnnlite.compat.cs231n.classifiers.network import Network
from cnnlite.compat.cs231n.fast_layers import *
from cnnlite.compat.cs231n.layer_utils import *
from cnnlite.compat.cs231n.layers import *

__all__ = ["ThreeLayerConvNet"]
__all__ += fast_layers.__all__
__all__ += layer_utils.__all__
__all__ += layers.__all__


class ThreeLayerConvNet(Network):
    """A convolution and two affine layers.

    Args:
        input_dim: (C, H, W) of an image.
        num_filters, filter_size: of the convolution, padded so that the image keeps its size.
        hidden_dim, num_classes: outputs of the affine layers.
        weight_scale: standard deviation of the first weights; biases begin at 0.
        reg: strength of the L2 regularisation, 0.5 * reg * sum of squared weights.
        dtype: np.float32 or np.float64, of the parameters, and of what is computed: X is converted.

    Attributes:
        params: W1 (F, C, HH, WW), W2, W3 (in, out), b1, b2, b3.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(
        self,
        input_dim: tuple[int, int, int] = (3, 32, 32),
        num_filters: int = 32,
        filter_size: int = 7,
        hidden_dim: int = 100,
        num_classes: int = 10,
        weight_scale: float = 1e-3,
        reg: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        name = "ThreeLayerConvNet"
        if np.shape(input_dim) != (3,):
            raise ValueError(f"{name}: input_dim is {shown(input_dim)}, expected (C, H, W)")
        channels = count(name, "input_dim", input_dim[0])
        height, width = (integer(name, "input_dim", size, 2) for size in input_dim[1:])
        weight_scale = real(name, "weight_scale", weight_scale)
        num_filters = count(name, "num_filters", num_filters)
        filter_size = count(name, "filter_size", filter_size)
        hidden_dim = count(name, "hidden_dim", hidden_dim)
        num_classes = count(name, "num_classes", num_classes)
        self.reg = reg
        self.dtype = dtype
        self.params = {}
        shapes = (
            (num_filters, channels, filter_size, filter_size),
            (num_filters * (height // 2) * (width // 2), hidden_dim),
            (hidden_dim, num_classes),
        )
        for number, shape in enumerate(shapes, 1):
            outputs = shape[0] if number == 1 else shape[1]
            weight = weight_scale * np.random.randn(*shape)  # noqa: NPY002 - the course's stream
            self.params[f"W{number}"] = weight.astype(float_dtype(name, dtype))
            self.params[f"b{number}"] = np.zeros(outputs, dtype)

    def loss(self, X: Any, y: Any = None) -> Any:
        """Return the scores of images, or their loss and its gradients.

        Args:
            X: (N, C, H, W).
            y: the right classes (N,), or None.

        Returns:
            scores (N, num_classes) without y; else the loss, and a dict of gradients by the keys
            of `params`.

        Raises:
            TypeError, ValueError: X or y do not fit.
        """
        W1, b1, W2, b2, W3, b3 = (self.params[k] for k in ("W1", "b1", "W2", "b2", "W3", "b3"))
        conv_param = {"stride": 1, "pad": (W1.shape[2] - 1) // 2}
        pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
        X = np.asarray(X, self.dtype)
        pooled, conv_cache = conv_relu_pool_forward(X, W1, b1, conv_param, pool_param)
        hidden, hidden_cache = affine_relu_forward(pooled, W2, b2)
        scores, cache = affine_forward(hidden, W3, b3)
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        grads: dict[str, Array] = {}
        dhidden, grads["W3"], grads["b3"] = affine_backward(dscores, cache)
        dpooled, grads["W2"], grads["b2"] = affine_relu_backward(dhidden, hidden_cache)
        _, grads["W1"], grads["b1"] = conv_relu_pool_backward(dpooled, conv_cache, need_dx=False)
        return self.regularised(loss, grads, ("W1", "W2", "W3")), grads

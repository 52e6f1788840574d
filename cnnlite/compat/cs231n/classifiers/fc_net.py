"""The course's fc_net.py: networks of affine layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import Array, float_dtype
from cnnlite.checks.numbers import choice, count, real, shown
from cnnlite.compat.cs231n import layer_utils, layers
from cnnlite.compat.cs231n.classifiers.network import Network
from cnnlite.compat.cs231n.layer_utils import *
from cnnlite.compat.cs231n.layers import *
from cnnlite.post_ops import RELU

__all__ = ["FullyConnectedNet", "TwoLayerNet"]
__all__ += layer_utils.__all__
__all__ += layers.__all__

Grads = dict[str, Array]


class TwoLayerNet(Network):
    """affine - relu - affine - softmax, in the dtype that its parameters and X have together.

    Args:
        input_dim: numbers of an example.
        hidden_dim, num_classes: outputs of the layers.
        weight_scale: standard deviation of the first weights; biases begin at 0.
        reg: strength of the L2 regularisation, 0.5 * reg * sum of squared weights.

    Attributes:
        params: W1 (input_dim, hidden_dim), b1, W2 (hidden_dim, num_classes), b2; float64.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(
        self,
        input_dim: int = 3 * 32 * 32,
        hidden_dim: int = 100,
        num_classes: int = 10,
        weight_scale: float = 1e-3,
        reg: float = 0.0,
    ) -> None:
        self.reg = reg
        sizes = {"input_dim": input_dim, "hidden_dim": hidden_dim, "num_classes": num_classes}
        widths = [count("TwoLayerNet", argument, size) for argument, size in sizes.items()]
        weight_scale = real("TwoLayerNet", "weight_scale", weight_scale)
        self.params = _first_params(widths, weight_scale, np.float64)

    def loss(self, X: Any, y: Any = None) -> Any:
        """Return the scores of examples, or their loss and its gradients.

        Args:
            X: (N, d1, ..., dk) with input_dim numbers in an example.
            y: the right classes (N,), or None.

        Returns:
            scores (N, num_classes) without y; else the loss, and a dict of gradients by the keys
            of `params`.

        Raises:
            TypeError, ValueError: X or y do not fit.
        """
        params, grads = self.params, Grads()
        hidden, hidden_cache = affine_relu_forward(X, params["W1"], params["b1"])
        scores, cache = affine_forward(hidden, params["W2"], params["b2"])
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        dhidden, grads["W2"], grads["b2"] = affine_backward(dscores, cache)
        _, grads["W1"], grads["b1"] = affine_relu_backward(dhidden, hidden_cache, need_dx=False)
        return self.regularised(loss, grads, ("W1", "W2")), grads


class FullyConnectedNet(Network):
    """{affine - [batch or layer norm] - relu - [dropout]} for each hidden layer, affine, softmax.

    Args:
        hidden_dims: outputs of the hidden layers.
        input_dim, num_classes: numbers of an example, and of its scores.
        dropout_keep_ratio: probability to keep an element; 1 for no dropout.
        normalization: "batchnorm", "layernorm" or None.
        reg: strength of the L2 regularisation, 0.5 * reg * sum of squared weights.
        weight_scale: standard deviation of the first weights; biases and shifts begin at 0, scales
            at 1.
        dtype: np.float32 or np.float64, of the parameters, and of what is computed: X is converted.
        seed: None, or what dropout seeds `np.random` with at each call.
        dropout: what dropout_keep_ratio was called until 2020.

    Attributes:
        params: W1 (in, out), b1, W2 ..., and with normalization gamma1, beta1 ...
        bn_params: the settings of each normalisation, with its running statistics.
        dropout_param: the settings of dropout.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(
        self,
        hidden_dims: Sequence[int],
        input_dim: int = 3 * 32 * 32,
        num_classes: int = 10,
        dropout_keep_ratio: float = 1,
        normalization: str | None = None,
        reg: float = 0.0,
        weight_scale: float = 1e-2,
        dtype: npt.DTypeLike = np.float32,
        seed: int | None = None,
        *,
        dropout: float | None = None,
    ) -> None:
        name = "FullyConnectedNet"
        keep = dropout_keep_ratio if dropout is None else dropout
        keep = real(name, "dropout_keep_ratio", keep, 0, 1, open_low=True)
        weight_scale = real(name, "weight_scale", weight_scale)
        if np.ndim(hidden_dims) != 1:
            raise TypeError(f"{name}: hidden_dims is {shown(hidden_dims)}, expected a list of ints")
        sizes = (input_dim, *hidden_dims, num_classes)
        widths = [count(name, "input_dim, hidden_dims or num_classes", size) for size in sizes]
        self.normalization = choice(
            name, "normalization", normalization, ("batchnorm", "layernorm", None)
        )
        self.use_dropout = keep != 1
        self.reg = reg
        self.num_layers = 1 + len(hidden_dims)
        self.dtype = float_dtype(name, dtype)
        self.params = _first_params(widths, weight_scale, self.dtype)
        self.dropout_param: dict[str, Any] = {}
        if self.use_dropout:
            self.dropout_param = {"mode": "train", "p": keep}
            if seed is not None:
                self.dropout_param["seed"] = seed
        self.bn_params: list[dict[str, Any]] = []
        if normalization is not None:
            first = {"mode": "train"} if normalization == "batchnorm" else {}
            for number, width in enumerate(widths[1:-1], 1):
                self.params[f"gamma{number}"] = np.ones(width, self.dtype)
                self.params[f"beta{number}"] = np.zeros(width, self.dtype)
                self.bn_params.append(dict(first))

    def loss(self, X: Any, y: Any = None) -> Any:
        """Return the scores of examples, or their loss and its gradients; see `TwoLayerNet.loss`.

        Without y, normalisation and dropout are those of inference.
        """
        mode = "test" if y is None else "train"
        for settings in (*self.bn_params, self.dropout_param):
            if "mode" in settings:
                settings["mode"] = mode
        out, caches = np.asarray(X, self.dtype), []
        for number in range(1, self.num_layers):
            out, cache = self._hidden_forward(out, number)
            caches.append(cache)
        last = self.num_layers
        scores, cache = affine_forward(out, self.params[f"W{last}"], self.params[f"b{last}"])
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        grads = Grads()
        dout, grads[f"W{last}"], grads[f"b{last}"] = affine_backward(dscores, cache, last > 1)
        for number in range(last - 1, 0, -1):
            dout = self._hidden_backward(dout, caches.pop(), number, grads)
        weights = [f"W{number}" for number in range(1, last + 1)]
        return self.regularised(loss, grads, weights), grads

    def _hidden_forward(self, x: Array, number: int) -> tuple[Array, tuple[Any, Any, Any]]:
        """The output of a hidden layer, and the caches of affine, normalisation and dropout."""
        w, b = self.params[f"W{number}"], self.params[f"b{number}"]
        cache: Any
        norm_cache: Any = None
        dropout_cache = None
        if self.normalization is None:
            out, cache = affine_relu_forward(x, w, b)
        else:
            scale, shift = self.params[f"gamma{number}"], self.params[f"beta{number}"]
            settings = self.bn_params[number - 1]
            a, cache = affine_forward(x, w, b)
            if self.normalization == "batchnorm":
                out, norm_cache = batchnorm_forward(a, scale, shift, settings, RELU)
            else:
                a, inner = layernorm_forward(a, scale, shift, settings)
                out, relu_cache = relu_forward(a)
                norm_cache = (inner, relu_cache)
        if self.use_dropout:
            out, dropout_cache = dropout_forward(out, self.dropout_param)
        return out, (cache, norm_cache, dropout_cache)

    def _hidden_backward(
        self, dout: Any, caches: tuple[Any, Any, Any], number: int, grads: Grads
    ) -> Array | None:
        """The gradient of a hidden layer's input, those of its parameters put into `grads`."""
        cache, norm_cache, dropout_cache = caches
        w, b, scale, shift = (f"{key}{number}" for key in ("W", "b", "gamma", "beta"))
        need_dx = number > 1
        if self.use_dropout:
            dout = dropout_backward(dout, dropout_cache)
        if self.normalization is None:
            dx, grads[w], grads[b] = affine_relu_backward(dout, cache, need_dx)
            return dx
        if self.normalization == "batchnorm":
            da, grads[scale], grads[shift] = batchnorm_backward(dout, norm_cache)
        else:
            inner, relu_cache = norm_cache
            da, grads[scale], grads[shift] = layernorm_backward(
                relu_backward(dout, relu_cache), inner
            )
        dx, grads[w], grads[b] = affine_backward(da, cache, need_dx)
        return dx


def _first_params(
    widths: Sequence[int], weight_scale: float, dtype: npt.DTypeLike
) -> dict[str, Array]:
    """Weights and biases of affine layers between those widths, W1, b1, W2 ..."""
    params = {}
    for number, (inputs, outputs) in enumerate(pairwise(widths), 1):
        weight = weight_scale * np.random.randn(inputs, outputs)  # noqa: NPY002
        params[f"W{number}"] = weight.astype(dtype)
        params[f"b{number}"] = np.zeros(outputs, dtype)
    return params

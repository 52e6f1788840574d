"""Layer, group and instance normalisation: each example by itself, whatever the batch."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnnlite import functional as F
from cnnlite.checks.arrays import allocate, float_dtype
from cnnlite.checks.numbers import count, flag, real, sizes
from cnnlite.layers.base import Grads, Layer
from cnnlite.random import RngLike

__all__ = ["GroupNorm", "InstanceNorm2d", "LayerNorm"]


class _ExampleNorm(Layer):
    """What normalisations of each example by itself share: their gradients."""

    operation: ClassVar[tuple[Callable[..., Any], Callable[..., Any]]]  # forward and backward

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        dx, dweight, dbias = self.operation[1](dy, cache)
        grads: Grads = {"weight": dweight, "bias": dbias}
        return dx, {key: grad for key, grad in grads.items() if grad is not None}


class LayerNorm(_ExampleNorm):
    """Normalise each example over its last axes; `torch.nn.LayerNorm`.

    params: weight and bias, of shape normalized_shape.

    Args:
        normalized_shape: sizes of the axes that share a mean and a variance.
        eps: added to the variance.
        elementwise_affine: whether there is a scale to learn.
        bias: whether there is a shift as well.
        dtype: np.float32 or np.float64.
        rng: not used: the first weights are ones and zeros.

    Raises:
        TypeError, ValueError: an argument is out of range.

    Source:
        Ba, Kiros and Hinton, "Layer normalization", 2016, equation 3.
    """

    operation: ClassVar = (F.layer_norm_forward, F.layer_norm_backward)

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: npt.DTypeLike = np.float32,
        rng: RngLike = None,
    ) -> None:
        dtype = float_dtype("LayerNorm", dtype)
        self.normalized_shape = sizes("LayerNorm", "normalized_shape", normalized_shape)
        self.eps = real("LayerNorm", "eps", eps, 0)
        bias = flag("LayerNorm", "bias", bias)
        if flag("LayerNorm", "elementwise_affine", elementwise_affine):
            shape, axes = self.normalized_shape, "*normalized_shape"
            self.params["weight"] = allocate("LayerNorm", "weight", shape, dtype, 1, axes)
            if bias:
                self.params["bias"] = allocate("LayerNorm", "bias", shape, dtype, 0, axes)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        weight, bias = self.params.get("weight"), self.params.get("bias")
        return self.operation[0](x, self.normalized_shape, weight, bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={'weight' in self.params}, bias={'bias' in self.params}"
        )


class GroupNorm(_ExampleNorm):
    """Normalise each image over groups of its channels; `torch.nn.GroupNorm`.

    params: weight (C,), bias (C,).

    Args:
        num_groups: parts that the channels are split into, each with its mean and variance.
        num_channels: C.
        eps: added to the variance.
        affine: whether there is a scale and a shift to learn.
        dtype: np.float32 or np.float64.
        rng: not used: the first weights are ones and zeros.

    Raises:
        TypeError, ValueError: an argument is out of range, or num_groups does not divide C.

    Source:
        Wu and He, "Group normalization", ECCV 2018, equation 7.
    """

    operation: ClassVar = (F.group_norm_forward, F.group_norm_backward)

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: npt.DTypeLike = np.float32,
        rng: RngLike = None,
    ) -> None:
        dtype = float_dtype("GroupNorm", dtype)
        self.num_groups = count("GroupNorm", "num_groups", num_groups)
        self.num_channels = count("GroupNorm", "num_channels", num_channels)
        if self.num_channels % self.num_groups:
            raise ValueError(
                f"GroupNorm: num_groups is {self.num_groups}, expected a divisor of num_channels "
                f"{self.num_channels}"
            )
        self.eps = real("GroupNorm", "eps", eps, 0)
        if flag("GroupNorm", "affine", affine):
            shape, axes = (self.num_channels,), "num_channels"
            self.params["weight"] = allocate("GroupNorm", "weight", shape, dtype, 1, axes)
            self.params["bias"] = allocate("GroupNorm", "bias", shape, dtype, 0, axes)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        if isinstance(x, np.ndarray) and x.ndim > 1 and x.shape[1] != self.num_channels:
            raise ValueError(
                f"GroupNorm: x has {x.shape[1]} channels, expected {self.num_channels} "
                f"(x {x.shape})"
            )
        weight, bias = self.params.get("weight"), self.params.get("bias")
        return self.operation[0](x, self.num_groups, weight, bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={bool(self.params)}"


class RunningNorm(Layer):
    """What normalisations of channels share that may keep running statistics."""

    optional_state = ("num_batches_tracked",)
    momentum: Any  # a number; for batch-norm it may be None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: npt.DTypeLike = np.float32,
        rng: RngLike = None,
    ) -> None:
        name = type(self).__name__
        dtype = float_dtype(name, dtype)
        self.num_features = count(name, "num_features", num_features)
        self.eps = real(name, "eps", eps, 0)
        self.momentum = None if momentum is None else real(name, "momentum", momentum, 0, 1)
        affine = flag(name, "affine", affine)
        track_running_stats = flag(name, "track_running_stats", track_running_stats)

        def new(what: str, fill: float) -> np.ndarray:
            return allocate(name, what, (self.num_features,), dtype, fill, "num_features")

        if affine:
            self.params["weight"] = new("weight", 1)
            self.params["bias"] = new("bias", 0)
        if track_running_stats:
            self.buffers["running_mean"] = new("running_mean", 0)
            self.buffers["running_var"] = new("running_var", 1)
            self.buffers["num_batches_tracked"] = np.zeros((), np.int64)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={bool(self.params)}, track_running_stats={bool(self.buffers)}"
        )


class InstanceNorm2d(RunningNorm, _ExampleNorm):
    """Normalise each channel of each image over its pixels; `torch.nn.InstanceNorm2d`.

    params, with affine: weight (C,), bias (C,).  buffers, with track_running_stats: running_mean
    (C,), running_var (C,), num_batches_tracked (), which stays 0 as in PyTorch.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: weight of a new batch in the running statistics.
        affine: whether there is a scale and a shift to learn.
        track_running_stats: whether to keep running statistics, and to normalise with them when
            not training.
        dtype: np.float32 or np.float64.
        rng: not used: the first weights are ones and zeros.

    Raises:
        TypeError, ValueError: an argument is out of range.

    Source:
        Ulyanov, Vedaldi and Lempitsky, "Instance normalization: the missing ingredient for fast
        stylization", 2016.
    """

    operation: ClassVar = (F.instance_norm_forward, F.instance_norm_backward)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: npt.DTypeLike = np.float32,
        rng: RngLike = None,
    ) -> None:
        real("InstanceNorm2d", "momentum", momentum, 0, 1)  # None is for batch-norm alone
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        if isinstance(x, np.ndarray) and x.ndim == 4 and x.shape[1] != self.num_features:
            raise ValueError(
                f"InstanceNorm2d: x has {x.shape[1]} channels, expected {self.num_features} "
                f"(x {x.shape})"
            )
        return self.operation[0](
            x,
            self.buffers.get("running_mean"),
            self.buffers.get("running_var"),
            self.params.get("weight"),
            self.params.get("bias"),
            self.moves_buffers(train) or not self.buffers,
            self.momentum,
            self.eps,
        )

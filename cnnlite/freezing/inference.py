"""Layers that only frozen networks have; each runs in the engine's kernels alone."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

import numpy as np

from cnnlite import layers
from cnnlite.backend import empty, kernels
from cnnlite.checks.arrays import check_allocation, check_images, contiguous
from cnnlite.checks.windows import Window, output_size, resolve_pool_window
from cnnlite.functional.conv.conv2d import convolve
from cnnlite.functional.conv.geometry import check_operands, resolve_settings
from cnnlite.layers import Layer
from cnnlite.models.resnet import ZeroPadShortcut
from cnnlite.post_ops import ADD, NO_POST_OPS, PostOps
from cnnlite.random import RngLike


class FrozenConv2d(layers.Conv2d):
    """A convolution after which a shortcut may be added in the same pass."""

    takes: ClassVar = layers.Conv2d.takes | {(ADD,), (ADD, "relu")}
    keeps_shape: ClassVar = False

    def __call__(self, x: np.ndarray, post: PostOps = NO_POST_OPS) -> np.ndarray:
        if post.addend is None:
            return super().__call__(x, post)
        weight, bias = self.params["weight"], self.params.get("bias")
        check_operands("Conv2d", x, weight, bias, self.groups)
        window = self.kernel_size, self.stride, self.padding, self.dilation
        settings = resolve_settings("Conv2d", *window, x.shape[2:])  # type: ignore[arg-type]
        rest = settings, self.groups, self.padding_mode, self.algorithm, post, self.multiply
        return convolve("Conv2d", x, weight, bias, *rest)[0]


class FrozenLinear(layers.Linear):
    """A linear layer, perhaps with a batch normalisation folded into it.

    Of x with more axes than two, that normalises other channels than the linear layer's, so both
    are kept for it.
    """

    takes: ClassVar = layers.Linear.takes
    parts: tuple[layers.Linear, layers.BatchNorm1d] | None = None

    def __call__(self, x: np.ndarray, post: PostOps = NO_POST_OPS) -> np.ndarray:
        if self.parts is None or getattr(x, "ndim", 2) == 2:
            return super().__call__(x, post)
        linear, norm = self.parts
        return norm(linear(x), post)


class Windows(Layer):
    """One number for each window: the maximum, or the mean.  Layers below say which windows."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, None]:
        name = type(self.layer).__name__
        check_images(name, x)
        shape, window, mean, count_padding = self.windows(x)
        check_allocation(name, "the output", shape, x.dtype)
        y = empty(shape, x.dtype)
        kernels.windows_forward(contiguous(x), y, *window, mean, count_padding)
        return y, None

    def backward(self, dy: np.ndarray, cache: None, need_dx: bool = True) -> NoReturn:
        raise NotImplementedError

    def windows(self, x: np.ndarray) -> tuple[tuple[int, ...], Window, bool, bool]:
        """Return y's shape, the windows, whether it is the mean and whether that counts padding."""
        layer: Any = self.layer
        if isinstance(layer, ZeroPadShortcut):
            if x.shape[1] != layer.in_channels:
                raise ValueError(
                    f"ZeroPadShortcut: x has shape {x.shape}, "
                    f"expected (N, {layer.in_channels}, H, W)"
                )
            step = (layer.stride, layer.stride)
            rows, columns = (-(-size // layer.stride) for size in x.shape[2:])
            window = (1, 1), step, (0, 0, 0, 0), (1, 1)
            return (x.shape[0], layer.out_channels, rows, columns), window, False, False
        if isinstance(layer, layers.AdaptiveAvgPool2d):  # of one window
            window = x.shape[2:], (1, 1), (0, 0, 0, 0), (1, 1)
            return (*x.shape[:2], 1, 1), window, True, False
        name, mean = type(layer).__name__, isinstance(layer, layers.AvgPool2d)
        sides = layer.kernel_size, layer.stride, layer.padding
        window = resolve_pool_window(name, *sides, 1 if mean else layer.dilation, x.shape[2:])
        size = output_size(name, x.shape[2:], *window, layer.ceil_mode)
        return (*x.shape[:2], *size), window, mean, mean and layer.count_include_pad

    def __repr__(self) -> str:
        return repr(self.layer)

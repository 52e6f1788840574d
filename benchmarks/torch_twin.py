"""A cnnlite network rebuilt from PyTorch's modules, with the same weights."""

from typing import TYPE_CHECKING

import numpy as np

from cnnlite import layers, models

if TYPE_CHECKING:
    import torch


def torch_twin(layer: layers.Layer) -> "torch.nn.Module":
    """Return the PyTorch module that computes what `layer` computes.

    Args:
        layer: one of the networks of the comparison, or a layer of theirs with parameters.

    Raises:
        TypeError: the layer has no twin here.
    """
    import torch

    dtype = next(iter(layer.params.values())).dtype
    module = _module(layer).to(torch.from_numpy(np.empty(0, dtype)).dtype)
    state = {key: torch.from_numpy(np.array(value)) for key, value in layer.state_dict().items()}
    module.load_state_dict(state)
    return module


def _module(layer: layers.Layer) -> "torch.nn.Module":
    from torch import nn

    match layer:
        case layers.Sequential():
            return nn.Sequential(*(_module(child) for child in layer))
        case layers.Residual():
            return _residual(layer)
        case layers.Conv2d():
            filters, channels, *kernel = layer.params["weight"].shape
            return nn.Conv2d(
                channels * layer.groups, filters, tuple(kernel), layer.stride, layer.padding,
                layer.dilation, layer.groups, "bias" in layer.params,
            )  # fmt: skip
        case layers.Linear():
            out_features, in_features = layer.params["weight"].shape
            return nn.Linear(in_features, out_features, "bias" in layer.params)
        case layers.BatchNorm2d():
            return nn.BatchNorm2d(len(layer.params["weight"]), layer.eps, layer.momentum)
        case layers.MaxPool2d():
            return nn.MaxPool2d(layer.kernel_size, layer.stride, layer.padding)
        case layers.AdaptiveAvgPool2d():
            return nn.AdaptiveAvgPool2d(1)
        case layers.ReLU():
            return nn.ReLU()
        case layers.GELU():
            return nn.GELU(layer.approximate)
        case layers.Flatten():
            return nn.Flatten()
        case models.ZeroPadShortcut():
            return _zero_pad_shortcut(layer)
    raise TypeError(f"torch_twin: {type(layer).__name__} has no twin here")


def _residual(layer: layers.Residual) -> "torch.nn.Module":
    from torch import Tensor, nn

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = _module(layer.body)
            self.shortcut = None if layer.shortcut is None else _module(layer.shortcut)

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x) + (x if self.shortcut is None else self.shortcut(x))

    return Residual()


def _zero_pad_shortcut(layer: models.ZeroPadShortcut) -> "torch.nn.Module":
    from torch import Tensor, nn

    class ZeroPadShortcut(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            pixels = x[:, :, :: layer.stride, :: layer.stride]
            new = layer.out_channels - layer.in_channels
            return nn.functional.pad(pixels, (0, 0, 0, 0, 0, new))

    return ZeroPadShortcut()

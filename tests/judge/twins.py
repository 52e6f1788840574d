"""The PyTorch module that is meant by each of our layers, with the same keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnlite import layers, models
from tests.judge.windows import padded


def twin(torch: Any, layer: layers.Layer) -> Any:
    """The module that computes what the layer does, float64, with the layer's state.

    Raises:
        KeyError: no twin is known.
    """
    module = _module(torch, layer).double()
    state = {key: torch.tensor(np.array(value)) for key, value in layer.state_dict().items()}
    module.load_state_dict(state)
    return module


def _module(torch: Any, layer: Any) -> Any:
    return TWINS[type(layer)](torch, layer)


def _function(torch: Any, f: Callable[[Any], Any]) -> Any:
    """A module without parameters."""

    class Function(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return f(x)

    return Function()


def _conv(torch: Any, layer: Any) -> Any:
    mode, padding = layer.padding_mode, layer.padding
    arguments = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride)
    rest = (layer.dilation, layer.groups, "bias" in layer.params)
    if not (isinstance(padding, tuple) and isinstance(padding[0], tuple)):
        return torch.nn.Conv2d(*arguments, padding, *rest, mode)

    class Padded(torch.nn.Conv2d):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            kind = "constant" if mode == "zeros" else mode
            return super().forward(padded(torch, x, (*padding[0], *padding[1]), mode=kind))

    return Padded(*arguments, 0, *rest)


def _residual(torch: Any, layer: Any) -> Any:
    class Residual(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = _module(torch, layer.body)
            if layer.shortcut is not None:
                self.shortcut = _module(torch, layer.shortcut)

        def forward(self, x: Any) -> Any:
            return self.body(x) + (x if layer.shortcut is None else self.shortcut(x))

    return Residual()


def _shortcut(torch: Any, layer: Any) -> Any:
    new = layer.out_channels - layer.in_channels

    def forward(x: Any) -> Any:
        pixels = x[:, :, :: layer.stride, :: layer.stride]
        return torch.nn.functional.pad(pixels, (0, 0, 0, 0, 0, new))

    return _function(torch, forward)


def _batch_norm(name: str) -> Callable[[Any, Any], Any]:
    def make(torch: Any, layer: Any) -> Any:
        return getattr(torch.nn, name)(
            layer.num_features, layer.eps, layer.momentum, bool(layer.params), bool(layer.buffers)
        )

    return make


TWINS: dict[type, Callable[[Any, Any], Any]] = {
    layers.Sequential: lambda t, x: t.nn.Sequential(*(_module(t, child) for child in x)),
    layers.Residual: _residual,
    layers.Conv2d: _conv,
    layers.MaxPool2d: lambda t, x: t.nn.MaxPool2d(
        x.kernel_size, x.stride, x.padding, x.dilation, ceil_mode=x.ceil_mode
    ),
    layers.AvgPool2d: lambda t, x: t.nn.AvgPool2d(
        x.kernel_size, x.stride, x.padding, x.ceil_mode, x.count_include_pad
    ),
    layers.AdaptiveAvgPool2d: lambda t, x: t.nn.AdaptiveAvgPool2d(x.output_size),
    layers.Linear: lambda t, x: t.nn.Linear(x.in_features, x.out_features, "bias" in x.params),
    layers.Flatten: lambda t, x: t.nn.Flatten(x.start_dim, x.end_dim),
    layers.Identity: lambda t, x: t.nn.Identity(),
    layers.ReLU: lambda t, x: t.nn.ReLU(),
    layers.LeakyReLU: lambda t, x: t.nn.LeakyReLU(x.negative_slope),
    layers.Sigmoid: lambda t, x: t.nn.Sigmoid(),
    layers.Tanh: lambda t, x: t.nn.Tanh(),
    layers.Softsign: lambda t, x: t.nn.Softsign(),
    layers.GELU: lambda t, x: t.nn.GELU(x.approximate),
    layers.SiLU: lambda t, x: t.nn.SiLU(),
    layers.Dropout: lambda t, x: t.nn.Dropout(x.p),
    layers.BatchNorm1d: _batch_norm("BatchNorm1d"),
    layers.BatchNorm2d: _batch_norm("BatchNorm2d"),
    layers.LayerNorm: lambda t, x: t.nn.LayerNorm(
        x.normalized_shape, x.eps, "weight" in x.params, "bias" in x.params
    ),
    layers.GroupNorm: lambda t, x: t.nn.GroupNorm(
        x.num_groups, x.num_channels, x.eps, bool(x.params)
    ),
    models.ZeroPadShortcut: _shortcut,
}

"""What corresponds to what: our layers to PyTorch's modules, and back.

Both tables take exact types: a class derived from one of them may compute something else.
Imported only where PyTorch is wanted.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from cnnlite import layers, models
from cnnlite.checks.numbers import pair
from cnnlite.checks.windows import resolve_padding
from cnnlite.interop import _torch_modules as own

__all__ = ["FROM_TORCH", "TO_TORCH"]


# ---- Layers to modules.  Each function makes a module with the layer's settings; its weights are
# copied afterwards.


def _conv(layer: Any) -> nn.Module:
    top, bottom, left, right = sides = resolve_padding(
        "Conv2d", layer.padding, layer.kernel_size, layer.stride, layer.dilation
    )
    arguments = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride)
    rest = (layer.dilation, layer.groups, "bias" in layer.params, layer.padding_mode)
    if (top, left) != (bottom, right):
        return own.PaddedConv2d(sides, *arguments, 0, *rest)
    padding = layer.padding if isinstance(layer.padding, str) else (top, left)
    return nn.Conv2d(*arguments, padding, *rest)


def _pool_padding(layer: Any) -> tuple[int, int]:
    """The padding as PyTorch's pooling takes it: as much before as behind."""
    name = type(layer).__name__
    kernel, stride = (pair(name, "", size) for size in (layer.kernel_size, layer.stride))
    dilation = pair(name, "", getattr(layer, "dilation", 1))
    top, bottom, left, right = resolve_padding(name, layer.padding, kernel, stride, dilation)
    if (top, left) != (bottom, right):
        raise ValueError(
            f"padding {layer.padding!r} differs from side to side, which PyTorch's {name} does not "
            "offer"
        )
    return top, left


def _max_pool(layer: Any) -> nn.Module:
    return nn.MaxPool2d(
        layer.kernel_size, layer.stride, _pool_padding(layer), layer.dilation,
        ceil_mode=layer.ceil_mode,
    )  # fmt: skip


def _avg_pool(layer: Any) -> nn.Module:
    return nn.AvgPool2d(
        layer.kernel_size, layer.stride, _pool_padding(layer), layer.ceil_mode,
        layer.count_include_pad,
    )  # fmt: skip


def _batch_norm(kind: type[nn.Module]) -> Callable[[Any], nn.Module]:
    def make(layer: Any) -> nn.Module:
        return kind(
            layer.num_features, layer.eps, layer.momentum, bool(layer.params), bool(layer.buffers)
        )

    return make


TO_TORCH: dict[type, Callable[[Any], nn.Module]] = {
    layers.Conv2d: _conv,
    layers.MaxPool2d: _max_pool,
    layers.AvgPool2d: _avg_pool,
    layers.AdaptiveAvgPool2d: lambda x: nn.AdaptiveAvgPool2d(1),
    layers.Linear: lambda x: nn.Linear(x.in_features, x.out_features, "bias" in x.params),
    layers.Flatten: lambda x: nn.Flatten(x.start_dim, x.end_dim),
    layers.Identity: lambda x: nn.Identity(),
    layers.ReLU: lambda x: nn.ReLU(),
    layers.LeakyReLU: lambda x: nn.LeakyReLU(x.negative_slope),
    layers.Sigmoid: lambda x: nn.Sigmoid(),
    layers.Tanh: lambda x: nn.Tanh(),
    layers.Softsign: lambda x: nn.Softsign(),
    layers.GELU: lambda x: nn.GELU(x.approximate),
    layers.SiLU: lambda x: nn.SiLU(),
    layers.Dropout: lambda x: nn.Dropout(x.p),
    layers.BatchNorm1d: _batch_norm(nn.BatchNorm1d),
    layers.BatchNorm2d: _batch_norm(nn.BatchNorm2d),
    layers.LayerNorm: lambda x: nn.LayerNorm(
        x.normalized_shape, x.eps, "weight" in x.params, "bias" in x.params
    ),
    layers.GroupNorm: lambda x: nn.GroupNorm(x.num_groups, x.num_channels, x.eps, bool(x.params)),
    models.ZeroPadShortcut: lambda x: own.ZeroPadShortcut(x.in_channels, x.out_channels, x.stride),
}


# ---- Modules to layers.  Each function takes the module and the dtype of the whole network.


def _from_conv(module: nn.Conv2d, dtype: np.dtype) -> layers.Layer:
    if module.padding_mode not in ("zeros", "circular"):
        raise ValueError(f"padding_mode is {module.padding_mode!r}, expected 'zeros' or 'circular'")
    padding: Any = module.padding
    if type(module) is own.PaddedConv2d:
        padding = (module.sides[:2], module.sides[2:])
    return layers.Conv2d(
        module.in_channels, module.out_channels, module.kernel_size, module.stride, padding,
        module.dilation, module.groups, module.bias is not None, module.padding_mode, dtype=dtype,
    )  # fmt: skip


def _from_max_pool(module: nn.MaxPool2d, dtype: np.dtype) -> layers.Layer:
    if module.return_indices:
        raise ValueError("return_indices is not offered here")
    return layers.MaxPool2d(
        module.kernel_size, module.stride, module.padding, module.dilation, module.ceil_mode
    )


def _from_avg_pool(module: nn.AvgPool2d, dtype: np.dtype) -> layers.Layer:
    if module.divisor_override is not None:
        raise ValueError("divisor_override is not offered here")
    return layers.AvgPool2d(
        module.kernel_size, module.stride, module.padding, module.ceil_mode,
        module.count_include_pad,
    )  # fmt: skip


def _from_batch_norm(kind: Callable[..., layers.Layer]) -> Callable[[Any, np.dtype], layers.Layer]:
    def make(module: Any, dtype: np.dtype) -> layers.Layer:
        return kind(
            module.num_features, module.eps, module.momentum, module.affine,
            module.track_running_stats, dtype,
        )  # fmt: skip

    return make


FROM_TORCH: dict[type, Callable[[Any, np.dtype], layers.Layer]] = {
    nn.Conv2d: _from_conv,
    own.PaddedConv2d: _from_conv,
    nn.MaxPool2d: _from_max_pool,
    nn.AvgPool2d: _from_avg_pool,
    nn.AdaptiveAvgPool2d: lambda m, dtype: layers.AdaptiveAvgPool2d(m.output_size),
    nn.Linear: lambda m, dtype: layers.Linear(
        m.in_features, m.out_features, m.bias is not None, dtype
    ),
    nn.Flatten: lambda m, dtype: layers.Flatten(m.start_dim, m.end_dim),
    nn.Identity: lambda m, dtype: layers.Identity(),
    nn.ReLU: lambda m, dtype: layers.ReLU(),
    nn.LeakyReLU: lambda m, dtype: layers.LeakyReLU(m.negative_slope),
    nn.Sigmoid: lambda m, dtype: layers.Sigmoid(),
    nn.Tanh: lambda m, dtype: layers.Tanh(),
    nn.Softsign: lambda m, dtype: layers.Softsign(),
    nn.GELU: lambda m, dtype: layers.GELU(m.approximate),
    nn.SiLU: lambda m, dtype: layers.SiLU(),
    nn.Dropout: lambda m, dtype: layers.Dropout(m.p),
    nn.BatchNorm1d: _from_batch_norm(layers.BatchNorm1d),
    nn.BatchNorm2d: _from_batch_norm(layers.BatchNorm2d),
    nn.LayerNorm: lambda m, dtype: layers.LayerNorm(
        m.normalized_shape, m.eps, m.weight is not None, m.bias is not None, dtype
    ),
    nn.GroupNorm: lambda m, dtype: layers.GroupNorm(
        m.num_groups, m.num_channels, m.eps, m.affine, dtype
    ),
    own.ZeroPadShortcut: lambda m, dtype: models.ZeroPadShortcut(
        m.in_channels, m.out_channels, m.stride
    ),
}

"""The modules that PyTorch lacks: what our layers do and none of its own does.

Imported only where PyTorch is wanted.
"""

from typing import Any

import torch
from torch import nn

__all__ = ["PaddedConv1d", "PaddedConv2d", "Residual", "ZeroPadShortcut"]


class Residual(nn.Module):
    """`cnnlite.Residual`: body(x) + shortcut(x), with the keys `body.*` and `shortcut.*`.

    Args:
        body: the branch.
        shortcut: the way around it; None is the identity.
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x) + (x if self.shortcut is None else self.shortcut(x))


class _PadsFirst:
    """A convolution with another padding on each side, which PyTorch's own do not offer.

    Args:
        sides: before and after along each axis: (top, bottom, left, right) of images.
        arguments, options: of PyTorch's convolution, whose own padding stays 0.
    """

    def __init__(self, sides: tuple[int, ...], *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.sides = sides

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        ends = list(zip(self.sides[::2], self.sides[1::2], strict=True))
        last_first = [side for two in reversed(ends) for side in two]
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        x = nn.functional.pad(x, last_first, mode)
        # Not super().forward: with circular padding it would pad again.
        convolve: Any = getattr(nn.functional, f"conv{len(ends)}d")
        y: torch.Tensor = convolve(
            x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups
        )
        return y


class PaddedConv2d(_PadsFirst, nn.Conv2d):
    """`torch.nn.Conv2d` that pads first."""


class PaddedConv1d(_PadsFirst, nn.Conv1d):
    """`torch.nn.Conv1d` that pads first."""


class ZeroPadShortcut(nn.Module):
    """`cnnlite.models.ZeroPadShortcut`: every stride-th pixel, and new channels of zeros.

    Args:
        in_channels, out_channels, stride: as there.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pixels = x[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(pixels, (0, 0, 0, 0, 0, self.out_channels - self.in_channels))

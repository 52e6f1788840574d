"""The modules that PyTorch lacks: what our layers do and none of its own does.

Imported only where PyTorch is wanted.
"""

import torch
from torch import nn

__all__ = ["PaddedConv2d", "Residual", "ZeroPadShortcut"]

Sides = tuple[int, int, int, int]


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


class PaddedConv2d(nn.Conv2d):
    """A convolution with another padding on each side, which `torch.nn.Conv2d` does not offer.

    Args:
        sides: (top, bottom, left, right), in pixels.
        arguments, options: of `torch.nn.Conv2d`, whose own padding stays 0.
    """

    def __init__(self, sides: Sides, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.sides = sides

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        top, bottom, left, right = self.sides
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        x = nn.functional.pad(x, (left, right, top, bottom), mode)
        # Not super().forward: with circular padding it would pad again.
        return nn.functional.conv2d(
            x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups
        )


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

"""Modules as they are published: each with a forward of its own."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class LeNet(nn.Module):
    """As in PyTorch's examples."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 12)
        self.fc2 = nn.Linear(12, 10)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = x.view(-1, 16 * 5 * 5)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, training=self.training)
        return self.fc2(x)


class BlitzNet(LeNet):
    """As in PyTorch's first tutorial, which counts the features."""

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, self.num_flat_features(x))
        return self.fc2(torch.tanh(self.fc1(x)))

    def num_flat_features(self, x: Any) -> Any:
        size = x.size()[1:]
        features = 1
        for s in size:
            features *= s
        return features


class Flattened(LeNet):
    """The ways to flatten."""

    def __init__(self, flatten: Callable[[Any], Any]) -> None:
        super().__init__()
        self.flatten = flatten

    def forward(self, x: Any) -> Any:
        x = self.conv1(x).relu()
        x = F.avg_pool2d(x, kernel_size=2, stride=2)
        x = F.max_pool2d(self.conv2(x).sigmoid(), 2)
        return self.fc2(F.leaky_relu(self.fc1(self.flatten(x)), 0.2))


def unpacked(x: Any) -> Any:
    n, c, h, w = x.shape
    return x.reshape(n, c * h * w)


def unpacked_rest(x: Any) -> Any:
    c, h, w = x.size()[1:]
    return x.view(-1, c * h * w)


FLATTENS: dict[str, Callable[[Any], Any]] = {
    "torch.flatten": lambda x: torch.flatten(x, 1),
    "flatten": lambda x: x.flatten(start_dim=1),
    "view, -1": lambda x: x.view(x.size(0), -1),
    "reshape, -1": lambda x: x.contiguous().reshape((x.shape[0], -1)),
    "len": lambda x: x.view(x.size()[0], 400),
    "unpacked": unpacked,
    "rest": unpacked_rest,
}


class BasicBlock(nn.Module):
    """As in torchvision."""

    def __init__(self, inside: int, out: int, stride: int = 1, downsample: Any = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = downsample

    def forward(self, x: Any) -> Any:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.conv2(out)
        out = self.bn2(out)
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    """As in torchvision, with few channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 8))
        down = nn.Sequential(nn.Conv2d(8, 12, 1, 2, bias=False), nn.BatchNorm2d(12))
        self.layer2 = nn.Sequential(BasicBlock(8, 12, 2, down), BasicBlock(12, 12))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(12, 10)

    def forward(self, x: Any) -> Any:
        return self._forward_impl(x)

    def _forward_impl(self, x: Any) -> Any:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        return self.fc(x)


class CifarBlock(nn.Module):
    """As in published ResNets for CIFAR-10: the shortcut is a Sequential, often an empty one."""

    def __init__(self, inside: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.shortcut = nn.Sequential()
        if stride != 1 or inside != out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Any) -> Any:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


class CifarResNet(nn.Module):
    """With a loop over blocks and a window as large as the plane."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.ModuleList([CifarBlock(8, 8), CifarBlock(8, 12, 2), CifarBlock(12, 12, 2)])
        self.linear = nn.Linear(12, 10)

    def forward(self, x: Any) -> Any:
        x = F.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        x = F.avg_pool2d(x, x.size()[3])
        x = x.view(x.size(0), -1)
        return self.linear(x)


class PreActivation(nn.Module):
    """Both branches begin behind the first activation; and a mean instead of a pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(3), nn.BatchNorm2d(8)
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.short = nn.Conv2d(3, 8, 1)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Any, scale: Any = None) -> Any:
        if scale is not None:
            x = x * scale
        out = F.relu(self.bn1(x))
        short = self.short(out)
        out = self.conv2(F.relu(self.bn2(self.conv1(out))))
        out = torch.add(short, out)
        out = F.gelu(out, approximate="tanh") + out
        return self.head(out.mean(dim=(2, 3)))


class ConvBNReLU(nn.Sequential):
    """As in torchvision's MobileNet: a Sequential with another constructor."""

    def __init__(self, inside: int, out: int, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inside, out, 3, padding=1, groups=groups, bias=False),
            nn.BatchNorm2d(out), nn.ReLU6(inplace=True),
        )  # fmt: skip


class Inverted(nn.Module):
    def __init__(self, inside: int, out: int) -> None:
        super().__init__()
        self.use_res_connect = inside == out
        self.conv = nn.Sequential(
            ConvBNReLU(inside, 2 * inside), ConvBNReLU(2 * inside, 2 * inside, 2 * inside),
            nn.Conv2d(2 * inside, out, 1), nn.BatchNorm2d(out),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        if self.use_res_connect:
            return x + self.conv(x)
        return self.conv(x)


class MobileNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(ConvBNReLU(3, 4), Inverted(4, 4), Inverted(4, 6))
        self.classifier = nn.Sequential(nn.Dropout(0.0), nn.Linear(6, 5))

    def forward(self, x: Any) -> Any:
        x = self.features(x)
        x = nn.functional.adaptive_avg_pool2d(x, 1).reshape(x.shape[0], -1)
        return self.classifier(x)


class ByFunctions(nn.Module):
    """Weights of its own, used by functions; and one used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(6, 3, 3, 3) / 5)
        self.b = nn.Parameter(torch.randn(6))
        self.square = nn.Linear(6, 6, bias=False)
        self.act = nn.SiLU()

    def forward(self, x: Any) -> Any:
        x = F.conv2d(x, self.w, self.b, stride=2, padding=1)
        x = self.act(F.interpolate(x, scale_factor=2, mode="nearest"))
        x = F.hardswish(F.elu(F.mish(x), 0.5))
        x = F.adaptive_max_pool2d(x, 1).flatten(1)
        return self.square(self.act(F.linear(x, self.square.weight)))


class Merged(nn.Module):
    """A part with two inputs, and sums within sums."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))
        self.merge = Merge()

    def forward(self, x: Any) -> Any:
        y = self.merge(self.a(x), self.b(x))
        z = y + self.c(y) + x
        return z + z


class Merge(nn.Module):
    def forward(self, left: Any, right: Any) -> Any:
        return torch.tanh(left + torch.relu(right))


PUBLISHED: dict[str, Callable[[], nn.Module]] = {
    "LeNet": LeNet, "BlitzNet": BlitzNet, "ResNet": ResNet, "CifarResNet": CifarResNet,
    "PreActivation": PreActivation, "MobileNet": MobileNet, "ByFunctions": ByFunctions,
    "Merged": Merged,
    **{f"Flattened {name}": lambda f=f: Flattened(f) for name, f in FLATTENS.items()},  # type: ignore[misc]
}  # fmt: skip

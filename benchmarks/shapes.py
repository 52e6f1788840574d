"""The layers whose speed decides how fast the networks of the comparison train."""

from dataclasses import dataclass

from cnnlite.cli.ladder import Conv

BATCH = 128

CONVOLUTIONS = (
    Conv("three_layer.conv", 3, 32, 32, kernel=7, padding=3),
    Conv("vanilla.conv", 3, 32, 32, kernel=7, padding=0),
    Conv("vgg.conv1", 3, 32, 32, kernel=3, padding=1),
    Conv("vgg.conv2", 32, 32, 32, kernel=3, padding=1),
    Conv("vgg.conv3", 32, 16, 64, kernel=3, padding=1),
    Conv("vgg.conv4", 64, 16, 64, kernel=3, padding=1),
    Conv("vgg.conv5", 64, 8, 128, kernel=3, padding=1),
    Conv("vgg.conv6", 128, 8, 128, kernel=3, padding=1),
    Conv("resnet.stage1", 16, 32, 16, kernel=3, padding=1),
    Conv("resnet.down2", 16, 32, 32, kernel=3, padding=1, stride=2),
    Conv("resnet.project2", 16, 32, 32, kernel=1, padding=0, stride=2),
    Conv("resnet.stage2", 32, 16, 32, kernel=3, padding=1),
    Conv("resnet.down3", 32, 16, 64, kernel=3, padding=1, stride=2),
    Conv("resnet.stage3", 64, 8, 64, kernel=3, padding=1),
    Conv("airbench.whiten", 3, 32, 24, kernel=2, padding=0, batch=500),
    Conv("airbench.conv1", 24, 31, 64, kernel=3, padding=1, batch=500),
    Conv("airbench.conv2", 64, 15, 64, kernel=3, padding=1, batch=500),
    Conv("airbench.conv3", 64, 15, 256, kernel=3, padding=1, batch=500),
    Conv("airbench.conv4", 256, 7, 256, kernel=3, padding=1, batch=500),
    Conv("airbench.conv5", 256, 3, 256, kernel=3, padding=1, batch=500),
    Conv("pointwise", 64, 16, 128, kernel=1, padding=0),
    Conv("depthwise", 64, 16, 64, kernel=3, padding=1, groups=64),
    Conv("depthwise.down", 64, 16, 64, kernel=3, padding=1, stride=2, groups=64),
)


@dataclass(frozen=True)
class Pool:
    """One 2x2 pooling of a network."""

    name: str
    channels: int
    size: int


POOLS = (
    Pool("three_layer.pool", 32, 32),
    Pool("vanilla.pool", 32, 26),
    Pool("vgg.pool2", 64, 16),
    Pool("vgg.pool3", 128, 8),
)

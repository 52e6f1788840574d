"""The layers whose speed decides how fast the zoo's networks train."""

from dataclasses import dataclass

BATCH = 128


@dataclass(frozen=True)
class Conv:
    """One convolution of a network: square images and kernels, stride 1 unless given."""

    name: str
    channels: int
    size: int
    filters: int
    kernel: int
    padding: int
    stride: int = 1

    @property
    def out_size(self) -> int:
        """Rows, and columns, of the output."""
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def multiply_adds(self) -> int:
        """Multiplications with addition that one forward pass of one image takes."""
        return self.filters * self.channels * self.kernel**2 * self.out_size**2


@dataclass(frozen=True)
class Pool:
    """One 2x2 pooling of a network."""

    name: str
    channels: int
    size: int


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
    Conv("resnet.stage2", 32, 16, 32, kernel=3, padding=1),
    Conv("resnet.stage3", 64, 8, 64, kernel=3, padding=1),
)

POOLS = (
    Pool("three_layer.pool", 32, 32),
    Pool("vanilla.pool", 32, 26),
    Pool("vgg.pool2", 64, 16),
    Pool("vgg.pool3", 128, 8),
)

"""The groups of layers that run together, each in one pass over memory.

Every group gives the bits of its layers one by one, which the tests compare; the reasons why it
can stand with the operations in `functional` that do the work.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from cnnlite.functional import relu_backward
from cnnlite.functional.activations import OutputCache
from cnnlite.layers.activations import ReLU
from cnnlite.layers.base import Grads, Layer
from cnnlite.layers.batch_norm import BatchNorm1d, BatchNorm2d
from cnnlite.layers.container import child_rng
from cnnlite.layers.conv import Conv2d
from cnnlite.layers.linear import Linear
from cnnlite.layers.pooling import MaxPool2d
from cnnlite.layers.residual import Residual
from cnnlite.layers.steps import FUSED, Step, SumStep
from cnnlite.random import Rng

__all__ = ["ConvStep", "NormStep", "ReLUStep", "ResidualReLUStep"]


class ConvStep(Step):
    """Convolution, then ReLU or 2x2 max-pooling or both: the "sandwich" of the course.

    What lies between the layers is never written to memory, in neither direction.
    """

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        super().__init__(layers)
        self.name, self.conv = next(iter(self.layers.items()))
        kinds = [type(layer) for layer in self.layers.values()]
        self.relu, self.pool = ReLU in kinds, MaxPool2d in kinds

    @classmethod
    def make(cls, layers: Mapping[str, Layer]) -> "ConvStep | None":
        """Return the step, or None if the pooling is not 2x2 with stride 2 and nothing else."""
        for layer in layers.values():
            if isinstance(layer, MaxPool2d) and not layer.halves:
                return None
        return cls(layers)

    def forward(self, x: np.ndarray, train: bool, rng: Rng | None) -> tuple[np.ndarray, Any]:
        assert isinstance(self.conv, Conv2d)
        return self.conv.forward_block(x, self.relu, self.pool)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool
    ) -> tuple[np.ndarray | None, list[tuple[str, Grads]]]:
        dx, grads = self.conv.backward(dy, cache, need_dx)
        return dx, [(self.name, grads)]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.forward(x, False, None)[0]


class ReLUStep(Step):
    """A layer that can put its output through ReLU while it writes it.

    Batch normalisation finds again from x what ReLU stopped, a linear layer keeps the output: the
    next layer keeps it anyway.
    """

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        super().__init__(layers)
        self.name, self.layer = next(iter(self.layers.items()))

    def forward(self, x: np.ndarray, train: bool, rng: Rng | None) -> tuple[np.ndarray, Any]:
        if isinstance(self.layer, Linear):
            return self.layer.forward_relu(x)
        assert isinstance(self.layer, BatchNorm1d | BatchNorm2d)
        return self.layer.forward_relu(x, train)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool
    ) -> tuple[np.ndarray | None, list[tuple[str, Grads]]]:
        dx, grads = self.layer.backward(dy, cache, need_dx)
        return dx, [(self.name, grads)]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.forward(x, False, None)[0]


class NormStep(SumStep):
    """Batch normalisation; at the end of a residual block it adds the shortcut to its output."""

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        super().__init__(layers)
        ((self.name, self.norm),) = self.layers.items()

    def forward_sum(
        self, x: np.ndarray, train: bool, rng: Rng | None, addend: np.ndarray, relu: bool
    ) -> tuple[np.ndarray, Any]:
        assert isinstance(self.norm, BatchNorm1d | BatchNorm2d)
        return self.norm.forward_sum(x, train, addend, relu)

    def backward_sum(
        self, dy: np.ndarray, cache: Any, need_dx: bool
    ) -> tuple[np.ndarray | None, list[tuple[str, Grads]], np.ndarray]:
        assert isinstance(self.norm, BatchNorm1d | BatchNorm2d)
        dx, grads, daddend = self.norm.backward_sum(dy, cache, need_dx)
        return dx, [(self.name, grads)], daddend


class ResidualReLUCache(NamedTuple):
    """What a residual block with ReLU behind it needs.

    Attributes:
        residual: the block's own cache.
        y: the output: 0 where ReLU stopped.
    """

    residual: Any
    y: np.ndarray


class ResidualReLUStep(Step):
    """A residual block whose sum goes through ReLU while it is written."""

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        super().__init__(layers)
        self.name, self.residual = next(iter(self.layers.items()))

    def forward(self, x: np.ndarray, train: bool, rng: Rng | None) -> tuple[np.ndarray, Any]:
        assert isinstance(self.residual, Residual)
        place = child_rng(rng, self.name, self.residual)
        y, cache = self.residual.forward_sum(x, train, place, relu=True)
        return y, ResidualReLUCache(cache, y)

    def backward(
        self, dy: np.ndarray, cache: ResidualReLUCache, need_dx: bool
    ) -> tuple[np.ndarray | None, list[tuple[str, Grads]]]:
        if not cache.residual.sum_in_body:  # which undoes the ReLU itself
            dy = relu_backward(dy, OutputCache(cache.y))
        dx, grads = self.residual.backward(dy, cache.residual, need_dx)
        return dx, [(self.name, grads)]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        assert isinstance(self.residual, Residual)
        return self.residual.infer_sum(x, relu=True)


FUSED[Conv2d, ReLU] = ConvStep.make
FUSED[Conv2d, MaxPool2d] = ConvStep.make
FUSED[Conv2d, ReLU, MaxPool2d] = ConvStep.make
FUSED[Linear, ReLU] = ReLUStep
FUSED[(BatchNorm1d,)] = NormStep
FUSED[(BatchNorm2d,)] = NormStep
FUSED[BatchNorm1d, ReLU] = ReLUStep
FUSED[BatchNorm2d, ReLU] = ReLUStep
FUSED[Residual, ReLU] = ResidualReLUStep

"""One network in two frameworks: the same weights, the same batches, the same updates."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnlite import layers as nn
from cnnlite.data import Dataset, batches
from cnnlite.interop.torch import state_to_torch, to_torch
from cnnlite.losses import CrossEntropyLoss
from cnnlite.optim import SGD
from cnnlite.random import init_generator

BATCH, LR, MOMENTUM, WEIGHT_DECAY = 128, 0.01, 0.9, 5e-4
Batch = tuple[np.ndarray, np.ndarray]


@dataclass
class Run:
    """An epoch in one dtype: the losses of each step, and how far the weights are apart.

    Attributes:
        ours, theirs: losses of cnnlite and of PyTorch, each with weights of its own.
        bit: losses of cnnlite after the last bit of one weight was changed at the start.
        same: losses of PyTorch when it is given cnnlite's weights before each step.
        apart, apart_bit: relative distance of PyTorch's weights from cnnlite's, and of the weights
            with the changed bit.
    """

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    bit: list[float] = field(default_factory=list)
    same: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)
    apart_bit: list[float] = field(default_factory=list)

    def gap(self, which: str) -> np.ndarray:
        """Return |loss - cnnlite's loss| of each step, for "theirs", "bit" or "same"."""
        return np.abs(np.array(getattr(self, which)) - self.ours)


def network(seed: int = 0, smooth: bool = False) -> nn.Sequential:
    """Return 16 and 32 filters of 3x3 with batch-norm, ReLU and pooling; a linear layer.  float32.

    Args:
        seed: of the weights.
        smooth: SiLU in place of ReLU and the mean in place of the maximum: no kinks.
    """
    rng = init_generator(seed)
    g, pool = (nn.SiLU, nn.AvgPool2d) if smooth else (nn.ReLU, nn.MaxPool2d)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False, rng=rng), nn.BatchNorm2d(16), g(), pool(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False, rng=rng), nn.BatchNorm2d(32), g(), pool(2),
        nn.Flatten(), nn.Linear(2048, 10, rng=rng),
    )  # fmt: skip


def epoch(data: Dataset, dtype: np.dtype, seed: int = 0) -> Iterator[Batch]:
    """Yield the batches of an epoch; in float64 they are the same numbers as in float32."""
    X, y = data["X_train"], data["y_train"]
    order = batches.epoch_order(len(X), 0, seed)
    for start in range(0, len(order), BATCH):
        index = order[start : start + BATCH]
        images = batches.gather(X, index, data.normalization, np.float32)
        yield images.astype(dtype, copy=False), y[index]


class Ours:
    """cnnlite's training.

    Args:
        model: trained in place.
    """

    def __init__(self, model: nn.Sequential) -> None:
        self.model = model
        self.loss = CrossEntropyLoss()
        self.optimizer = SGD(LR, MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True)

    def step(self, batch: Batch) -> float:
        """Take one step and return the loss before it."""
        x, y = batch
        scores, cache = self.model.forward(x)
        value, loss_cache = self.loss.forward(scores, y)
        _, grads = self.model.backward(self.loss.backward(loss_cache), cache, need_dx=False)
        self.optimizer.step(self.model.params, grads)
        return float(value)

    def weights(self) -> np.ndarray:
        """Return all parameters in one row, float64."""
        return _row(self.model.params.values())


class Theirs:
    """PyTorch's training of the same network.

    Args:
        model: has the first weights; it is not changed.
    """

    def __init__(self, model: nn.Sequential) -> None:
        import torch

        self.torch: Any = torch
        self.module = to_torch(model).train()
        self.optimizer = torch.optim.SGD(
            self.module.parameters(), LR, MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
        )

    def step(self, batch: Batch) -> float:
        """Take one step and return the loss before it."""
        self.optimizer.zero_grad()
        value = self._loss(batch)
        value.backward()
        self.optimizer.step()
        return float(value.item())

    def loss_with(self, state: dict[str, np.ndarray], batch: Batch) -> float:
        """Return the loss with cnnlite's state in place of its own, and take no step."""
        self.module.load_state_dict(state_to_torch(state))
        with self.torch.no_grad():
            return float(self._loss(batch).item())

    def weights(self) -> np.ndarray:
        """Return all parameters in one row, float64."""
        return _row(p.detach().numpy() for p in self.module.parameters())

    def _loss(self, batch: Batch) -> Any:
        images, labels = (self.torch.from_numpy(array) for array in batch)
        return self.torch.nn.functional.cross_entropy(self.module(images), labels)


def one_bit_off(model: nn.Sequential) -> nn.Sequential:
    """Change the last bit of the first weight, in place, and return the model."""
    weight = next(iter(model.params.values()))
    weight.flat[0] = np.nextafter(weight.flat[0], weight.dtype.type(np.inf))
    return model


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return |a - b| / |b|, in the Euclidean norm."""
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def _row(arrays: Any) -> np.ndarray:
    return np.concatenate([np.ravel(array) for array in arrays]).astype(np.float64)


def layer_by_layer(model: nn.Sequential, batch: Batch) -> list[tuple[str, float]]:
    """Return each layer's name, and how far PyTorch's output is from ours after it.

    Both start from the same images with the same weights; the distance is `distance` of all
    outputs.  The model's state is put back.
    """
    import torch

    state = model.state_dict()
    theirs: Any = torch.from_numpy(batch[0])
    ours, found = batch[0], []
    with torch.no_grad():
        for layer in model:
            module = to_torch(layer).train()
            ours, theirs = layer.forward(ours)[0], module(theirs)
            apart = distance(theirs.numpy().astype(np.float64), ours.astype(np.float64))
            found.append((type(layer).__name__, apart))
    model.load_state_dict(state)
    return found

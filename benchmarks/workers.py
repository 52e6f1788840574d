"""The sides of the comparison: each a process of its own that takes training steps when told."""

import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np

from cnnlite.models import MODELS

LR, MOMENTUM, WEIGHT_DECAY = 0.01, 0.9, 5e-4
Step = Callable[[np.ndarray, np.ndarray], float]


def batch(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The one batch that both sides train on."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((size, 3, 32, 32), dtype=np.float32), rng.integers(0, 10, size)


def cnnlite_step(network: str, threads: int) -> Step:
    """Return a function that takes one training step and returns the loss."""
    import cnnlite

    cnnlite.set_num_threads(threads)
    model, loss = MODELS[network](rng=0), cnnlite.CrossEntropyLoss()
    optimizer = cnnlite.SGD(lr=LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True)

    def step(x: np.ndarray, targets: np.ndarray) -> float:
        scores, cache = model.forward(x)
        value, loss_cache = loss.forward(scores, targets)
        _, grads = model.backward(loss.backward(loss_cache), cache, need_dx=False)
        optimizer.step(model.params, grads)
        return float(value)

    return step


def torch_step(network: str, threads: int, channels_last: bool = False) -> Step:
    """The same for PyTorch, from the same weights; `channels_last` is its NHWC memory order."""
    import torch

    from benchmarks.torch_twin import torch_twin

    torch.set_num_threads(threads)
    order = torch.channels_last if channels_last else torch.contiguous_format
    model = torch_twin(MODELS[network](rng=0)).to(memory_format=order)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )

    def step(x: np.ndarray, targets: np.ndarray) -> float:
        images = torch.from_numpy(x).to(memory_format=order)
        optimizer.zero_grad()
        value = torch.nn.functional.cross_entropy(model(images), torch.from_numpy(targets))
        value.backward()
        optimizer.step()
        return value.item()

    return step


def channels_last_step(network: str, threads: int) -> Step:
    """`torch_step` in PyTorch's other memory order."""
    return torch_step(network, threads, channels_last=True)


SIDES = {"cnnlite": cnnlite_step, "torch NCHW": torch_step, "torch NHWC": channels_last_step}


def work(side: str, network: str, threads: int, batch_size: int, pipe: Connection) -> None:
    """Serve one side: each number received is answered by (losses, seconds) of that many steps.

    Args:
        side: a key of SIDES.
        network: a key of MODELS.
        threads: threads that this side may use.
        batch_size: images a step.
        pipe: where numbers of steps come from and answers go to; 0 ends the process.
    """
    step = SIDES[side](network, threads)
    x, targets = batch(batch_size)
    while steps := pipe.recv():
        start = time.perf_counter()
        losses = [step(x, targets) for _ in range(steps)]
        pipe.send((losses, time.perf_counter() - start))

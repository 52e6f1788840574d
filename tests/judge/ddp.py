"""A training by PyTorch's DistributedDataParallel, on two processes that talk by gloo.

    python -m tests.judge.ddp RANK MEETING RESULT

A rank is a process of its own, and ends without taking its group down: now and then the destructor
of PyTorch's ProcessGroupGloo waits forever for a thread (seen with 2.13 on busy machines).
"""

from __future__ import annotations

import faulthandler
import os
import sys
import traceback
import warnings
from typing import Any

import numpy as np

STEPS, IMAGES, RANKS = 20, 16, 2
LONG = 120.0
"""Seconds until a rank counts as hanging; it tells where, and ends."""


def batches() -> tuple[np.ndarray, np.ndarray]:
    """Return the images (steps, images, 3, 8, 8) and labels of all steps."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((STEPS, IMAGES, 3, 8, 8))
    return x, rng.integers(0, 4, (STEPS, IMAGES))


def module() -> Any:
    """Return the network, in float64, with the same first weights each time."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(128, 4),
    ).double()


def train(rank: int, meeting: str) -> tuple[list[float], dict[str, np.ndarray]]:
    """Train on this rank's shard of each batch.

    Args:
        rank: 0 or 1.
        meeting: the file by which the processes find each other.

    Returns:
        The mean of the ranks' losses of each step, and of what they have in the end.
    """
    import torch
    from torch import distributed
    from torch.nn.parallel import DistributedDataParallel

    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=RANKS
    )
    network, criterion, losses = module(), torch.nn.CrossEntropyLoss(), []
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # of its new name
        parallel = DistributedDataParallel(network, broadcast_buffers=False)
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9, weight_decay=1e-3)
    part = slice(rank * IMAGES // RANKS, (rank + 1) * IMAGES // RANKS)
    for x, y in zip(*map(torch.tensor, batches()), strict=True):
        optimizer.zero_grad()
        loss = criterion(parallel(x[part]), y[part])
        loss.backward()
        optimizer.step()
        losses.append(_mean(loss.detach()).item())
    state = {key: _mean(array.double()).numpy() for key, array in network.state_dict().items()}
    distributed.barrier()
    return losses, state


def _mean(tensor: Any) -> Any:
    """Return the mean over the ranks."""
    from torch import distributed

    whole = tensor.clone()
    distributed.all_reduce(whole)
    return whole / RANKS


def main(rank: int, meeting: str, result: str) -> None:
    """Train, write what the ranks have come to into a file (.npz), and end this process at once."""
    import torch

    faulthandler.dump_traceback_later(LONG, exit=True)
    torch.set_num_threads(1)
    try:
        losses, state = train(rank, meeting)
        np.savez(result, losses=losses, **state)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])

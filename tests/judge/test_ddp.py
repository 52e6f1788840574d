"""Shards are what PyTorch's DistributedDataParallel makes of a batch."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite import Solver
from cnnlite.interop.torch import from_torch
from cnnlite.optim import SGD
from tests.judge import ddp


def test_shards_are_the_ranks_of_distributed_data_parallel(torch: Any, tmp_path: Path) -> None:
    """Batch-norm's running statistics are the mean of those that its ranks come to."""
    meeting = str(tmp_path / "meeting")
    command = [sys.executable, "-m", "tests.judge.ddp", meeting]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as other:
        try:
            losses, state = ddp.train(0, meeting)
        except BaseException:
            other.kill()
            raise
    x, y = ddp.batches()
    model = from_torch(ddp.module())
    data = {"X_train": x[0], "y_train": y[0], "X_val": x[0], "y_val": y[0]}
    solver = Solver(
        model, data, optimizer=SGD(0.05, momentum=0.9, weight_decay=1e-3),
        batch_size=ddp.IMAGES, shards=ddp.RANKS, verbose=False,
    )  # fmt: skip
    ours = [solver.train_step(*batch) for batch in zip(x, y, strict=True)]
    np.testing.assert_allclose(ours, losses, rtol=1e-8)
    for key, array in model.state_dict().items():
        np.testing.assert_allclose(array, state[key], rtol=1e-8, atol=1e-8, err_msg=key)

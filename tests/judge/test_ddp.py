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

ROOT = Path(__file__).parents[2]


def test_shards_are_the_ranks_of_distributed_data_parallel(torch: Any, tmp_path: Path) -> None:
    """Batch-norm's running statistics are the mean of those that its ranks come to."""
    files = [tmp_path / f"rank{rank}.npz" for rank in range(ddp.RANKS)]
    program = [sys.executable, "-m", "tests.judge.ddp"]
    processes = [
        subprocess.Popen([*program, str(rank), tmp_path / "meeting", file], cwd=ROOT)
        for rank, file in enumerate(files)
    ]
    try:
        assert [process.wait(2 * ddp.LONG) for process in processes] == [0] * ddp.RANKS
    finally:
        for process in processes:
            process.kill()
            process.wait()
    with np.load(files[0]) as found:
        theirs = dict(found)
    x, y = ddp.batches()
    model = from_torch(ddp.module())
    data = {"X_train": x[0], "y_train": y[0], "X_val": x[0], "y_val": y[0]}
    solver = Solver(
        model, data, optimizer=SGD(0.05, momentum=0.9, weight_decay=1e-3),
        batch_size=ddp.IMAGES, shards=ddp.RANKS, verbose=False,
    )  # fmt: skip
    ours = [solver.train_step(*batch) for batch in zip(x, y, strict=True)]
    np.testing.assert_allclose(ours, theirs["losses"], rtol=1e-8)
    for key, array in model.state_dict().items():
        np.testing.assert_allclose(array, theirs[key], rtol=1e-8, atol=1e-8, err_msg=key)

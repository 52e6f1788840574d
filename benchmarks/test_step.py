"""One whole training step of each network of the zoo: forward, loss, backward, update; batch 128.

    pytest benchmarks/test_step.py --benchmark-columns=median,iqr
    pytest benchmarks/test_step.py --benchmark-json=step.json      # extra_info holds images/s
"""  # fmt: skip

from typing import Any

import numpy as np
import pytest

from benchmarks.shapes import BATCH
from cnnlite import SGD, CrossEntropyLoss
from cnnlite.models import MODELS


@pytest.mark.parametrize("name", sorted(MODELS))
def test_training_step(benchmark: Any, name: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, 3, 32, 32), dtype=np.float32)
    targets = rng.integers(0, 10, BATCH)
    model, loss = MODELS[name](rng=0), CrossEntropyLoss()
    optimizer = SGD(lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)

    def step() -> None:
        scores, cache = model.forward(x)
        _, loss_cache = loss.forward(scores, targets)
        _, grads = model.backward(loss.backward(loss_cache), cache, need_dx=False)
        optimizer.step(model.params, grads)

    benchmark(step)
    if benchmark.stats:
        benchmark.extra_info["images/s"] = round(BATCH / benchmark.stats.stats.median)

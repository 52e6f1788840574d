"""Rates beside the times: what a benchmark moved or computed, a second."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def measure(benchmark: Any) -> Callable[..., None]:
    """measure(call, *arguments, rate=..., amount=...): time a call, note billions a second.

    `amount` is what one call handles: bytes for the rate "GB/s", floating-point operations for
    "GFLOP/s".
    """

    def run(call: Callable[..., object], *arguments: object, rate: str, amount: float) -> None:
        benchmark(call, *arguments)
        if benchmark.stats:  # None when benchmarks run as plain tests (--benchmark-disable)
            benchmark.extra_info[rate] = round(amount / benchmark.stats.stats.median / 1e9, 2)

    return run

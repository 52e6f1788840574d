"""What the machine can do, measured."""

import pytest

from cnnlite import rates
from cnnlite.rates import Limits


def test_the_machines_rate_is_measured_with_that_many_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = {}
    monkeypatch.setattr(rates, "SGEMM_SIZE", 64)
    run = rates.subprocess.run

    def spy(command: list[str], **options: object) -> object:
        seen.update(options["env"])
        return run(command, **options)

    monkeypatch.setattr(rates.subprocess, "run", spy)
    assert rates.sgemm_rate(3, rounds=1) > 0
    assert seen["OPENBLAS_NUM_THREADS"] == seen["OMP_NUM_THREADS"] == "3"


def test_the_limit_is_the_slower_of_arithmetic_and_memory() -> None:
    limits = Limits(gflops=100, gbytes=10, threads=1)
    assert limits.seconds(flops=2e9, nbytes=1e8) == pytest.approx(0.02)
    assert limits.seconds(flops=2e9, nbytes=1e9) == pytest.approx(0.1)

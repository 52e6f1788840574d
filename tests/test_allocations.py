"""A training step's memory; once it has run a few times, it takes none from the system."""

import numpy as np
import pytest

from benchmarks.allocations import kept, steady, trainer
from benchmarks.networks import NETWORKS
from cnnlite.backend import backend_name

LIMIT = 64_000  # bytes

compiled = pytest.mark.skipif(backend_name != "compiled", reason="the twins in NumPy allocate")


@compiled
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_steady_step_takes_no_new_block_and_nothing_above_64_kb(name: str) -> None:
    found = steady(trainer(NETWORKS[name], 20))
    assert found.blocks == 0
    assert found.largest < LIMIT


@compiled
@pytest.mark.usefixtures("one_thread")
def test_gradients_working_memory_and_gaps_are_less_than_half_of_what_must_be_kept() -> None:
    network = NETWORKS["VGG"]
    assert steady(trainer(network, 128)).pool < 1.5 * kept(network, 128)


def test_what_is_allocated_for_a_moment_is_seen() -> None:
    assert steady(lambda: np.ones(100_000).sum()).largest >= 800_000
    assert steady(lambda: [np.ones(1_000) for _ in range(100)]).transient >= 800_000

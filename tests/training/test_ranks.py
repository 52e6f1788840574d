"""Trainings on several processes: the bits are those of one process."""

from __future__ import annotations

import shutil

import pytest

from cnnlite.installed import is_installed
from tests import same_ranks, trainings

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.skipif(
        not (is_installed("mpi4py") and shutil.which("mpirun")), reason="needs mpi4py and mpirun"
    ),
]


def test_two_ranks_have_the_bits_of_one() -> None:
    alone = same_ranks.solver("small")
    alone.train()
    done = same_ranks.run(2, "train", "small")
    assert done.stdout.strip() == f"small: {trainings.fingerprint(alone)}"

"""`cnnlite bench`."""

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cnnlite import rates
from cnnlite.backend import backend_name
from cnnlite.cli import bench, ladder

Cli = Callable[..., Any]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small layers, and no product of large matrices."""
    small = (("3x3", 3, 8, 4, 3, 1, 1, 2), ("1x1", 16, 8, 16, 1, 0, 1, 2))
    monkeypatch.setattr(bench, "LAYERS", small)
    monkeypatch.setattr(rates, "SGEMM_SIZE", 64)
    monkeypatch.setattr(rates, "STREAM_BYTES", 2**16)


@pytest.mark.skipif(backend_name != "compiled", reason="measures the compiled kernels")
@pytest.mark.usefixtures("short")
def test_prints_a_row_for_each_rung_that_can_do_the_layer(cli: Cli) -> None:
    outcome = cli("bench", "--threads", "1", "--rounds", "1")
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert re.fullmatch(
        r"1 threads, \w+; NumPy's sgemm \d+ GFLOP/s, cnnlite's \d+; memory \d+ GB/s", lines[0]
    )
    rungs = [re.search(r"naive|im2col|tiled|winograd", line)[0] for line in lines[2:]]
    assert rungs == ["naive", "im2col", "tiled", "winograd", "naive", "im2col", "tiled"]
    assert lines[2].startswith("3x3 3-4 @8 ")
    assert all(line.count("%)") == 3 for line in lines[2:])


def test_the_layers_are_those_of_the_ladder() -> None:
    layers = [ladder.Conv(*numbers) for numbers in bench.LAYERS]
    rungs = {rung for layer in layers for rung in ladder.rungs_for(layer)}
    assert rungs == {"naive", "im2col", "tiled", "winograd"}


def test_the_reference_backend_is_not_measured() -> None:
    program = (
        "import os; os.environ['CNNLITE_BACKEND'] = 'reference'; "
        "from cnnlite.cli import main; raise SystemExit(main(['bench']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("cnnlite bench: CNNLITE_BACKEND is 'reference'")


def test_no_threads_is_a_wrong_command_line(cli: Cli) -> None:
    assert "--threads" in cli("bench", "--threads", "0").complaint


def test_more_threads_than_there_can_be(cli: Cli) -> None:
    assert "--threads" in cli("bench", "--threads", "100000").complaint

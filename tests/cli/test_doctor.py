"""`cnnlite doctor`."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnlite
from cnnlite.cli.doctor import EXTRAS
from cnnlite.cli.machine import machine, numpy_blas

Cli = Callable[..., Any]


def test_says_what_a_bug_report_needs(cli: Cli) -> None:
    outcome = cli("doctor")
    assert outcome.status == 0
    rows = dict(re.split(r" {2,}", line, maxsplit=1) for line in outcome.out.splitlines())
    assert rows["cnnlite"] == cnnlite.__version__
    assert rows["numpy"] == np.__version__
    assert rows["threads"] == str(cnnlite.get_num_threads())
    assert rows["numpy's blas"] == numpy_blas()
    assert rows["multithreaded"] in ("yes", "no")
    assert {"compiler", "instruction set", "backend", "python", "cpus"} <= set(rows)
    assert rows["cifar-10"].startswith("CIFAR-10 is not in ")


@pytest.mark.cifar10
def test_finds_the_data(cli: Cli, cifar10_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLITE_DATA", str(cifar10_root))
    assert "found in " in cli("doctor").out


@pytest.mark.parametrize("extra", ["viz", "see", "sweep", "dask", "ray", "torch", "onnx"])
def test_all_that_an_extra_brings_is_listed(extra: str) -> None:
    """The extra `see` was missing."""
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    wanted = pyproject["project"]["optional-dependencies"][extra]
    named = {re.split("[>=]", package)[0] for package in wanted}
    assert {name for name in named if not name.startswith("cnnlite[")} <= set(EXTRAS)


def test_an_unknown_blas_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "show_config", lambda mode: {})
    assert numpy_blas() == "unknown"


def test_the_machine_is_plain_values() -> None:
    assert all(isinstance(value, str | int | bool) for value in machine().values())

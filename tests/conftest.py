"""Fixtures and rules that all tests share."""

import gc
import importlib
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import environment
from tests.browser import browser as browser
from tests.browser import page as page


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run the whole suite on all CPUs; `-n 0` keeps it in one process."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    there = config.pluginmanager.hasplugin("xdist") and not config.option.usepdb
    worker = "PYTEST_XDIST_WORKER" in os.environ  # it comes here too, and must not start workers
    if whole and there and not worker and config.option.numprocesses is None:
        config.option.numprocesses = "auto"


@pytest.fixture
def rng() -> np.random.Generator:
    """The same numbers in every run."""
    return np.random.default_rng(0)


@pytest.fixture(autouse=True, scope="session")
def no_terminal() -> Iterator[None]:
    """Output is as wide as it is: pytest-xdist tells its workers the width of a terminal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def drawn_once() -> Iterator[None]:
    """Draw the images of the embedded data set once: a hundred trainings use the same ones."""
    embedded = importlib.import_module("cnnlite.data.embedded")
    draw, drawn = embedded.draw, {}

    def draw_once(labels: np.ndarray, keys: np.ndarray) -> np.ndarray:
        what = labels.tobytes(), keys.tobytes()
        if what not in drawn:
            drawn[what] = draw(labels, keys)
        return drawn[what]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "draw", draw_once)
        yield


@pytest.fixture(autouse=True, scope="session")
def ports_of_its_own() -> Iterator[None]:
    """Live pages of each worker have ports that those of another do not take meanwhile."""
    from cnnlite.watch import address

    number = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", "0"))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(address, "FIRST_PORT", address.FIRST_PORT + address.TRIED * (number + 1))
        yield


@pytest.fixture(autouse=True, scope="session")
def several_threads_for_small_arrays() -> Iterator[None]:
    """Kernels stay on one thread for arrays as small as those of most tests; not here."""
    from cnnlite.backend import backend_name

    if backend_name == "reference":
        yield
        return
    from cnnlite._ext import runtime

    runtime.set_worth_a_thread(4096)
    yield
    runtime.set_worth_a_thread()


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For networks so small that they gain nothing from more, and lose much on a busy machine."""
    import cnnlite

    before = cnnlite.get_num_threads()
    cnnlite.set_num_threads(1)
    yield
    cnnlite.set_num_threads(before)


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch as the judge: skips without it, fails when CNNLITE_REQUIRE_TORCH=1."""
    torch = _judge("torch")
    torch.set_num_threads(1)  # tensors are small: threads would only wait for one another
    return torch


@pytest.fixture(scope="session")
def onnx() -> Any:
    """ONNX with its published tests: skips without it, fails when CNNLITE_REQUIRE_ONNX=1."""
    return _judge("onnx")


@pytest.fixture(scope="session")
def jupyter() -> Any:
    """What runs notebooks, nbclient: skips without it, fails when CNNLITE_REQUIRE_JUPYTER=1."""
    try:
        importlib.import_module("ipykernel")
        return importlib.import_module("nbclient")
    except ImportError as error:
        if environment.REQUIRE_JUPYTER.value():
            pytest.fail(f"{environment.REQUIRE_JUPYTER.name}=1, and {error}")
        pytest.skip("needs nbclient and ipykernel")


def _judge(name: str) -> Any:
    required = getattr(environment, f"REQUIRE_{name.upper()}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError:
        if required.value():
            pytest.fail(f"{required.name}=1, and {name} cannot be imported")
        pytest.skip(f"needs {name}")


@pytest.fixture(scope="session")
def cifar10_root() -> Path:
    """The folder that holds CIFAR-10, for tests marked cifar10."""
    root = _cifar10_root()
    assert root is not None
    return root


def pytest_configure() -> None:
    """Hear Ctrl-C, also where the tests run in the background of a shell, which turns it off."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leave what collection has made, a million objects, out of each later garbage collection."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    no_data = pytest.mark.skip(reason="needs CIFAR-10 in the folder that CNNLITE_DATA names")
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        for judge in {"torch", "onnx", "browser"} & used:
            item.add_marker(judge)
        if "jupyter" in used:
            item.add_marker("notebook")
        if item.get_closest_marker("cifar10") and _cifar10_root() is None:
            item.add_marker(no_data)


def _cifar10_root() -> Path | None:
    root = Path(environment.DATA.value() or "nowhere")
    found = any((root / name).is_dir() for name in ("cifar-10-batches-py", "cifar-10-batches-bin"))
    return root if found else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases of hostile input there were."""
    fuzz = sys.modules.get("tests.fuzz")
    if fuzz is not None and fuzz.done:
        text = ", ".join(f"{count} {name}" for name, count in sorted(fuzz.done.items()))
        terminalreporter.write_line(f"hostile input: {text}")

"""The callback: nothing that happens to its page changes a training, or ends it."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import signal
import socket
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

from cnnlite.callbacks import Keep
from cnnlite.solver import Solver, TrainingDiverged
from cnnlite.watch import Live, address
from tests import trainings
from tests.watching import LONG, Page, Watched, ask

pytestmark = pytest.mark.usefixtures("one_thread")
Watch, Open = Callable[..., Watched], Callable[[str], Page]


EPOCHS = 6


def silent(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def plain(one_thread: None) -> Solver:
    solver = trainings.solver(num_epochs=EPOCHS)
    solver.train()
    return solver


@pytest.mark.parametrize("keep", [False, True])
def test_the_weights_have_the_same_bits_with_a_page_and_without(
    watch: Watch, open_page: Open, plain: Solver, tmp_path: Path, keep: bool
) -> None:
    callbacks = [Keep(tmp_path / "kept")] if keep else []
    watched = watch(callbacks=callbacks, num_epochs=EPOCHS)
    page = open_page(watched.address)
    page.send(do="resume")
    page.state(lambda state: state["ended"] is not None)
    watched.thread.join(LONG)
    assert watched.errors == []
    assert trainings.fingerprint(watched.solver) == trainings.fingerprint(plain)


def test_pages_that_vanish_or_do_not_listen_stop_nothing(
    watch: Watch, open_page: Open, plain: Solver
) -> None:
    """One is cut off, one never reads, one sends rubbish instead of a request."""
    watched = watch(num_epochs=EPOCHS)
    gone, deaf, page = (open_page(watched.address) for _ in range(3))
    gone.state(lambda state: True)
    gone.socket.socket.shutdown(socket.SHUT_RDWR)
    deaf.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    port = int(watched.address.split(":")[2].split("/")[0])
    rude = socket.create_connection((address.HOST, port))
    rude.sendall(b"\x16\x03\x01 nonsense" * 1000)
    page.send(do="resume")
    page.state(lambda state: state["ended"] is not None)
    watched.thread.join(LONG)
    rude.close()
    assert (watched.errors, watched.thread.is_alive()) == ([], False)
    assert trainings.fingerprint(watched.solver) == trainings.fingerprint(plain)


def test_a_pause_ends_when_the_server_does(watch: Watch, plain: Solver) -> None:
    """Nobody could end it any more."""
    watched = watch(num_epochs=EPOCHS)
    watched.live._server._server.should_exit = True
    watched.thread.join(LONG)
    assert trainings.fingerprint(watched.solver) == trainings.fingerprint(plain)
    assert [event["what"] for event in watched.solver.events] == ["pause", "resume"]


def test_what_cannot_be_shown_is_a_warning_and_the_training_goes_on(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no picture today")

    live = Live(announce=silent)
    monkeypatch.setattr("cnnlite.watch.steered.ask", broken)
    monkeypatch.setattr("cnnlite.watch.steered.sentences", broken)
    solver = trainings.solver(callbacks=[live])
    with pytest.warns(UserWarning, match="shows nothing new any more: .*no picture today"):
        solver.train()
    assert solver.epoch == 3


def test_a_section_that_cannot_be_made_leaves_the_others(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cnnlite.watch import board

    def broken(seen: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(board, "MADE", (broken, *board.MADE))
    watched = watch()
    page = ask(watched.address)
    assert page.status == 200
    assert 'id="card"' in page.text
    assert watched.live._server._watched.board.faults == {0: "ZeroDivisionError: "}


def test_the_page_is_whole_before_the_first_step(watch: Watch) -> None:
    page = ask(watch().address)
    assert page.text.count("<section") >= 3
    assert 'data-do="pause"' in page.text
    assert 'id="network"' in page.text


@pytest.mark.parametrize("end", ["finished", "diverged", "failed", "stopped"])
def test_the_server_ends_with_the_training_however_that_ends(tmp_path: Path, end: str) -> None:
    lines: list[str] = []

    class Ends:
        def after_step(self, solver: Solver) -> None:
            if end == "diverged":
                solver.lr = 1e30
            elif end == "failed":
                raise ZeroDivisionError
            elif end == "stopped":
                solver.stop()

    live = Live(run=tmp_path, announce=lines.append)
    solver = trainings.solver(callbacks=[live, Ends()], num_epochs=1)
    expected = {"diverged": TrainingDiverged, "failed": ZeroDivisionError}.get(end)
    if expected:
        with pytest.raises(expected):
            solver.train()
    else:
        solver.train()
    assert live.address is None
    assert not (tmp_path / address.NAME).exists()
    assert lines[0].startswith("live page: http://127.0.0.1:")
    assert not address.answers(lines[0].split()[-1])
    assert not any(t.name == "cnnlite live page" for t in threading.enumerate())


def test_an_open_page_finds_the_next_training(tmp_path: Path) -> None:
    lines: list[str] = []
    live = Live(run=tmp_path, announce=lines.append)
    for epochs in (1, 2):
        solver = trainings.solver(callbacks=[live], num_epochs=epochs)
        solver.train()
    assert lines[0] == lines[1] != ""


def test_a_port_that_is_taken_is_left_for_the_next_or_named(tmp_path: Path) -> None:
    with address.listen(None) as taken:
        port = taken.getsockname()[1]
        lines: list[str] = []
        trainings.solver(callbacks=[Live(announce=lines.append)], num_epochs=1).train()
        assert f":{port}/" not in lines[0]
        solver = trainings.solver(callbacks=[Live(port, announce=silent)])
        with pytest.raises(OSError, match=f"port {port} cannot be used .*: choose another"):
            solver.train()
        assert solver.step == 0
    solver = trainings.solver(callbacks=[Live(port, announce=lines.append)], num_epochs=1)
    solver.train()
    assert f"http://127.0.0.1:{port}/" in lines[1]


@pytest.mark.parametrize("port", [0, -1, 65536, "8765", 1.5, True])
def test_what_is_no_port_is_refused(port: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^Live: port"):
        Live(port)


def test_without_the_extra_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name)
    )
    with pytest.raises(ImportError, match=r"^Live: .* needs uvicorn: pip install 'cnnlite\[see\]'"):
        Live()


def test_a_training_in_a_notebook_has_its_page_too(plain: Solver) -> None:
    """There the thread that trains has an event loop of its own, in which the cell runs.

    Here that is a new thread: in the main one Playwright's loop may run, of a test before.
    """
    lines: list[str] = []

    async def cell() -> Solver:
        solver = trainings.solver(callbacks=[Live(announce=lines.append)], num_epochs=EPOCHS)
        solver.train()
        return solver

    with ThreadPoolExecutor() as pool:
        solver = pool.submit(asyncio.run, cell()).result()
    assert trainings.fingerprint(solver) == trainings.fingerprint(plain)
    assert len(lines) == 1


def test_signals_and_logging_stay_as_they_are() -> None:
    numbers = [signal.SIGINT, signal.SIGTERM]
    before = [signal.getsignal(number) for number in numbers]
    level, handlers = logging.root.level, list(logging.root.handlers)
    seen: list[Any] = []

    class Looks:
        def after_step(self, solver: Solver) -> None:
            seen.append([signal.getsignal(number) for number in numbers])

    def handlers_with(*callbacks: Any) -> list[Any]:
        seen.clear()
        trainings.solver(callbacks=[*callbacks, Looks()], num_epochs=1).train()
        return [getattr(handler, "__qualname__", handler) for handler in seen[0]]

    assert handlers_with(Live(announce=silent)) == handlers_with()
    assert [signal.getsignal(number) for number in numbers] == before
    assert (logging.root.level, logging.root.handlers) == (level, handlers)


def test_a_page_does_not_belong_to_what_a_checkpoint_compares(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    trainings.solver(callbacks=[Live(announce=silent)], checkpoint=path, num_epochs=1).train()
    resumed = trainings.solver(checkpoint=path, num_epochs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the schedule jumps
        resumed.resume()
    assert resumed.epoch == 2


def test_a_run_folder_that_takes_no_address_is_named_and_the_port_is_free_again(
    tmp_path: Path,
) -> None:
    """The end of a server that had not begun hid it: "cannot join thread before it is started"."""
    (tmp_path / address.NAME).mkdir()
    (tmp_path / "config.toml").touch()
    with address.listen(None) as found:
        port = found.getsockname()[1]
    solver = trainings.solver(callbacks=[Live(port, tmp_path, announce=silent)], num_epochs=1)
    with pytest.raises(OSError, match=address.NAME):
        solver.train()
    assert solver.step == 0
    address.listen(port).close()

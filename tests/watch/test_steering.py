"""What a page's buttons do to a training, over a web socket as the page has it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnnlite.checkpoint import CheckpointError
from cnnlite.solver import Solver
from cnnlite.storage import read_arrays
from cnnlite.training.control import MOST, Busy, Control
from tests import trainings
from tests.watching import LONG, Page, Watched

Watch, Open = Callable[..., Watched], Callable[[str], Page]


def test_steps_rate_resume_and_stop_from_the_page(
    watch: Watch, open_page: Open, tmp_path: Path
) -> None:
    path = tmp_path / "x.safetensors"
    watched = watch(checkpoint=path)
    page = open_page(watched.address)
    first = page.state(lambda state: state["paused"])
    assert (first["step"], first["steering"], first["ended"]) == (0, True, None)
    for step in (1, 2):
        page.send(do="step")
        page.state(lambda state, step=step: state["step"] == step)
    page.send(do="lr", value=0.0125)
    told = page.state(lambda state: bool(state["events"]) and state["events"][-1]["what"] == "lr")
    assert told["lr"] == pytest.approx(0.0125)
    assert told["events"][-1]["step"] == 2
    assert read_arrays(path)[1]["step"] == 2  # at once: a kill would not lose it
    page.send(do="resume")
    moved = page.state(lambda state: state["step"] > 12)
    assert len(moved["losses"]["values"]) >= 1
    page.send(do="stop")
    last = page.state(lambda state: state["ended"] is not None)
    watched.thread.join(LONG)
    assert last["ended"].startswith(f"Stopped after step {watched.solver.step}; saved in ")
    assert watched.solver.interrupted
    assert watched.solver.interrupted_by is None
    assert not watched.solver.ended
    events = watched.solver.events
    assert [event["what"] for event in events] == ["pause", "step", "step", "lr", "resume", "stop"]
    assert [event["step"] for event in events[:5]] == [0, 0, 1, 2, 2]
    change = events[3]
    assert change["new"] == pytest.approx(0.0125) != change["old"]
    assert watched.live.address is None


def test_rows_losses_and_sections_come_to_the_page(watch: Watch, open_page: Open) -> None:
    watched = watch()
    page = open_page(watched.address)
    page.send(do="resume")
    losses: dict[int, float] = {}
    rows: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for text in page.socket:  # until the server has told all
        message = json.loads(text)
        if message["type"] == "section":
            assert message["version"] > seen.get(message["id"], 0)
            seen[message["id"]] = message["version"]
            continue
        start, stride = message["losses"]["start"], message["losses"]["stride"]
        losses |= {start + i * stride: x for i, x in enumerate(message["losses"]["values"])}
        rows += message["rows"]
    watched.thread.join(LONG)
    assert [losses[i] for i in range(200)] == watched.solver.loss_history
    assert [row["epoch"] for row in rows] == list(range(1, 41))
    assert rows[7]["val_acc"] == watched.solver.history[7]["val_acc"]
    assert {"curves", "card", "network", "layers"} <= set(seen)


def test_a_rate_where_the_schedule_is_zero_is_refused_with_the_reason(
    watch: Watch, open_page: Open
) -> None:
    watched = watch(schedule=lambda step, total_steps: 0.0 if step == 0 else 1.0)
    page = open_page(watched.address)
    page.send(do="lr", value=0.5)
    assert "the schedule's factor is 0" in page.state(lambda state: state["refusal"])["refusal"]
    page.send(do="step")
    page.state(lambda state: state["step"] == 1 and not state["refusal"])
    assert [event["what"] for event in watched.solver.events] == ["pause", "step"]


def test_a_changed_training_that_is_killed_resumes_to_the_same_bits(tmp_path: Path) -> None:
    """The change is in the checkpoint before the first step that it concerns."""

    class Changes(trainings.Recorder):
        def __init__(self, then: Callable[[Solver], None] = lambda solver: None) -> None:
            super().__init__()
            self._then = then

        def after_step(self, solver: Solver) -> None:
            if solver.step == 7:
                solver.control.set_lr(0.004)
            if solver.step == 9:
                self._then(solver)

    def kill(solver: Solver) -> None:
        raise ZeroDivisionError

    undisturbed = trainings.solver(callbacks=[Changes()])
    undisturbed.train()
    path = tmp_path / "x.safetensors"
    with pytest.raises(ZeroDivisionError):
        trainings.solver(callbacks=[Changes(kill)], checkpoint=path).train()
    assert read_arrays(path)[1]["step"] == 7  # the change's: the last epoch ended at step 5
    resumed = trainings.solver(checkpoint=path)
    resumed.resume()
    assert trainings.fingerprint(resumed) == trainings.fingerprint(undisturbed)
    assert [(row["what"], row["step"]) for row in resumed.events] == [("lr", 7)]
    plain = trainings.solver()
    plain.train()
    assert trainings.fingerprint(resumed) != trainings.fingerprint(plain)


def test_a_changed_training_is_not_trained_over_by_the_same_script(tmp_path: Path) -> None:
    """An unchanged one may be: it comes to the same end.  This one would be lost."""
    path = tmp_path / "x.safetensors"

    def trained(change: bool) -> Solver:
        solver = trainings.solver(checkpoint=path, callbacks=[Once(change)])
        solver.train()
        return solver

    class Once:
        def __init__(self, change: bool) -> None:
            self._change = change

        def before_epoch(self, solver: Solver) -> None:
            if self._change and solver.epoch == 1:
                solver.control.set_lr(0.5)

    trained(False)
    trained(False)
    path.unlink()
    trained(True)
    with pytest.raises(CheckpointError, match="whose learning rate was changed by hand"):
        trained(False)


def test_a_divergence_after_a_change_is_in_the_record() -> None:
    from cnnlite.report.events import sentences
    from cnnlite.solver import TrainingDiverged

    class Wild:
        def before_epoch(self, solver: Solver) -> None:
            if solver.epoch == 1:
                solver.control.set_lr(1e30)

    solver = trainings.solver(callbacks=[Wild()])
    with pytest.raises(TrainingDiverged):
        solver.train()
    assert [event["what"] for event in solver.events] in (["lr"], ["lr", "back"])
    said = sentences(solver.events)
    assert "0.01" in said[0]
    assert "1e+30 after step 5" in said[0]
    assert solver.epoch == 1


def test_a_pause_ends_with_a_signal_and_takes_no_time_of_the_processor() -> None:
    import os
    import signal

    used: list[float] = []

    class Pauses:
        def after_step(self, solver: Solver) -> None:
            if solver.step == 3:
                solver.control.pause()
                used.append(time.process_time())
                threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()

    solver = trainings.solver(callbacks=[Pauses()])
    solver.train()
    used.append(time.process_time())
    assert (solver.interrupted, solver.step) == (True, 3)
    assert used[1] - used[0] < 0.5


def test_the_clock_of_a_training_stands_still_in_a_pause() -> None:
    """Images per second and the time left are measured with it."""
    read: list[float] = []

    def look(solver: Solver) -> None:
        while not solver.control.paused:
            time.sleep(0.01)
        for _ in range(2):
            read.append(solver.control.clock())
            time.sleep(0.2)
        solver.control.resume()

    class Pausing:
        def after_step(self, solver: Solver) -> None:
            if solver.step == 2:
                solver.control.pause()
                threading.Thread(target=look, args=(solver,)).start()

    solver = trainings.solver(callbacks=[Pausing()], num_epochs=1)
    solver.train()
    assert read[0] == read[1] < solver.control.clock()
    assert [event["what"] for event in solver.events] == ["pause", "resume"]


def test_commands_that_change_nothing_are_no_events() -> None:
    class Asks:
        def before_train(self, solver: Solver) -> None:
            solver.control.resume()
            solver.control.set_lr(solver.lr)
            solver.control.step()  # as pause, of a training that does not wait
            solver.control.pause()
            solver.control.resume()
            solver.control.resume()

    solver = trainings.solver(callbacks=[Asks()])
    solver.train()
    assert [event["what"] for event in solver.events] == ["step", "resume"]
    assert solver.epoch == 3


def test_so_many_commands_wait_and_no_more() -> None:
    control = Control()
    for _ in range(MOST):
        control.pause()
    with pytest.raises(Busy, match=f"{MOST} commands wait already"):
        control.set_lr(0.1)
    control.stop()  # always
    for wrong in (float("nan"), -1, "1", True):
        with pytest.raises((TypeError, ValueError), match="Control: lr"):
            control.set_lr(wrong)  # type: ignore[arg-type]


def test_what_was_asked_of_an_ended_training_is_forgotten() -> None:
    solver = trainings.solver(num_epochs=1)
    solver.train()
    solver.control.pause()
    solver.control.stop()
    solver.num_epochs = 2
    solver.train()
    assert solver.epoch == 2
    assert not solver.interrupted


def test_events_survive_a_file(tmp_path: Path) -> None:
    from cnnlite.report import events

    class Changes:
        def before_epoch(self, solver: Solver) -> None:
            solver.control.set_lr(0.5)

    solver = trainings.solver(callbacks=[Changes()], num_epochs=1)
    solver.train()
    events.save(solver.events, tmp_path / "events.jsonl")
    assert events.load(tmp_path / "events.jsonl") == solver.events != []
    for line in ("x", "{}", "[1]", json.dumps({**solver.events[0], "what": "rm -rf"}), "[" * 10**5):
        (tmp_path / "bad.jsonl").write_text(f"{json.dumps(solver.events[0])}\n{line}\n")
        with pytest.raises(ValueError, match="line 2: expected one of lr, pause"):
            events.load(tmp_path / "bad.jsonl")

"""What a training shows: a line an epoch everywhere, a bar on terminals only."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cnnlite.training.callbacks import progress
from cnnlite.training.callbacks.pace import Pace
from cnnlite.training.callbacks.progress import HEADER, Progress, duration, header, line
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def never_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a training may be long enough to be announced."""
    monkeypatch.setattr(progress, "ANNOUNCE", float("inf"))


ROW = {
    "epoch": 3,
    "step": 1149,
    "lr": 0.0125,
    "loss": 1.23456,
    "train_acc": 0.5,
    "val_loss": 0.75,
    "val_acc": 1.0,
    "images_per_second": 12345.6,
}


def test_columns_are_aligned() -> None:
    assert len(line(ROW)) == len(HEADER)
    assert line(ROW) == "    3    1149  0.012500  1.2346     0.5000   0.7500   1.0000    12,346"
    for name, value in zip(HEADER.split(), line(ROW).split(), strict=True):
        assert HEADER.index(name) + len(name) == line(ROW).index(value) + len(value)


@pytest.mark.parametrize("width", range(14, 80))
def test_lines_fit_a_narrow_terminal_and_lose_whole_columns(width: int) -> None:
    names, values = header(width).split(), line(ROW, width).split()
    assert len(header(width)) == len(line(ROW, width)) <= width
    assert {"epoch", "val_acc"} <= set(names)
    assert (
        dict(zip(HEADER.split(), line(ROW).split(), strict=True)).items()
        >= dict(zip(names, values, strict=True)).items()
    )


@pytest.mark.parametrize("width", [30, 40, 60, 80])
def test_the_bar_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr("cnnlite.training.callbacks.progress.REFRESH", 0.0)
    monkeypatch.setenv("COLUMNS", str(width))
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=True, width=width, color_system=None, legacy_windows=False
    )
    trainings.solver(callbacks=[Progress(console)], num_epochs=1).train()
    assert "0:00 left" in out.getvalue()
    assert "…" not in out.getvalue()


def test_no_terminal_gets_lines_only(capsys: pytest.CaptureFixture[str]) -> None:
    solver = trainings.solver(verbose=True, num_epochs=2)
    solver.train()
    out = capsys.readouterr().out
    assert out.splitlines() == [HEADER, *map(line, solver.history)]


def test_a_terminal_gets_a_bar_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnlite.training.callbacks.progress.REFRESH", 0.0)
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=True, width=120, color_system=None, legacy_windows=False
    )
    solver = trainings.solver(callbacks=[Progress(console)], num_epochs=2)
    solver.train()
    shown = out.getvalue()
    for text in (
        "epoch 1/2",
        "epoch 2/2",
        "loss ",
        "acc ",
        "images/s",
        "0:00 left",
        line(solver.history[1]),
    ):
        assert text in shown, text


def test_the_first_loss_shown_is_the_first_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moving average that starts at 0 would show a twentieth of it."""
    monkeypatch.setattr("cnnlite.training.callbacks.progress.REFRESH", 0.0)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120, color_system=None)
    solver = trainings.solver(callbacks=[Progress(console)], num_epochs=1)
    solver.train()
    assert f"loss {solver.loss_history[0]:.3f}" in out.getvalue()


def test_interruption_says_what_is_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: pytest.TempPathFactory
) -> None:
    class Stop:
        def after_step(self, solver: object) -> None:
            if training.step == 7:
                raise KeyboardInterrupt

    path = f"{tmp_path}/x.safetensors"
    training = trainings.solver(verbose=True, callbacks=[Stop()], checkpoint=path)
    training.train()
    last = capsys.readouterr().out.splitlines()[-1]
    best = f"best val_acc so far {training.best_val_acc:.4f}"
    assert last == f"interrupted at step 7, in epoch 2; {best}; checkpoint in {path}"


def test_resumed_training_shows_the_earlier_epochs(
    capsys: pytest.CaptureFixture[str], tmp_path: pytest.TempPathFactory
) -> None:
    path = f"{tmp_path}/x.safetensors"
    trainings.solver(num_epochs=1, schedule=None, checkpoint=path).train()
    solver = trainings.solver(verbose=True, num_epochs=2, schedule=None, checkpoint=path)
    solver.resume()
    assert capsys.readouterr().out.splitlines() == [HEADER, *map(line, solver.history)]


def test_the_bar_is_closed_when_training_fails() -> None:
    class Fail:
        def after_step(self, solver: object) -> None:
            raise RuntimeError("no")

    out = io.StringIO()
    progress = Progress(Console(file=out, force_terminal=True))
    with pytest.raises(RuntimeError, match="no"):
        trainings.solver(callbacks=[progress, Fail()]).train()
    assert progress._bar is None
    assert out.getvalue().endswith(("\x1b[?25h", "\x1b[2K"))  # the cursor is back, the bar is gone


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00"), (7384, "2:03:04")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Clock:
    """A clock of which a step takes 2 seconds, the first one 10, and an evaluation 30."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def before_step(self, solver: object) -> None:
        self.now += 10 if training_step(solver) == 0 else 2


def training_step(solver: object) -> int:
    return int(solver.step)  # type: ignore[attr-defined]


def test_the_time_left_counts_steps_and_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("cnnlite.training.callbacks.pace.time.perf_counter", clock)
    pace, left = Pace(), []

    class Watch:
        def before_epoch(self, solver: object) -> None:
            pace.epoch_begins()

        def after_step(self, solver: object) -> None:
            pace.step_ended()
            if solver.step == solver.steps_per_epoch:  # type: ignore[attr-defined]
                clock.now += 30  # what the evaluation after this step will take

        def after_epoch(self, solver: object) -> None:
            pace.epoch_ended()
            left.append(pace.left(solver))  # type: ignore[arg-type]

    solver = trainings.solver(callbacks=[clock, Watch()], num_epochs=2)
    solver.train()
    assert left == [2 * solver.steps_per_epoch + 30, 0]
    assert pace.seconds == 10 + 2 * (solver.total_steps - 1)


def test_before_the_first_evaluation_a_batch_is_scored_to_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """30 validation and 40 training images, of which a batch of 16 takes 4 seconds."""
    clock = Clock()
    monkeypatch.setattr("cnnlite.training.callbacks.pace.time.perf_counter", clock)

    class Slow(trainings.Spy):
        def forward(self, x, train=True, rng=None):  # type: ignore[no-untyped-def]
            clock.now += 0 if train else 4
            return super().forward(x, train, rng)

    solver = trainings.solver(model=trainings.model().append(Slow()), num_epochs=3)
    clock.now = 0  # Solver has seen that an image fits
    pace = Pace()
    assert pace.left(solver) == pytest.approx(3 * 4 * (30 + 40) / 16)
    assert pace.left(solver) == pytest.approx(3 * 4 * (30 + 40) / 16)  # it is measured once
    assert clock.now == 4
    pace.step_ended()
    assert pace.seconds == 0  # and is no part of the step


def test_after_a_few_seconds_a_line_says_how_long_it_will_take(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine made it 0:01.
    monkeypatch.setattr("cnnlite.training.callbacks.pace.time.perf_counter", Clock())
    monkeypatch.setattr(progress, "ANNOUNCE", 0.0)
    solver = trainings.solver(verbose=True, num_epochs=2)
    solver.train()
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        HEADER, "about 0:00 left until epoch 2 ends", *map(line, solver.history)
    ]  # fmt: skip


def test_the_announcement_changes_no_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = trainings.solver(num_epochs=2)
    quiet.train()
    monkeypatch.setattr(progress, "ANNOUNCE", 0.0)
    shown = trainings.solver(verbose=True, num_epochs=2)
    shown.train()
    assert trainings.fingerprint(shown) == trainings.fingerprint(quiet)

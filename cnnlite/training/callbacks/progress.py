"""What a training shows while it runs: a bar, and one aligned line an epoch."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from cnnlite.terminal import Output, fitting, in_notebook, width_of
from cnnlite.training.callbacks.callback import Callback
from cnnlite.training.callbacks.notebook_bar import NotebookBar
from cnnlite.training.callbacks.pace import Pace
from cnnlite.training.history import COLUMNS

if TYPE_CHECKING:
    from rich.console import Console

    from cnnlite.training.state import TrainingState

DISPENSABLE = (2, 7, 1, 5, 4, 3)  # columns that a narrow terminal goes without, in this order
BAR = 72  # columns of a terminal that has room for a bar
SMOOTHING = 0.95  # the share of the shown loss and accuracy that each step keeps
REFRESH = 0.2  # seconds between two drawings of the bar; no thread competes with the kernels
ANNOUNCE = 3.0  # seconds of training after which a line says how long all of it will take


class Progress(Callback):
    """Show smoothed loss and accuracy, images/s and the time left; then a line for each epoch.

    After a few seconds a line says how long the training will take.  Where standard output is no
    terminal there are only the lines.  A notebook gets one output that changes: the bar, and a
    table of the last epochs.

    Args:
        console: a rich Console; None means standard output, or the notebook.
    """

    first_rank_only = True

    def __init__(self, console: Console | None = None) -> None:
        self.console = console
        self._out: Any = None
        self._bar: Any = None
        self._notebook: NotebookBar | None = None
        self._loss = self._acc = 0.0
        self._seen = 0

    def before_train(self, solver: TrainingState) -> None:
        self._loss, self._acc, self._seen = 0.0, 0.0, 0
        self._pace, self._drawn, self._announced = Pace(solver.control.clock), 0.0, False
        if self.console is None and in_notebook():
            self._notebook = NotebookBar(solver)
        else:
            self._begin_on_console(solver)

    def _begin_on_console(self, solver: TrainingState) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        # A reader that leaves, or a disk that is full, is no reason to lose a training.
        out: Any = Output(sys.stdout)
        self._out = self.console or Console(file=out, width=width_of(out), highlight=False)
        self._width = width_of(self._out.file)
        self._print(header(self._width))
        for row in solver.history:
            self._print(line(row, self._width))
        if self._out.is_terminal:
            bar = [BarColumn()] if self._out.width >= BAR else []
            columns = (
                TextColumn("epoch {task.fields[epoch]}"), *bar, TextColumn("{task.fields[text]}")
            )  # fmt: skip
            self._bar = Bar(*columns, console=self._out, auto_refresh=False, transient=True)
            self._task = self._bar.add_task("", total=solver.total_steps, epoch="", text="")
            self._bar.start()

    def before_epoch(self, solver: TrainingState) -> None:
        self._pace.epoch_begins()

    def after_step(self, solver: TrainingState) -> None:
        self._pace.step_ended()
        self._seen += 1
        self._loss += (1 - SMOOTHING) * (solver.loss_history[-1] - self._loss)
        self._acc += (1 - SMOOTHING) * (solver.batch_acc - self._acc)
        if not self._announced and self._pace.seconds >= ANNOUNCE:
            self._announced = True
            left = duration(self._pace.left(solver))
            self._print(f"about {left} left until epoch {solver.num_epochs} ends")
        now = time.perf_counter()
        if (self._bar is None and self._notebook is None) or now - self._drawn < REFRESH:
            return
        self._drawn = now
        weight = 1 - SMOOTHING**self._seen  # both averages started at 0
        beside = (
            f"loss {self._loss / weight:.3f}",
            f"acc {self._acc / weight:.1%}",
            f"{solver.batch_size / self._pace.step:,.0f} images/s",
            f"{duration(self._pace.left(solver))} left",
        )
        if self._notebook is not None:
            self._notebook.show(beside)
            return
        self._bar.update(
            self._task,
            completed=solver.step,
            epoch=f"{solver.epoch + 1}/{solver.num_epochs}",
            text=self._text(*beside),
            refresh=True,
        )

    def after_epoch(self, solver: TrainingState) -> None:
        self._pace.epoch_ended()
        if self._notebook is None:
            self._print(line(solver.history[-1], self._width))

    def after_train(self, solver: TrainingState) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._notebook is not None:
            self._notebook.show(())
        elif self._out is None:
            return
        if not (solver.interrupted or solver.ended):
            return
        if solver.epoch == solver.num_epochs:
            return  # all of it was done
        whole = solver.step == solver.epoch * solver.steps_per_epoch
        place = f"after epoch {solver.epoch}" if whole else f"in epoch {solver.epoch + 1}"
        where = f"at step {solver.step}, {place}{kept(solver)}"
        if solver.interrupted or solver.stopped_by is None:
            self._print(f"interrupted {where}")
        else:
            name = solver.stopped_by.name
            self._print(f"ended by {name} {where}; without {name} it would go on")

    def _text(self, *parts: str) -> str:
        """Return what stands beside the bar; images/s is left out first, then the accuracy."""
        room = None if self._out.width >= BAR else self._out.width - len("epoch 300/300 ")
        shown = fitting([len(part) for part in parts], (2, 1, 0), room)
        return "  ".join(parts[part] for part in shown)

    def _print(self, text: str) -> None:
        if self._notebook is not None:
            self._notebook.say(text)
            return
        self._out.print(text, markup=False, highlight=False, soft_wrap=True)


def header(width: int | None = None) -> str:
    """Return the names of the columns that `line` has for the same width."""
    return " ".join(f"{COLUMNS[c][1]:>{COLUMNS[c][2]}}" for c in _columns(width))


def line(row: dict[str, Any], width: int | None = None) -> str:
    """Return an epoch's row of the history in columns.

    Args:
        row: of the history.
        width: of the terminal; the columns that matter least are left out to fit it. None: all.
    """
    shown = (COLUMNS[c] for c in _columns(width))
    return " ".join(f"{row[key]:{size}{form}}" for key, _, size, form in shown)


def _columns(width: int | None) -> list[int]:
    return fitting([size for _, _, size, _ in COLUMNS], DISPENSABLE, width, gap=1)


HEADER = header()


def duration(seconds: float) -> str:
    """Return a time as h:mm:ss, or m:ss when it is below an hour."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def kept(solver: TrainingState) -> str:
    """Say what a training leaves that was ended before its time."""
    best = f"; best val_acc so far {solver.best_val_acc:.4f}" if solver.best_params else ""
    where = f"; checkpoint in {solver.checkpoint.path}" if solver.checkpoint else ""
    return best + where

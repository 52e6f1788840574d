"""What someone asks of a training while it runs, from any thread; done before a step."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

from cnnlite.checks.numbers import real

__all__ = ["Busy", "Control"]

Order = tuple[str, float | None]
TICK = 0.1  # seconds between two looks at whether a signal has ended a pause
MOST = 64  # commands that may wait


class Busy(Exception):
    """So many commands wait that no other one is taken."""


class Stoppable(Protocol):
    """What a control needs of the training that it is of."""

    lr: float

    @property
    def step(self) -> int: ...
    @property
    def asked_to_end(self) -> bool: ...
    def agree(self) -> None: ...
    def note(self, what: str, old: Any = None, new: Any = None) -> None: ...
    def save_checkpoint(self) -> None: ...


class Control:
    """Pause a training, let it take a step, resume it, set its learning rate, stop it.

    Each method may be called from any thread and returns at once; the training's own thread does
    what was asked before its next step, where everything is whole, in the order of the calls, and
    notes it in ``solver.events``.  A pause lasts until `resume`, `stop` or a signal, and uses no
    processor time.

    Attributes:
        paused: whether the training waits before each step.
        stopping: whether `stop` ends it.
        refusal: why the last command was not carried out; "" where it was.
    """

    def __init__(self) -> None:
        self.paused = self.stopping = False
        self.refusal = ""
        self._asked: deque[Order] = deque()  # by threads of this process
        self._agreed: deque[Order] = deque()  # what all ranks know of
        self._woken = threading.Event()
        self._until = 0  # the step after which a pause goes on
        self._waited = 0.0  # seconds, in pauses that are over
        self._stood: float | None = None  # when the pause began that the training is in

    def pause(self) -> None:
        """Wait before the next step, after the evaluation where the epoch ends."""
        self._ask("pause")

    def step(self) -> None:
        """Take one step, then wait; of a training that does not wait yet, as `pause`."""
        self._ask("step")

    def resume(self) -> None:
        """End the pause."""
        self._ask("resume")

    def stop(self) -> None:
        """End the training as Ctrl-C does: its checkpoint is written, and `Solver.resume` goes on.

        It ends a pause, and an evaluation, too.
        """
        self.stopping = True
        self._woken.set()

    def set_lr(self, lr: float) -> None:
        """Give the next step this learning rate; a schedule goes on from there.

        A checkpoint is written at once, so that a training that is killed later has it, too.

        Raises:
            TypeError, ValueError: it is no finite number of at least 0.
        """
        self._ask("lr", real("Control", "lr", lr, 0))

    def clock(self) -> float:
        """Return the seconds of a clock that stands still in pauses."""
        stood = self._stood  # another thread may end the pause meanwhile
        return (time.perf_counter() if stood is None else stood) - self._waited

    def begin(self) -> None:
        """Forget what was asked of a training that has ended."""
        self._asked.clear()
        self._agreed.clear()
        self.paused = self.stopping = False
        self.refusal, self._until = "", 0

    def taken(self) -> list[Order]:
        """Return what was asked for since the last call."""
        found = []
        while self._asked:
            found.append(self._asked.popleft())
        return found

    def agree(self, orders: Iterable[Order]) -> None:
        """Have these orders carried out, which all ranks have been told of."""
        self._agreed.extend((str(what), value) for what, value in orders)

    def obey(self, training: Stoppable) -> None:
        """Do all that was asked for, and wait while that is a pause."""
        training.agree()
        if not self._agreed and not self.paused:
            return
        self._stood = started = time.perf_counter()
        while True:
            self._woken.clear()
            training.agree()
            while self._agreed and not training.asked_to_end:
                self._do(training, *self._agreed.popleft())
            if not self.paused or training.step < self._until or training.asked_to_end:
                break
            self._woken.wait(TICK)  # and no longer: nothing else notices a signal
        self._waited += time.perf_counter() - started
        self._stood = None

    def _ask(self, what: str, value: float | None = None) -> None:
        if len(self._asked) >= MOST:
            raise Busy(f"{MOST} commands wait already")
        self._asked.append((what, value))
        self._woken.set()

    def _do(self, training: Stoppable, what: str, value: float | None) -> None:
        self.refusal = ""
        if what == "lr":
            self._set_lr(training, value)
            return
        if what == "step" and self.paused:
            self._until = max(self._until, training.step) + 1
        elif self.paused == (what != "resume"):
            return  # it is so already
        else:
            self.paused, self._until = what != "resume", 0
        training.note(what)

    def _set_lr(self, training: Stoppable, lr: float | None) -> None:
        old = training.lr
        try:
            training.lr = lr  # type: ignore[assignment]
        except ValueError as error:  # the schedule's factor is 0
            self.refusal = str(error)
            return
        if training.lr != old:
            training.note("lr", old, training.lr)
            training.save_checkpoint()

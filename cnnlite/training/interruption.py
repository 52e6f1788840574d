"""The ways in which a training ends before its time: divergence, a request, a signal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

ADVICE = "a lower learning rate or a warm-up may help"


class TrainingDiverged(ArithmeticError):
    """The training is lost: its loss or its state is not finite, or the loss stays far too high.

    Args:
        loss: the last loss.
        step: the number of the last step, from 0.
        lr: the learning rate of that step.
        what: what has happened, and what state model, optimizer and histories are in.
        loss_history: every loss there was, those of steps that were taken back too.
    """

    def __init__(
        self, loss: float, step: int, lr: float, what: str, loss_history: Sequence[float] = ()
    ) -> None:
        place = f"the loss is {loss:g} at step {step}, with learning rate {lr:g}"
        super().__init__(f"{place}: {what}; {ADVICE}")
        self.loss, self.step, self.lr = loss, step, lr
        self.loss_history = list(loss_history)


class Stopped(Exception):
    """Training ends here, between two steps, because that was asked for."""


def _defaults() -> dict[signal.Signals, Any]:
    """Return the signals that ask a program to end, each with Python's own handler of it."""
    handlers: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler}
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):  # as far as the system has them
        if hasattr(signal, name):
            handlers[signal.Signals[name]] = signal.SIG_DFL
    return handlers


class Interrupt:
    """Ctrl-C, SIGTERM and SIGHUP as a request, to be answered where everything is whole.

    While it is entered, the first such signal only sets `requested` (and `number`, which stays);
    the second one raises KeyboardInterrupt.

    Even the second one waits while a `hold` is open.  Outside the main thread nothing changes, nor
    for a signal that the program handles itself or ignores.

    Args:
        then: called at the first signal.
    """

    def __init__(self, then: Callable[[], None] | None = None) -> None:
        self._then = then
        self.requested = False
        self.number: signal.Signals | None = None
        self._held = False
        self._replaced: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self.requested, self.number = False, None
        for number, default in _defaults().items():
            if signal.getsignal(number) is default:
                try:
                    signal.signal(number, self._answer)
                except ValueError:  # not in the main thread, which alone gets signals
                    break
                self._replaced[number] = default
        return self

    def __exit__(self, *exception: object) -> None:
        self.requested = False
        while self._replaced:
            signal.signal(*self._replaced.popitem())

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Let nothing interrupt the block."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _answer(self, number: int, frame: FrameType | None) -> None:
        again, self.requested, self.number = self.requested, True, signal.Signals(number)
        if again and not self._held:
            raise KeyboardInterrupt
        if not again and self._then is not None:
            self._then()

"""The ways in which a training ends before its time: divergence, a request, Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self


class TrainingDiverged(ArithmeticError):
    """The loss is NaN or infinite. The step that would have used it was not taken."""

    def __init__(self, loss: float, step: int, lr: float) -> None:
        super().__init__(
            f"the loss is {loss} at step {step}, with learning rate {lr:g}: training stopped "
            "before the update; a lower learning rate or a warm-up may help"
        )
        self.loss, self.step, self.lr = loss, step, lr


class Stopped(Exception):
    """Training ends here, between two steps, because that was asked for."""


class Interrupt:
    """Ctrl-C as a request, to be answered where everything is whole.

    While it is entered, Ctrl-C only sets `requested`; the second one raises KeyboardInterrupt.

    Even the second one waits while a `hold` is open.  Outside the main thread, or where the program
    handles the signal itself, nothing changes.
    """

    def __init__(self) -> None:
        self.requested = False
        self._held = False
        self._installed = False

    def __enter__(self) -> Self:
        self.requested = False
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            try:
                signal.signal(signal.SIGINT, self._answer)
                self._installed = True
            except ValueError:  # not in the main thread, which alone gets signals
                pass
        return self

    def __exit__(self, *exception: object) -> None:
        self.requested = False
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._installed = False

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Let nothing interrupt the block."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _answer(self, number: int, frame: FrameType | None) -> None:
        again, self.requested = self.requested, True
        if again and not self._held:
            raise KeyboardInterrupt

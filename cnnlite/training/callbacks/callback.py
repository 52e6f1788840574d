"""The base class of callbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Method = Callable[[Any, Any], None]


def _does_nothing(method: Method) -> Method:
    """Mark a method as the base class's own, so that a misspelt override is noticed."""
    method.does_nothing = True  # type: ignore[attr-defined]
    return method


class Callback:
    """Methods that a Solver calls, none of which does anything here.

    Derive from this class and override what is wanted, or pass any object that has some of these
    methods.  Each is called with the solver, of which all that is in `TrainingState` may be used.
    ``solver.stop()`` ends the training after the step; it has then ended by itself, and goes on
    only where this callback, as it was set, is not there any more.

    A callback that should survive a resume derives what it needs from the solver's histories,
    which do; what cannot be derived it returns from `state_dict`.

    Where several processes share a training, each calls its callbacks, so that a callback that
    changes the training changes it on all.  One that writes or prints sets `first_rank_only`.
    """

    first_rank_only = False

    @_does_nothing
    def before_train(self, solver: Any) -> None:
        """Before the first step, and when a training is continued."""

    @_does_nothing
    def after_train(self, solver: Any) -> None:
        """At the end, however it came: finished, stopped, interrupted, or by an exception."""

    @_does_nothing
    def before_epoch(self, solver: Any) -> None:
        """Before the first batch of an epoch, or the first after a resume."""

    @_does_nothing
    def after_epoch(self, solver: Any) -> None:
        """After an epoch's evaluation: ``solver.history[-1]`` is its row."""

    @_does_nothing
    def before_step(self, solver: Any) -> None:
        """Before each step, with the batch already made."""

    @_does_nothing
    def after_step(self, solver: Any) -> None:
        """After each step: ``solver.loss_history[-1]`` is its loss."""

    @_does_nothing
    def after_change(self, solver: Any) -> None:
        """After something was done by hand: ``solver.events[-1]`` tells what."""

    def state_dict(self) -> Mapping[str, Any]:
        """Return what checkpoints should keep: arrays, and values that JSON can say, by name."""
        return {}

    def load_state_dict(self, state: Mapping[str, np.ndarray | Any]) -> None:
        """Take over what `state_dict` returned when the checkpoint was written."""

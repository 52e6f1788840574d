"""The base class of callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnlite.training.solver import Solver


class Callback:
    """Methods that a Solver calls, none of which does anything here.

    Derive from this class and override what is wanted, or pass any object that has some of these
    methods.  ``solver.stop()`` ends the training after the step.  A callback that should survive
    a resume derives what it needs from the solver's histories, which do.
    """

    def before_train(self, solver: Solver) -> None:
        """Before the first step, and when a training is continued."""

    def after_train(self, solver: Solver) -> None:
        """At the end, however it came: finished, stopped, interrupted, or by an exception."""

    def before_epoch(self, solver: Solver) -> None:
        """Before the first batch of an epoch, or the first after a resume."""

    def after_epoch(self, solver: Solver) -> None:
        """After an epoch's evaluation: ``solver.history[-1]`` is its row."""

    def before_step(self, solver: Solver) -> None:
        """Before each step, with the batch already made."""

    def after_step(self, solver: Solver) -> None:
        """After each step: ``solver.loss_history[-1]`` is its loss."""

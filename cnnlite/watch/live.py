"""The callback that lets one watch a training in a browser, and steer it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cnnlite.training.callbacks import Callback, Keep
from cnnlite.training.interruption import TrainingDiverged
from cnnlite.training.state import TrainingState
from cnnlite.watch import address, needs

__all__ = ["Live"]


class Live(Callback):
    """Serve a page on this computer that shows the training while it goes on.

        Solver(model, data, callbacks=[Live()]).train()

    The page's address is printed at the start; it works in a browser on this computer until the
    training ends.  What its buttons do is done by `Solver.control`, and ``solver.events`` tells it.
    The weights have the same bits with this callback and without it, unless someone sets the
    learning rate.  A page that is closed, slow or broken does not stop the training, nor does a
    server that ends: a pause ends with it.

    Args:
        port: of the address; None takes the first from 8765 on that is free.
        run: the run folder, by which `cnnlite watch` finds the page; None for none.
        classes: the names of the classes; their numbers, if left out.
        announce: is given the line with the address.

    Attributes:
        address: of the page; None while there is none.

    Raises:
        ImportError: the extra `see` is not installed.
        TypeError, ValueError: port is no port.
    """

    first_rank_only = True

    def __init__(
        self,
        port: int | None = None,
        run: str | Path | None = None,
        classes: Sequence[str] = (),
        announce: Callable[[str], Any] = print,
    ) -> None:
        needs.check("Live")
        self.port = address.checked_port("Live", port)
        self._run = None if run is None else Path(run)
        self._classes, self._announce = list(classes), announce
        self._token = address.new_token()  # one for all trainings: an open page finds the next
        self._server: Any = None
        self._steered: Any = None
        self._keep: Keep | None = None  # the training's own, or this callback's
        self._own_keep = Keep()
        self._blind = False  # whether something went wrong with what it shows

    @property
    def address(self) -> str | None:
        return self._server.address if self._server else None

    def before_train(self, solver: TrainingState) -> None:
        """Start the server.

        Raises:
            OSError: the port is taken, or the run folder cannot be written to.
        """
        from cnnlite.watch.server import Server
        from cnnlite.watch.steered import Steered

        theirs = (callback for callback in solver.callbacks if isinstance(callback, Keep))
        self._keep = next(theirs, None)
        title = type(solver.model).__name__ if self._run is None else self._run.resolve().name
        self._steered, self._blind = Steered(solver, title, self._classes, self._run), False
        self._server = Server(self._steered, self.port, self._token)
        if self._run is not None:
            address.write(self._run, self._server.address)
        self._own("before_train", solver)
        self._show(solver)
        self._server.start()
        self._announce(f"live page: {self._server.address}")

    def before_step(self, solver: TrainingState) -> None:
        self._own("before_step", solver)

    def after_step(self, solver: TrainingState) -> None:
        self._own("after_step", solver)

    def after_epoch(self, solver: TrainingState) -> None:
        self._own("after_epoch", solver)
        self._show(solver)

    def after_train(self, solver: TrainingState) -> None:
        """Tell open pages how the training ended, and stop the server."""
        server, steered = self._server, self._steered
        if server is None:
            return
        self._show(solver, last=True)
        steered.ended = _how_it_ended(solver, sys.exception())  # pages hear it after what is last
        server.stop()
        self._server = self._steered = None
        if self._run is not None:
            address.forget(self._run)

    def _own(self, event: str, solver: TrainingState) -> None:
        """Keep epochs in memory where the training does not keep them itself."""
        if self._keep is None:
            getattr(self._own_keep, event)(solver)

    def _show(self, solver: TrainingState, last: bool = False) -> None:
        if self._server is None or self._blind:
            return
        try:
            self._steered.show(self._keep or self._own_keep, last)
        except Exception as error:  # whatever it is, the training is worth more
            self._blind = True
            warnings.warn(f"Live: the page shows nothing new any more: {error!r}", stacklevel=2)


def _how_it_ended(solver: TrainingState, error: BaseException | None) -> str:
    """Say in a few words how a training ended."""
    if isinstance(error, TrainingDiverged):
        return f"Diverged: {error}"
    if error is not None:
        return f"Ended by {type(error).__name__}: {error}"
    if solver.ended and solver.stopped_by is not None:
        return f"Ended by {solver.stopped_by.name} after epoch {solver.epoch}"
    if solver.step < solver.total_steps or solver.epoch < solver.num_epochs:
        saved = f"; saved in {solver.checkpoint.path}" if solver.checkpoint else ""
        return f"Stopped after step {solver.step}{saved}"
    return f"Finished after epoch {solver.epoch}"

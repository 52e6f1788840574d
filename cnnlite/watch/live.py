"""The callback that lets one watch a training in a browser, and steer it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlite.training.callbacks import Callback
from cnnlite.training.state import TrainingState
from cnnlite.watch import address
from cnnlite.watch.board import Board, plain
from cnnlite.watch.commands import Command, obey
from cnnlite.watch.server import Server, check_installed

if TYPE_CHECKING:
    from cnnlite.report.document import Section
    from cnnlite.report.seen import Seen

__all__ = ["Live"]


class Live(Callback):
    """Serve a page on this computer that shows the training while it goes on.

        Solver(model, data, callbacks=[Live()]).train()

    The page's address is printed at the start; it works in a browser on this computer until the
    training ends.  What its buttons do, `Solver.control` does, and ``solver.events`` tells.  The
    weights have the same bits with this callback and without it, unless someone sets the learning
    rate.  A page that is closed, slow or broken never stops the training, nor does a server that
    ends: a pause ends with it.

    Args:
        port: of the address; None takes the first from 8765 on that is free.
        run: the run folder, which `cnnlite watch` finds the page by, and where `events.jsonl`
            tells what was done by hand; None for none.
        announce: is given the line with the address.

    Attributes:
        address: of the page; None while there is none.

    Raises:
        ImportError: the extra `see` is not installed.
        TypeError, ValueError: port is no port.
    """

    def __init__(
        self,
        port: int | None = None,
        run: str | Path | None = None,
        announce: Callable[[str], Any] = print,
    ) -> None:
        check_installed("Live")
        self.port = address.checked_port("Live", port)
        self._run = None if run is None else Path(run)
        self._announce = announce
        self._token = address.new_token()  # one for all trainings: an open page finds the next
        self._server: Server | None = None
        self._training: _Training | None = None

    @property
    def address(self) -> str | None:
        return self._server.address if self._server else None

    def before_train(self, solver: TrainingState) -> None:
        """Start the server.

        Raises:
            OSError: the port is taken, or the run folder cannot be written to.
        """
        training = _Training(solver, self._run)
        server = Server(training, self.port, self._token)
        server.start()
        self._server, self._training = server, training
        if self._run is not None:
            address.write(self._run, server.address)
        self._announce(f"live page: {server.address}")

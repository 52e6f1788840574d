"""What the commands with a live page share: what it needs, and its port."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnlite.cli._group import explained, needs

if TYPE_CHECKING:
    from cnnlite.watch import Live

MODULES = ("plotly", "starlette", "uvicorn", "websockets")


@dataclass(frozen=True)
class LivePage:
    """A live page that was asked for.

    Attributes:
        port: the only one that will do; None for any.
    """

    port: int | None

    def callback(self, run: Path) -> "Live":
        """Return the callback that serves the page of a run folder."""
        from cnnlite.watch import Live

        return Live(self.port, run, announce=click.echo)


def checked(port: int | None) -> LivePage:
    """Return a page that can be served; end the command with a line where it cannot."""
    needs(*MODULES, extra="see", what="the live page")
    from cnnlite.watch import address

    if port is not None:
        with explained(OSError, ValueError):
            address.listen(address.checked_port("--port", port)).close()
    return LivePage(port)

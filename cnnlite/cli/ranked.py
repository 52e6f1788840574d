"""A command that several processes run together: one prints, and what goes wrong is said once."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from cnnlite import environment
from cnnlite.cli._group import describe
from cnnlite.training.distributed.waiting import launched_here

if TYPE_CHECKING:
    from cnnlite.training.distributed.alone import Alone

__all__ = ["first_before_others", "joined", "launched_here", "refuse", "run_ranked", "told"]

FAULTS = (OSError, ValueError, click.ClickException)
"""Exceptions that a line says all about."""
WRITING = 20.0
"""Seconds in which the first rank writes what is left of a training that was ended."""


def run_ranked(command: Callable[[], int]) -> int:
    """Run a command on this rank; only the first one prints.

    Args:
        command: returns the exit status, and prints to sys.stdout and sys.stderr.

    Returns:
        The exit status, which is that of `mpirun`.
    """
    from cnnlite.training.distributed.failing import give_up

    try:
        environment.check()
        from cnnlite.training.distributed.joining import join
        from cnnlite.training.distributed.ranks import Ranks

        ranks = join()
    except (ImportError, ValueError) as error:
        text = f"cnnlite: {error}"
        give_up(lambda: print(text, file=sys.stderr), 2)
        return 2
    except KeyboardInterrupt:
        give_up(lambda: print("cnnlite: interrupted", file=sys.stderr), 130)
        return 130
    if not isinstance(ranks, Ranks):
        return command()
    name = f"cnnlite: rank {ranks.rank} of {ranks.size}"

    def told(error: BaseException, usual: Callable[[BaseException], str] = ranks.told) -> str:
        return f"{name}: {describe(error)}" if isinstance(error, FAULTS) else usual(error)

    ranks.told = told
    if ranks.first:
        status, said = command(), ""
    else:
        err = io.StringIO()
        with (
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(err),
        ):
            status = command()
        said = f"{name}: {err.getvalue().strip()}"
    if status and (status == 2 or not ranks.trained):  # all or one of them
        ranks.end_all(said, status)
    elif status:  # a training that all have ended, of which the first one may still write files
        ranks.end_all(said, status, WRITING)
    else:
        ranks.texts("")  # the first rank may still be at work; to wait in MPI costs a processor
    return status


def refuse(command: str, rank: int) -> int:
    """Say on the first rank that a command is one process's, and return the exit status."""
    from cnnlite.training.distributed.failing import give_up

    text = f"cnnlite {command} runs on one process: leave mpirun out"
    if command == "sweep":
        text += "; --workers or --backend shares the trials out"
    give_up(lambda: None if rank else print(text, file=sys.stderr), 2)
    return 2


def joined() -> "Alone":
    """Return the processes that run this command."""
    from cnnlite.training.distributed.joining import join

    return join()


@contextlib.contextmanager
def first_before_others(ranks: "Alone") -> Iterator[None]:
    """Run the block on the first rank, then on the others."""
    if not ranks.first:
        ranks.texts("")
    try:
        yield
    finally:
        if ranks.first:
            ranks.texts("")


def told(ranks: "Alone", make: Callable[[], str]) -> str:
    """Return on all ranks what the first one makes."""
    return ranks.texts(make() if ranks.first else "")[0]

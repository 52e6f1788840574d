"""What all commands share: loading them on demand, and saying in one line what was wrong."""

import contextlib
import importlib
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn

import click

from cnnlite import terminal
from cnnlite.installed import is_installed
from cnnlite.terminal import did_you_mean as did_you_mean

WIDEST_HELP = 80


class Help(click.HelpFormatter):
    """Help as wide as the terminal, whose column of options takes a third of it at most."""

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        super().write_dl(list(rows), min(col_max, self.width // 3), col_spacing)


class Context(click.Context):
    """A command line that is being read, whose help fits narrow terminals too."""

    def make_formatter(self) -> click.HelpFormatter:
        return Help(width=min(WIDEST_HELP, terminal.width_of(sys.stdout) or WIDEST_HELP))


class Commands(click.Group):
    """A group that imports a command's module only when that command is asked for.

    Args:
        commands_at: command name to "module:attribute".
    """

    context_class = Context

    def __init__(self, *args: Any, commands_at: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands_at:
            return None
        module, attribute = self.commands_at[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        command.context_class = Context
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.commands_at and not name.startswith("-"):
            hint = did_you_mean(name, self.commands_at)
            raise click.UsageError(f"no such command {name}{hint}", ctx)
        return super().resolve_command(ctx, args)


def fail(message: str) -> NoReturn:
    """End the running command with one line on stderr and exit status 2."""
    raise click.UsageError(message, click.get_current_context())


def show_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> None:
    """Print a table that fits the terminal; the arguments are those of `terminal.table`."""
    click.echo(terminal.table(headings, rows, right, drop, terminal.width_of(sys.stdout)))


@contextlib.contextmanager
def progress_note(text: str) -> Iterator[Callable[[str], None]]:
    """On a terminal, show in a line what is being done; yields what is told of something else."""
    with terminal.console(sys.stdout).status(text, spinner="line") as status:
        yield status.update


def commanded() -> str | None:
    """Return the command line that runs, as a shell takes it; None where it is not known."""
    words = click.get_current_context().find_root().obj
    return None if words is None else shlex.join(["cnnlite", *words])


def needs(*modules: str, extra: str, what: str) -> None:
    """End the command with a line where a package that it needs is not installed.

    Args:
        modules: what is imported.
        extra: of cnnlite, which brings them.
        what: is made with them.
    """
    for module in modules:
        if not is_installed(module):
            fail(f"{what} needs {module}: pip install 'cnnlite[{extra}]'")


@contextlib.contextmanager
def without(name: str, package: str) -> Iterator[None]:
    """Leave a picture out with a line where the package that draws it is not installed.

    Args:
        name: of the picture.
        package: what it needs.
    """
    try:
        yield
    except ImportError:
        needs = f"it needs {package} (pip install 'cnnlite[viz]')"
        click.echo(f"{name} is left out: {needs}", err=True)


@contextlib.contextmanager
def explained(*errors: type[Exception]) -> Iterator[None]:
    """Turn the errors that bad input may raise in here into one line and exit status 2.

    Args:
        errors: the exception types that are the input's fault.
    """
    try:
        yield
    except errors as error:
        fail(describe(error))


def describe(error: BaseException) -> str:
    """An exception in the words of its message; system errors as "FILE: reason"."""
    if isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return f"{place}{error.strerror}"
    return str(error) or type(error).__name__


def usage_line(error: click.ClickException) -> str:
    """The one line that is printed for a wrong command line.

    Args:
        error: what click or a command raised.

    Returns:
        "cnnlite COMMAND: what is wrong; did you mean THIS?"
    """
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "cnnlite"
    if isinstance(error, click.NoSuchOption):
        near = error.possibilities
        hint = f"; did you mean {near[0]}?" if near else f" (see {command} --help)"
        message = f"no such option {error.option_name}{hint}"
    else:
        message = error.format_message().rstrip(".")
        if message[:1].isupper() and message[1:2].islower():
            message = message[0].lower() + message[1:]
    return f"{command}: {' '.join(message.split())}"

"""The command line: `cnnlite COMMAND`, one file a command.

What a user can get wrong ends with one line on stderr and exit status 2, never with a traceback;
what went wrong on its own (a training run that diverged, a gradient that is off) with status 1; an
interruption with status 130, as in any shell.  Where the reader of the output leaves, as in
`cnnlite bench | head -1`, a command ends with status 141, without a word; one that writes files
goes on to its end.
"""

import contextlib
import sys
import warnings
from collections.abc import Sequence
from functools import partial

import click

from cnnlite import environment
from cnnlite.cli._group import Commands, describe, explained, usage_line
from cnnlite.terminal import Output, OutputEnded

COMMANDS = {
    "train": "cnnlite.cli.train:train",
    "lr-find": "cnnlite.cli.lr_find:lr_find",
    "sweep": "cnnlite.sweep.command:sweep",
    "watch": "cnnlite.cli.watch:watch",
    "curves": "cnnlite.cli.curves:curves",
    "report": "cnnlite.cli.report:report",
    "evaluate": "cnnlite.cli.evaluate:evaluate",
    "predict": "cnnlite.cli.predict:predict",
    "models": "cnnlite.cli.models:models",
    "data": "cnnlite.cli.data:data",
    "gradcheck": "cnnlite.cli.gradcheck:gradcheck",
    "autodiff": "cnnlite.cli.autodiff:autodiff",
    "lab": "cnnlite.cli.lab:lab",
    "exercise": "cnnlite.cli.exercise:exercise",
    "doctor": "cnnlite.cli.doctor:doctor",
    "bench": "cnnlite.cli.bench:bench",
}
WRITE_FILES = (
    "train", "lr-find", "sweep", "curves", "report", "evaluate", "lab", "data", "autodiff",
    "exercise",
)  # fmt: skip
SHARED = ("train", "lr-find")
"""Commands that the processes of `mpirun` run together."""
READER_LEFT = 141  # what a shell reports of a program that SIGPIPE ended


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from cnnlite import __version__

        click.echo(f"cnnlite {__version__}")
        ctx.exit()


@click.group(
    cls=Commands, commands_at=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Print the version and leave.",
)  # fmt: skip
def app() -> None:
    """Train convolutional networks on a CPU, fast, in code that can be read in an evening."""
    with explained(ValueError):
        environment.check()  # asked again where they count, where it would be a traceback


def _print_warning(message: Warning | str, *_where: object) -> None:
    click.echo(f"cnnlite: warning: {message}", err=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: the words after `cnnlite`; None takes the process's own.

    Returns:
        The exit status: 0 well done, 1 the work failed, 2 wrong command line, or output that cannot
        be written, 130 interrupted, 141 the reader of the output left.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    place = environment.launched()
    if place is not None and words[:1] and words[0] in COMMANDS:
        from cnnlite.cli import ranked

        if words[0] in SHARED:
            return ranked.run_ranked(partial(_main, words))
        if argv is None and ranked.launched_here():  # a rank may well start such a command
            return ranked.refuse(words[0], place.rank)
    return _main(words)


def _main(words: list[str]) -> int:
    out, err = Output(sys.stdout, _leaves_files(words), fold=True), Output(sys.stderr)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = _run(words)
            out.flush()
        except OutputEnded:
            status = READER_LEFT
        if out.fault is not None and not out.reader_left:
            name = " ".join(["cnnlite", *words[: 2 if words[:1] == ["data"] else 1]])
            text = f"{name}: standard output cannot be written: {describe(out.fault)}"
            click.echo(text, err=True)
            status = 2 if status in (0, READER_LEFT) else status
    for stream in (out, err):
        if stream.fault is not None:
            stream.discard()
    return status


def _leaves_files(words: Sequence[str]) -> bool:
    """Whether the command does something that its output's reader does not see."""
    if words[:1] == ["predict"]:
        return any(word.startswith(("--csv", "--json", "--sheet")) for word in words)
    return words[:1] != [] and words[0] in WRITE_FILES and words[:2] != ["exercise", "check"]


def _run(words: list[str]) -> int:
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _print_warning  # type: ignore[assignment]
            status = app.main(
                args=words, prog_name="cnnlite", standalone_mode=False, obj=tuple(words)
            )
    except click.ClickException as error:
        click.echo(usage_line(error), err=True)
        return 2
    except ImportError as error:
        if error.name != "cnnlite.backend":
            raise
        click.echo(f"cnnlite: {error}", err=True)  # no kernels: it says how to build them
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("cnnlite: interrupted", err=True)
        return 130
    return status if isinstance(status, int) else 0

"""The program as a whole: help, version, and one line for what is wrong."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import cnnlite
from cnnlite.cli import COMMANDS, app

Cli = Callable[..., Any]


def test_version(cli: Cli) -> None:
    assert cli("--version") == (0, f"cnnlite {cnnlite.__version__}\n", "")


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_help_of_every_command(cli: Cli, name: str | None) -> None:
    outcome = cli(*([name] if name else []), "--help")
    assert outcome.status == 0
    assert outcome.out.startswith("Usage: cnnlite")
    assert outcome.err == ""


@pytest.mark.parametrize("name", ["", *COMMANDS, "data fetch", "data show", "exercise check"])
def test_help_fits_40_columns(cli: Cli, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two columns of it did not, and were broken a second time in the middle of words."""
    monkeypatch.setenv("COLUMNS", "40")
    lines = cli(*name.split(), "--help").out.splitlines()
    assert max(map(len, lines)) <= 40
    assert not any(line.startswith("    ") and line.split()[0] == "[default:" for line in lines[:9])


def test_without_a_command_lists_them(cli: Cli) -> None:
    outcome = cli()
    assert outcome.status == 0
    assert all(name in outcome.out for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["trian"], "cnnlite: no such command trian; did you mean train?"),
        (["xyzzy"], f"cnnlite: no such command xyzzy (there are: {', '.join(COMMANDS)})"),
        (["data", "ftech"], "cnnlite data: no such command ftech; did you mean fetch?"),
        (["--verson"], "cnnlite: no such option --verson; did you mean --version?"),
        (
            ["train", "--epoch", "3"],
            "cnnlite train: no such option --epoch; did you mean --epochs?",
        ),
        (
            ["train", "--zzz"],
            "cnnlite train: no such option --zzz (see cnnlite train --help)",
        ),
        (["predict"], "cnnlite predict: missing argument 'PICTURE...'"),
        (["evaluate", "a", "b"], "cnnlite evaluate: got unexpected extra argument (b)"),
        (
            ["train", "--epochs", "many"],
            "cnnlite train: invalid value for '--epochs': 'many' is not a valid integer",
        ),
    ],
)
def test_what_is_wrong_is_one_line(cli: Cli, arguments: list[str], line: str) -> None:
    assert cli(*arguments).complaint == line


def test_interruption_is_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "main", interrupted)
    assert cli("doctor") == (130, "", "cnnlite: interrupted\n")


def test_warnings_are_one_line_without_a_place(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import warnings

    def warn(**_: object) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn("mind the gap", stacklevel=1)

    monkeypatch.setattr(app, "main", warn)
    assert cli("doctor").err == "cnnlite: warning: mind the gap\n"


def test_python_m_is_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cnnlite", "train", "--epoch", "3"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == "cnnlite train: no such option --epoch; did you mean --epochs?\n"


@pytest.mark.parametrize("threads", ["0", "many", "100000"])
def test_a_wrong_number_of_threads_in_the_environment_is_one_line(threads: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cnnlite", "doctor"],
        env={**os.environ, "CNNLITE_NUM_THREADS": threads},
        capture_output=True,
        text=True,
    )
    line = f"CNNLITE_NUM_THREADS is {threads!r}, expected a whole number from 1 to 1024"
    assert (done.returncode, done.stderr) == (2, f"cnnlite: {line}\n")


def test_kernels_that_cannot_be_loaded_are_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cnnlite", "doctor"],
        env={**os.environ, "CNNLITE_BACKEND": "fast"},
        capture_output=True,
        text=True,
    )
    line = "CNNLITE_BACKEND is 'fast', expected 'compiled' (the default) or 'reference'"
    assert (done.returncode, done.stderr) == (2, f"cnnlite: {line}\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of the shell")
def test_a_reader_that_leaves_gives_no_traceback() -> None:
    script = (
        "import sys; from cnnlite.cli import main; "
        "[main(['--version']) for _ in range(20000)]; sys.exit(0)"
    )
    done = subprocess.run(
        f"{sys.executable} -c \"{script}\" | head -n 1",
        shell=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith("cnnlite ")
    assert "Traceback" not in done.stderr

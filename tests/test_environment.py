"""The variables of the environment: read in one file, checked, and listed in the docs."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cnnlite import environment
from cnnlite.environment import MOST_THREADS, WHEN, Variable

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "lookup" / "environment.md"
ALL = [variable for variables in WHEN.values() for variable in variables]

# What it hands on to a child process is not for cnnlite to read, and COLUMNS is every terminal's;
# waiting.py reads the environment of other processes.
OTHERS = {
    "isolated/process.py", "data/decode_process.py", "rates.py", "terminal.py",
    "training/distributed/waiting.py",
}  # fmt: skip


def row(variable: Variable[Any]) -> str:
    cells = (f"`{variable.name}`", variable.meaning, variable.expected, variable.without)
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("when", WHEN)
def test_the_page_has_its_table(when: str) -> None:
    text = PAGE.read_text(encoding="utf-8").partition(f"<!-- environment: {when} -->\n")[2]
    table = text.partition("\n\n")[0].strip().splitlines()
    assert table[2:] == [row(variable) for variable in WHEN[when]]


def test_every_variable_has_its_time() -> None:
    defined = [value for value in vars(environment).values() if isinstance(value, Variable)]
    assert defined == ALL
    assert len({variable.name for variable in ALL}) == len(ALL)


def test_no_other_file_reads_the_environment() -> None:
    files = [*ROOT.glob("cnnlite/**/*.py"), *ROOT.glob("cnnlite/**/*.p[yx][xid]")]
    readers = {
        path.relative_to(ROOT / "cnnlite").as_posix()
        for path in files
        if re.search(r"\benviron\b(?! *=)|getenv", path.read_text(encoding="utf-8"))
    }
    assert readers == {"environment.py", *OTHERS}
    c_files = [*ROOT.glob("cnnlite/_ext/**/*.h"), *ROOT.glob("cnnlite/_ext/**/*.c")]
    assert not [path for path in [*c_files, ROOT / "setup.py"] if "getenv" in path.read_text()]


def test_nothing_names_a_variable_that_is_not_there() -> None:
    """A message or a page with a mistyped name would send its reader nowhere."""
    macros = {"CNNLITE_PLAIN_C"}  # of the C compiler
    names = {variable.name for variable in ALL} | macros
    pages = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), ROOT / "noxfile.py"]
    for path in [*pages, *ROOT.glob("cnnlite/**/*.py"), *ROOT.glob("tests/**/*.py")]:
        named = set(re.findall(r"CNNLITE_[A-Z_]+[A-Z]", path.read_text(encoding="utf-8")))
        assert named <= names | {"CNNLITE_REQUIRE"}, path


def test_the_limit_of_threads_is_said_once() -> None:
    """It stood in Python, in the pool of threads and in the kernels' workspace."""
    said = re.compile(
        r"MOST_THREADS\s*=\s*\d|MOST_HELPERS\s*=\s*\d|\b102[34]\s*(?:threads|helpers)"
    )
    kinds = ("py", "pyi", "pyx", "pxd", "pxi", "h", "c")
    files = [path for kind in kinds for path in (ROOT / "cnnlite").rglob(f"*.{kind}")]
    assert {path.name for path in files if said.search(path.read_text(encoding="utf-8"))} == {
        "environment.py"
    }


@pytest.mark.parametrize("variable", ALL, ids=lambda variable: variable.name)
def test_empty_is_not_set(variable: Variable[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable.name, "")
    empty = variable.value()
    monkeypatch.delenv(variable.name)
    assert variable.value() == empty == variable.otherwise


GOOD = {
    "CNNLITE_NUM_THREADS": {"1": 1, "1024": MOST_THREADS},
    "CNNLITE_ISA": {"avx2": "avx2"},
    "CNNLITE_BACKEND": {"reference": "reference"},
    "CNNLITE_POOL_LIMIT": {"0": 0, "99999999999999999999": 99999999999999999999},
    "CNNLITE_DEBUG_CACHES": {"0": False, "1": True},
    "CNNLITE_SERIAL": {"0": False, "1": True},
    "CNNLITE_JUDGE_CASES": {"300": 300},
    "CNNLITE_DATA": {"~/data": "~/data"},
}
WRONG = {
    "CNNLITE_NUM_THREADS": ["0", "1025", "-1", "1.0", "two", "\u00b2", "9" * 5000],
    "CNNLITE_ISA": ["avx9000", "AVX2"],
    "CNNLITE_BACKEND": ["cuda", "Compiled"],
    "CNNLITE_POOL_LIMIT": ["-1", "much", "1e3"],
    "CNNLITE_DEBUG_CACHES": ["yes", "2"],
    "CNNLITE_DEBUG": ["yes"],
    "CNNLITE_SERIAL": ["true"],
    "CNNLITE_SANITIZE": ["on"],
    "CNNLITE_REQUIRE_TORCH": ["yes"],
    "CNNLITE_REQUIRE_ONNX": ["yes"],
    "CNNLITE_REQUIRE_BROWSER": ["yes"],
    "CNNLITE_REQUIRE_JUPYTER": ["yes"],
    "CNNLITE_JUDGE_CASES": ["many"],
    "CNNLITE_FUZZ_CASES": ["-5"],
}
BY_NAME = {variable.name: variable for variable in ALL}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_expected_is_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, value in GOOD[name].items():
        monkeypatch.setenv(name, text)
        assert BY_NAME[name].value() == value


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_expected_is_refused_by_name(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in WRONG[name]:
        monkeypatch.setenv(name, text)
        with pytest.raises(ValueError, match=f"^{name} is .*, expected ") as raised:
            BY_NAME[name].value()
        assert str(raised.value).endswith(BY_NAME[name].expected)


def test_all_but_folders_have_wrong_values() -> None:
    folders = {variable.name for variable in ALL if variable.expected == "a folder"}
    assert set(WRONG) == set(BY_NAME) - folders


@pytest.mark.parametrize("variable", WHEN["running"], ids=lambda variable: variable.name)
def test_the_command_line_says_it_in_one_line(variable: Variable[Any]) -> None:
    """CNNLITE_ISA and CNNLITE_POOL_LIMIT ended in a traceback."""
    if variable.name not in WRONG:
        pytest.skip("any text is a folder's name")
    done = subprocess.run(
        [sys.executable, "-m", "cnnlite", "doctor"],
        env={**os.environ, variable.name: WRONG[variable.name][-1][:10] or "0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"cnnlite: {variable.name} is ")
    assert done.stderr.endswith(f"{variable.expected}\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["DEBUG", "SERIAL", "SANITIZE"])
def test_the_build_refuses_a_wrong_switch(name: str) -> None:
    """CNNLITE_SERIAL=true built for several threads without a word."""
    pytest.importorskip("Cython")
    done = subprocess.run(
        [sys.executable, "setup.py", "--version"],
        cwd=ROOT,
        env={**os.environ, f"CNNLITE_{name}": "true"},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == f"ValueError: CNNLITE_{name} is 'true', expected 0 or 1"

"""What CI does elsewhere: checked here as far as it can be without those machines."""

import re
import shutil
import subprocess
import tomllib
import warnings
from pathlib import Path

import pytest

from tests import readme

ROOT = Path(__file__).parents[1]
WORKFLOWS = ROOT / ".github" / "workflows"
SYSTEMS = (
    *("ubuntu-latest", "ubuntu-24.04-arm", "macos-latest", "macos-15-intel"),
    *("windows-latest", "windows-11-arm"),
)

pytestmark = pytest.mark.skipif(not WORKFLOWS.exists(), reason="needs a checkout")


@pytest.fixture(scope="module")
def release():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["cibuildwheel"]


def test_wheels_were_tested_beside_the_sources_which_were_imported_instead(release) -> None:
    assert set(release["test-sources"]) == {"tests", "pyproject.toml"}
    assert "{project}" not in " ".join(release["test-command"])
    assert "CIBW_TEST" not in (WORKFLOWS / "wheels.yml").read_text()
    for name in re.findall(r"tests/\w+", " ".join(release["test-command"])):
        assert (ROOT / name).is_dir()


def test_the_sdist_was_tried_in_a_folder_that_cannot_be_written() -> None:
    text = (WORKFLOWS / "wheels.yml").read_text()
    assert "cd /" not in text
    assert "working-directory: ${{ runner.temp }}" in text


@pytest.mark.parametrize(
    "system",
    ["manylinux", "musllinux", "macosx", "win"],
)
def test_each_system_has_a_wheel_for_both_kinds_of_processor(system: str) -> None:
    built = re.findall(rf"cp311-{system}_(\w+)", (WORKFLOWS / "wheels.yml").read_text())
    assert {"arm" if name in ("arm64", "aarch64") else "x86" for name in built} == {"arm", "x86"}


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="needs actionlint")
def test_actionlint_finds_nothing() -> None:
    command = ["actionlint", "-no-color", *map(str, sorted(WORKFLOWS.glob("*.yml")))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not result.returncode, result.stdout


@pytest.mark.parametrize("name", ["train", "test"])
def test_powershell_does_what_the_other_shells_do(name: str) -> None:
    parts = readme.command("command", name).strip().split(" && ")
    parts.remove(". .venv/bin/activate")
    make, *rest = parts
    expected = [make.replace("python3", "python"), *(rf".venv\Scripts\{part}" for part in rest)]
    assert readme.command("powershell", name).strip().split("; ") == expected


def test_ci_tests_the_wheel_on_each_system() -> None:
    text = (WORKFLOWS / "ci.yml").read_text()
    job = text[text.index("  wheel:") : text.index("  cross:")]
    assert all(system in job for system in SYSTEMS)
    assert "nox -s wheel -- dist/*.whl" in job


@pytest.mark.parametrize("name", ["train", "test"])
def test_ci_runs_the_commands_on_each_system(name: str) -> None:
    text = (WORKFLOWS / "ci.yml").read_text()
    job = text[text.index("  readme:") : text.index("  musl:")]
    assert all(system in job for system in SYSTEMS)
    assert re.search(rf"command: \[.*\b{name}\b", job)


def test_free_threaded_python_says_that_it_has_turned_the_gil_on() -> None:
    """The modules declare that they need it, which is true; the warning is then no fault."""
    assert '"freethreading_compatible": False' in (ROOT / "setup.py").read_text()
    warnings.warn(
        "The global interpreter lock (GIL) has been enabled to load module 'cnnlite._ext.memory', "
        "which has not declared that it can run safely without the GIL.",
        RuntimeWarning,
        stacklevel=1,
    )

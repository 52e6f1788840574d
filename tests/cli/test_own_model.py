"""`--model FILE.py:FUNCTION`: what it takes, what it says, and that nobody's code runs unasked."""

import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnnlite.cli.config_file import read
from cnnlite.cli.own_model import ModelError, OwnModel

Cli = Callable[..., Any]
TRAIN = [
    "train", "--data", "embedded", "--threads", "1", "--overfit", "64", "--quiet", "--keep", "0",
]  # fmt: skip
NET = """
from cnnlite import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Flatten, Linear, ReLU, Sequential

with open("ran", "a") as file:
    file.write(__file__ + "\\n")

def make(num_classes, image_shape, rng):
    channels, height, width = image_shape
    return Sequential(
        Conv2d(channels, 4, 3, padding=1, rng=rng), BatchNorm2d(4), ReLU(),
        AdaptiveAvgPool2d(1), Flatten(), Linear(4, num_classes, rng=rng),
    )
"""


EVIL = """
with open("ran", "a") as file:
    file.write("evil\\n")
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(NET)
    return path


def ran() -> int:
    """How often the file was run; from now on."""
    lines = Path("ran").read_text().splitlines() if Path("ran").exists() else []
    Path("ran").unlink(missing_ok=True)
    return len(lines)


def test_it_trains_and_the_run_folder_is_enough_from_then_on(cli: Cli, net: Path) -> None:
    assert cli(*TRAIN, "--model", "net.py:make", "--epochs", "1").status == 0
    run = Path("runs/001-net")
    assert (run / "model.py").read_text() == NET
    assert read(run / "config.toml").model == f"{net.resolve()}:make"
    net.unlink()
    shutil.move(run, "moved")
    ran()
    assert cli("evaluate", "moved").status == 0
    assert cli("train", "--resume", "moved", "--epochs", "2", "--quiet").status == 0
    Path("a.ppm").write_bytes(b"P6 32 32 255\n" + bytes(3 * 32 * 32))
    pytest.importorskip("PIL")
    assert cli("predict", "a.ppm", "--run", "moved").status == 0
    assert ran() == 3


@pytest.mark.parametrize(
    "command", ["evaluate run", "predict a.png --run run", "train --resume run"]
)
def test_the_code_of_a_run_that_came_from_elsewhere_is_not_run(
    cli: Cli, net: Path, tmp_path: Path, command: str
) -> None:
    assert cli(*TRAIN, "--model", "net.py:make", "--epochs", "1", "--out", "run").status == 0
    shutil.rmtree(tmp_path / "users" / "notes")  # as on another machine
    ran()
    line = cli(*command.split()).complaint
    assert line.endswith(
        "nobody has run its code here yet: read run/model.py, and if you trust it, add "
        "--model run/model.py:make"
    )
    assert ran() == 0
    assert cli("evaluate", "run", "--model", "run/model.py:make").status == 0
    assert cli("evaluate", "run").status == 0  # from now on it is known
    assert ran() == 2


def test_a_copy_that_was_changed_is_not_run(cli: Cli, net: Path) -> None:
    assert cli(*TRAIN, "--model", "net.py:make", "--epochs", "1", "--out", "run").status == 0
    with Path("run/model.py").open("a") as file:
        file.write(EVIL)
    ran()
    assert "nobody has run its code here yet" in cli("evaluate", "run").complaint
    assert ran() == 0


def test_a_configuration_alone_runs_nothing(cli: Cli, net: Path) -> None:
    Path("recipe.toml").write_text(f'model = "{net.as_posix()}:make"\n')
    line = cli(*TRAIN, "--config", "recipe.toml").complaint
    assert "recipe.toml names a program, which runs only if you name it: add --model" in line
    assert ran() == 0
    flags = ["--config", "recipe.toml", "--model", "net.py:make", "--smoke"]
    assert cli(*TRAIN, *flags).status == 0


def test_a_file_that_has_changed_is_a_warning(cli: Cli, net: Path) -> None:
    assert cli(*TRAIN, "--model", "net.py:make", "--epochs", "1", "--out", "run").status == 0
    net.write_text(NET + "# more\n")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        outcome = cli("evaluate", "run", "--model", "net.py:make")
        assert outcome.status == 0
        net.write_text(NET.replace(", 4, 3,", ", 5, 3,").replace("(4", "(5"))
        other = cli("evaluate", "run", "--model", "net.py:make")
    assert other.status == 2
    assert "does not fit" in other.err
    assert "net.py has changed since run was trained" in outcome.err


def test_neighbours_can_be_imported_by_the_file_but_not_by_the_copy(
    cli: Cli, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("the_blocks.py").write_text(NET)
    net.write_text("from the_blocks import make\n")
    assert cli(*TRAIN, "--model", "net.py:make", "--epochs", "1", "--out", "run").status == 0
    for name in [str(net.parent), "the_blocks"]:
        sys.modules.pop(name, None)
        sys.path[:] = [place for place in sys.path if place != name]
    Path("run/the_blocks.py").write_text(EVIL)
    ran()
    monkeypatch.chdir("/")
    line = cli("evaluate", net.parent / "run").complaint
    assert "ModuleNotFoundError: No module named 'the_blocks'" in line
    assert "name the original by --model" in line


def test_a_network_of_the_zoo_has_no_file(cli: Cli, finished_run: Path, net: Path) -> None:
    line = cli("evaluate", finished_run, "--model", "net.py:make").complaint
    assert line.endswith("was trained with softmax_classifier of the zoo: leave --model out")


def make(text: str, tmp_path: Path, function: str = "make") -> Any:
    path = tmp_path / "mine.py"
    path.write_text(f"from cnnlite import Flatten, Linear, Sequential\n{text}")
    return OwnModel.named(f"{path}:{function}").make(5, (1, 4, 6), seed=3)


@pytest.fixture(autouse=True)
def _no_notes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cnnlite.cli.own_model._notes", lambda: tmp_path / "users" / "notes")
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.mark.parametrize(
    "text",
    [
        "def make(): return Sequential(Flatten(), Linear(24, 5))",
        "def make(num_classes): return Sequential(Flatten(), Linear(24, num_classes))",
        "def make(rng, depth=3): return Sequential(Flatten(), Linear(24, 5, rng=rng))",
        "def make(input_shape, *, num_classes): return Sequential(Flatten(), Linear(24, 5))",
        "def make(num_classes, /): return Sequential(Flatten(), Linear(24, num_classes))",
        "def make(*args, **k): return Sequential(Flatten(), Linear(24, k['num_classes']))",
        "from cnnlite.models import two_layer_net as make",
        "class make(Sequential):\n"
        "    def __init__(self, rng): super().__init__(Flatten(), Linear(24, 5, rng=rng))",
        "# coding: latin-1\ndef make(): return Sequential(Flatten(), Linear(24, 5))",
    ],
)
def test_the_function_gets_what_it_names(text: str, tmp_path: Path) -> None:
    first, again = make(text, tmp_path).state_dict(), make(text, tmp_path).state_dict()
    assert {key: a.tobytes() for key, a in first.items()} == {
        key: a.tobytes() for key, a in again.items()
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def make(depth): pass", "has the parameter depth without a default; it is given num_cl"),
        ("def make(): pass", r"mine\.py:make returned nothing, expected a Layer"),
        ("def make(): return [1]", "returned a list, expected a Layer"),
        ("def make(): return Linear", "returned the class Linear, expected a Layer"),
        ("make = 3", "make is 3, expected a function that returns a Layer"),
        ("def made(): pass", r"mine\.py has no function make; did you mean made\?"),
        ("def make():\n    raise KeyError('x')", r"make failed: KeyError: 'x' \(line 3\)"),
        ("import nothing_like_it", r"mine\.py cannot be loaded: ModuleNotFoundError: .*line 2"),
        ("def make(:", r"mine\.py cannot be loaded: SyntaxError: .*line 2"),
        ("exit(3)", r"mine\.py cannot be loaded: SystemExit: 3 \(line 2\)"),
        ("def make(): return Sequential(Flatten(), Linear(3, 5))", r"take an image \(1, 1, 4, 6\)"),
        (
            "def make(): return Sequential(Flatten(), Linear(24, 7))",
            r"expected \(1, 5\): one score",
        ),
        ("def make(): return Sequential(Linear(6, 5))", r"into \(1, 1, 4, 5\), expected \(1, 5\)"),
    ],
)
def test_what_is_wrong_names_file_function_and_what_came(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=message):
        make(text, tmp_path)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("net.py", "--model net.py: expected FILE.py:FUNCTION, as in net.py:make"),
        ("net.txt:make", "--model net.txt:make: expected FILE.py:FUNCTION"),
        ("net.py:make()", "expected FILE.py:FUNCTION"),
        ("nothing.py:make", "nothing.py: No such file or directory"),
        ("folder.py:make", "folder.py: Is a directory"),
    ],
)
def test_a_file_that_is_none_is_one_line(cli: Cli, model: str, message: str) -> None:
    Path("folder.py").mkdir()
    assert message in cli(*TRAIN, "--model", model).complaint
    assert not Path("runs").exists()


def test_a_failure_leaves_no_run_folder(cli: Cli, net: Path) -> None:
    net.write_text("def make(): pass\n")
    assert "returned nothing" in cli(*TRAIN, "--model", "net.py:make").complaint
    assert list(Path("runs").iterdir()) == []

"""`cnnlite report`: one HTML file of a run, or of several, whatever state they are in."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnnlite.cli import runs

pytest.importorskip("plotly")


def sections(page: Path) -> list[str]:
    return re.findall(r'<section id="([\w-]+)"', page.read_text(encoding="utf-8"))


def test_a_finished_run(cli: Callable[..., Any], run_copy: Path) -> None:
    outcome = cli("report", run_copy)
    assert outcome.status == 0, outcome
    page = run_copy / "report.html"
    assert f"page: {page}" in outcome.out
    assert {"card", "curves", "network", "confusion", "mistakes"} <= set(sections(page))
    text = page.read_text(encoding="utf-8")
    assert "cnnlite train --model softmax_classifier" in text
    assert "GFLOP/s" in text


def test_the_record_has_the_command_and_the_rate_of_sgemm(finished_run: Path) -> None:
    record = json.loads((finished_run / runs.RECORD).read_text())
    assert record["command"].startswith("cnnlite train --model softmax_classifier --data embedded")
    assert record["sgemm"] > 0


def test_predict_knows_every_file_of_a_run(cli: Callable[..., Any], run_copy: Path) -> None:
    """It would have written over losses.csv."""
    assert cli("report", run_copy).status == 0
    assert {path.name for path in run_copy.iterdir() if path.is_file()} <= {*runs.FILES}


def test_several_runs_are_compared(
    cli: Callable[..., Any], run_copy: Path, finished_run: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(run_copy, tmp_path / "other"))
    config = (other / runs.CONFIG).read_text()
    (other / runs.CONFIG).write_text(re.sub(r"seed = \d+", "seed = 9", config))
    outcome = cli("report", run_copy, other, "--out", "both.html")
    assert outcome.status == 0, outcome
    assert sections(Path("both.html")) == ["card", "curves", "differences", "seeds", "classes"]


def test_a_run_of_an_older_version(cli: Callable[..., Any], run_copy: Path) -> None:
    """Its record has neither shape nor settings, and there is no losses.csv."""
    record = json.loads((run_copy / runs.RECORD).read_text())
    for name in ("command", "sgemm", "image_shape", "settings"):
        del record[name]
    (run_copy / runs.RECORD).write_text(json.dumps(record))
    (run_copy / runs.LOSSES).unlink()
    shutil.rmtree(run_copy / "kept", ignore_errors=True)
    outcome = cli("report", run_copy)
    assert outcome.status == 0, outcome
    assert "losses of single steps" in outcome.err
    assert {"card", "curves", "network", "confusion"} <= set(sections(run_copy / "report.html"))


def test_a_run_that_ended_in_its_first_epoch(cli: Callable[..., Any], run_copy: Path) -> None:
    (run_copy / runs.WEIGHTS).unlink()
    header = (run_copy / runs.HISTORY).read_text().splitlines()[0]
    (run_copy / runs.HISTORY).write_text(f"{header}\n")
    shutil.rmtree(run_copy / "kept", ignore_errors=True)
    outcome = cli("report", run_copy)
    assert outcome.status == 0, outcome
    assert "no weights yet" in outcome.err
    found = sections(run_copy / "report.html")
    assert {"card", "curves", "network"} <= set(found)
    assert "confusion" not in found


@pytest.mark.parametrize("damaged", [runs.RECORD, runs.WEIGHTS, runs.HISTORY])
def test_what_is_damaged_is_said_and_the_rest_is_shown(
    cli: Callable[..., Any], run_copy: Path, damaged: str
) -> None:
    (run_copy / damaged).write_text("damaged")
    outcome = cli("report", run_copy)
    assert outcome.status == 0, outcome
    assert damaged in outcome.err
    assert "card" in sections(run_copy / "report.html")


def test_a_network_of_ones_own_runs_only_if_it_is_trusted(
    cli: Callable[..., Any], run_copy: Path, tmp_path: Path
) -> None:
    code = (
        "from cnnlite import Flatten, Linear, Sequential\n"
        "def make(num_classes, image_shape, rng):\n"
        "    return Sequential(Flatten(), Linear(3072, num_classes, rng=rng))\n"
    )
    (run_copy / "model.py").write_text(code)
    config = (run_copy / runs.CONFIG).read_text()
    own = re.sub('model = ".*"', 'model = "/somewhere/net.py:make"', config)
    (run_copy / runs.CONFIG).write_text(own)
    outcome = cli("report", run_copy)
    assert outcome.status == 0, outcome
    assert "nobody has run its code here yet" in outcome.err
    assert "network" not in sections(run_copy / "report.html")
    outcome = cli("report", run_copy, "--model", f"{run_copy / 'model.py'}:make")
    assert outcome.status == 0, outcome
    assert {"network", "confusion"} <= set(sections(run_copy / "report.html"))


def test_without_the_extra_one_line_says_how_to_get_it(
    cli: Callable[..., Any], run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    complaint = cli("report", run_copy).complaint
    assert "pip install 'cnnlite[see]'" in complaint
    assert not (run_copy / "report.html").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["nowhere"], "nowhere is not a run folder"),
        ([".", "--out", "page.html"], "is not a run folder: it has no config.toml"),
        (["RUN", "--out", "page.png"], "its name must end in .html"),
        (["RUN", "--out", "no/such/folder/page.html"], "no/such/folder"),
        ([], "there is no run under runs/"),
    ],
)
def test_wrong_command_lines(
    cli: Callable[..., Any], finished_run: Path, options: list[str], expected: str
) -> None:
    words = [str(finished_run) if word == "RUN" else word for word in options]
    assert expected in cli("report", *words).complaint


def test_a_page_that_is_a_link_is_not_followed(cli: Callable[..., Any], run_copy: Path) -> None:
    """A folder that came from somebody else could have any file of ours written over."""
    ours = run_copy.parent / "ours"
    ours.write_text("precious")
    (run_copy / "report.html").symlink_to(ours)
    outcome = cli("report", run_copy)
    assert outcome.status == 2
    assert "report.html is a link to another file: --out names" in outcome.complaint
    assert ours.read_text() == "precious"


def test_weights_that_are_far_too_large_are_not_read(
    cli: Callable[..., Any], run_copy: Path
) -> None:
    with open(run_copy / runs.WEIGHTS, "ab") as file:
        file.truncate(2**40)
    outcome = cli("report", run_copy)
    assert outcome.status == 0
    assert "weights.safetensors has more than the" in outcome.err

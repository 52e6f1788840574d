"""`cnnlite watch`, and `cnnlite train --watch`."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

pytest.importorskip("starlette")

from cnnlite.report import events, history
from cnnlite.report.document import Section
from cnnlite.report.sections import sections
from cnnlite.report.seen import Seen
from cnnlite.watch import address
from cnnlite.watch.folder import Folder
from tests.builds import environment
from tests.processes import kill_all
from tests.watching import LONG, Page, ask, pages

Cli = Callable[..., Any]
QUICK = [
    "train", "--data", "embedded", "--threads", "1", "--overfit", "256", "--quiet",
    "--model", "softmax_classifier", "--lr", "0.01", "--epochs", "2",
]  # fmt: skip


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """program("watch", ...): begin a command in a process of its own."""
    begun: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        folder = Path(__file__).parents[2]
        begun.append(
            subprocess.Popen(
                [sys.executable, "-m", "cnnlite", *words],
                cwd=tmp_path,
                env={**environment(folder), "PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return begun[-1]

    yield begin
    for process in begun:
        kill_all(process)
        process.communicate()


@pytest.fixture
def open_page() -> Iterator[Callable[[str], Page]]:
    with pages() as begin:
        yield begin


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("live page: "):
            return line.split()[-1]
    raise AssertionError(process.communicate())


def test_a_training_is_steered_and_its_run_tells_it(
    program: Callable[..., Any], open_page: Callable[[str], Page], cli: Cli
) -> None:
    """From another process, by the address that `cnnlite watch` gives, through a Ctrl-C."""
    words = [word for word in QUICK if word not in ("2", "--epochs")]
    training = program(*words, "--epochs", "100000", "--out", "run", "--watch")
    place = address_of(training)
    found = cli("watch", "run")
    assert (found.status, found.out) == (0, f"live page: {place}\n")
    assert "has its page at" in cli("watch", "run", "--port", "9999").complaint
    page = open_page(place)
    page.send(do="pause")
    page.send(do="lr", value=0.0025)
    told = page.state(lambda state: any(row["what"] == "lr" for row in state["events"]))
    rows = events.load("run/events.jsonl")
    assert rows == told["events"] or rows[-1] == told["events"][-1]
    assert json.loads(Path("run/live.json").read_text())["address"] == place
    os.kill(training.pid, signal.SIGINT)  # in the pause
    _, complaint = training.communicate(timeout=LONG)
    assert training.returncode == 130
    assert "continue with: cnnlite train --resume run" in complaint
    assert not Path("run/live.json").exists()

    seen = Seen.from_run("run")
    assert "changed by hand" in seen.by_hand[0]
    assert "to 0.0025 after step" in seen.by_hand[0]
    card = next(section for section in sections(seen) if section.id == "card")
    assert "changed by hand" in card.html
    step = rows[-1]["step"]
    epochs = str(step // 3 + 2)
    resumed = cli("train", "--resume", "run", "--epochs", epochs, "--quiet")
    assert resumed.status == 0, resumed
    assert events.load("run/events.jsonl")[: len(rows)] == rows
    assert "changed by hand" in resumed.out


def test_a_folder_is_looked_at_and_followed(
    program: Callable[..., Any], open_page: Callable[[str], Page], run_copy: Path
) -> None:
    watching = program("watch", str(run_copy))
    place = address_of(watching)
    page = open_page(place)
    state = page.state(lambda state: len(state["rows"]) == 2)
    assert (state["steering"], state["epoch"], state["ended"]) == (False, 2, None)
    assert "cnnlite train --watch" in state["note"]
    page.send(do="pause")
    assert "cannot steer" in page.hear(lambda told: told["type"] == "refused")["why"]
    assert 'id="confusion"' in ask(place).text
    rows = history.load(run_copy / "history.csv")
    history.save([*rows, {**rows[-1], "epoch": 3}], run_copy / "history.csv")
    page.state(lambda state: [row["epoch"] for row in state["rows"]] == [3])
    curves = page.hear(lambda told: told.get("id") == "curves")
    assert curves["figures"]["curves"]["data"][2]["x"] == [1, 2, 3]
    os.kill(watching.pid, signal.SIGINT)
    _, complaint = watching.communicate(timeout=LONG)
    assert (watching.returncode, complaint) == (0, "")


def test_of_several_runs_the_newest_is_watched(
    cli: Cli, run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Path] = []
    monkeypatch.setattr("cnnlite.cli.watch._serve", lambda path, *_: shown.append(path))
    runs = Path("runs")
    runs.mkdir()
    for name in ("002-b", "001-a"):
        (runs / name).mkdir()
        (runs / name / "config.toml").write_text('model = "softmax_classifier"\n')
    os.utime(runs / "001-a" / "config.toml", (1, 1))
    assert cli("watch").status == 0
    run_copy.rename(runs / "000-c")
    (runs / "000-c" / "history.csv").touch()
    assert cli("watch").status == 0
    assert shown == [runs / "002-b", runs / "000-c"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["watch"], "there is no run under runs/"),
        (["watch", "nowhere"], "nowhere is not a run folder: there is no such folder"),
        (["watch", "run", "--port", "0"], "--port: port is 0, expected"),
        (["watch", "run", "--port", "70000"], "--port: port is 70000, expected"),
        ([*QUICK, "--profile", "--shards", "2"], "whole batches, and --shards is 2"),
        ([*QUICK, "--port", "9999"], "--port is that of the live page, and needs --watch"),
        ([*QUICK, "--watch", "--port", "TAKEN"], "cannot be used"),
        (["watch", "run", "--port", "TAKEN"], "cannot be used"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_begun(
    cli: Cli, run_copy: Path, words: list[str], complaint: str
) -> None:
    with address.listen(None) as taken:
        port = str(taken.getsockname()[1])
        outcome = cli(*(port if word == "TAKEN" else word for word in words))
    assert complaint in outcome.complaint
    assert not Path("runs").exists()


@pytest.mark.parametrize("words", [["watch", "run"], [*QUICK, "--watch"]])
def test_without_the_extra_one_line_says_how_to_get_it(
    cli: Cli, run_copy: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "starlette" else find(name)
    )
    outcome = cli(*words)
    assert "the live page needs starlette: pip install 'cnnlite[see]'" in outcome.complaint
    assert not Path("runs").exists()


def test_the_same_run_with_a_page_has_the_same_weights(cli: Cli) -> None:
    for name, more in ("a", []), ("b", ["--watch"]):
        assert cli(*QUICK, "--out", name, *more).status == 0
    for name in ("weights.safetensors", "losses.csv", "config.toml"):
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes()
    assert {path.name for path in Path("a").iterdir()} == {p.name for p in Path("b").iterdir()}


def test_a_damaged_record_of_what_was_done_by_hand_is_told(run_copy: Path) -> None:
    (run_copy / "events.jsonl").write_text('{"what": "<script>"}\n')
    seen = Seen.from_run(run_copy)
    assert any("events.jsonl, line 1: expected one of" in note for note in seen.notes)
    assert all(isinstance(section, Section) for section in sections(seen))


def test_losses_that_json_cannot_say_do_not_end_a_page(run_copy: Path) -> None:
    """Each page of such a folder was cut off as soon as it was open, for ever."""
    (run_copy / "losses.csv").write_text("loss\n2.0\nnan\ninf\n")
    folder = Folder(run_copy, lambda: Seen.from_run(run_copy))
    folder.look()
    assert json.loads(json.dumps(folder.losses(0), allow_nan=False)) == [2.0, None, None]
    assert folder.state()["loss"] is None


def test_a_run_that_is_complete_is_not_said_to_be_steered_from_elsewhere(run_copy: Path) -> None:
    seen = Seen.from_run(run_copy)
    folder = Folder(run_copy, lambda: seen)
    folder.look()
    folder.board.renew()
    assert folder.state()["note"].startswith("All epochs are done")
    rows = history.load(run_copy / "history.csv")
    history.save(rows[:1], run_copy / "history.csv")
    folder.look()
    assert "cnnlite train --watch" in folder.state()["note"]


@pytest.mark.parametrize("there", ["nobody", "another server"])
def test_the_page_of_a_training_that_was_killed_is_not_believed(
    cli: Cli, run_copy: Path, monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    """It leaves its address; the port may be another program's by now."""
    shown: list[Path] = []
    monkeypatch.setattr("cnnlite.cli.watch._serve", lambda path, *_: shown.append(path))

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "something"}')

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer((address.HOST, 0), Other) as server:
        address.write(run_copy, address.url(server.server_port, address.new_token()))
        if there == "nobody":
            server.server_close()
        else:
            Thread(target=server.handle_request, daemon=True).start()
        outcome = cli("watch", str(run_copy))
    assert (outcome.status, outcome.out, shown) == (0, "", [run_copy])

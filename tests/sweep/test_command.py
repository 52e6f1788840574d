"""`cnnlite sweep`: trials are ordinary runs, results come in a table, and a sweep can go on."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.cli.config import ConfigError
from cnnlite.report.sweep import Trial, read_sweep, read_trials
from cnnlite.storage import read_arrays
from cnnlite.sweep import run
from cnnlite.sweep.asked import read
from cnnlite.sweep.plans import plan
from tests.cli.conftest import no_override, sealed

pytest.importorskip("joblib")

Cli = Callable[..., Any]
__all__ = ["no_override", "sealed"]  # fixtures

ROOT = Path(__file__).parents[2]
NOT_MEASURED = ("seconds", "images_per_second")


def rows(folder: Path) -> list[dict[str, str]]:
    """The table of a sweep, without what a clock has measured."""
    with (folder / "results.csv").open() as file:
        found = list(csv.DictReader(file))
    return [{key: row[key] for key in row if key not in NOT_MEASURED} for row in found]


def weights(folder: Path) -> dict[str, np.ndarray]:
    return read_arrays(folder / "weights-last.safetensors")[0]


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all((one[k] == other[k]).all() for k in one)


def test_a_row_for_each_trial_with_options_and_results(done: Path) -> None:
    table = rows(done)
    assert [(row["lr"], row["optimizer"], row["seed"]) for row in table] == [
        (lr, optimizer, seed)
        for lr in ("0.01", "0.1") for optimizer in ("sgd", "adam") for seed in "01"
    ]  # fmt: skip
    assert {row["state"] for row in table} == {"finished"}
    assert {row["epochs"] for row in table} == {"4"}
    assert all(float(row["score"]) == float(row["val_acc"]) for row in table)
    assert all(0 <= float(row["test_acc"]) <= 1 for row in table)
    parquet = pytest.importorskip("pyarrow.parquet").read_table(done / "results.parquet")
    assert parquet.column_names[:5] == ["trial", "state", "lr", "optimizer", "seed"]
    assert parquet["lr"].to_pylist() == [0.01] * 4 + [0.1] * 4
    assert parquet["score"].to_pylist() == [float(row["score"]) for row in table]


def test_a_trial_is_an_ordinary_run(done: Path, cli: Cli) -> None:
    run_folder = done / "trials" / "0003"
    assert {"config.toml", "record.json", "history.csv", "checkpoint.safetensors"} <= set(
        os.listdir(run_folder)
    )
    pytest.importorskip("plotly")
    outcome = cli("report", run_folder, "--out", "page.html")
    assert outcome.status == 0, outcome


def test_the_best_trial_is_trained_again_to_the_same_bits(done: Path, cli: Cli) -> None:
    shutil.copytree(done, "grid")
    outcome = cli("sweep", "--best", "grid")
    assert outcome.status == 0, outcome
    number = int(outcome.out.split()[1].rstrip(":"))
    ranked = read_sweep(Path("grid")).ranked()
    assert number in {trial.number for trial in ranked[0]}
    assert cli("train", "--config", "grid/best.toml", "--out", "again", "--quiet").status == 0
    trial = Path(f"grid/trials/{number:04d}")
    assert same(weights(Path("again")), weights(trial))
    losses = [(folder / "losses.csv").read_bytes() for folder in (Path("again"), trial)]
    assert losses[0] == losses[1]


def test_a_sweep_that_is_done_repeats_nothing(done: Path, cli: Cli) -> None:
    shutil.copytree(done, "grid")
    before = {path: path.stat().st_mtime_ns for path in Path("grid/trials").rglob("*")}
    outcome = cli("sweep", "grid.toml", "--out", "grid")
    assert outcome.status == 0
    assert "8 of them done before" in outcome.out
    assert {path: path.stat().st_mtime_ns for path in Path("grid/trials").rglob("*")} == before


def test_what_was_lost_is_trained_to_the_same_bits(done: Path, cli: Cli) -> None:
    """One trial that never began, and one that was killed after its checkpoint."""
    shutil.copytree(done, "grid")
    shutil.rmtree("grid/trials/0002")
    file = Path("grid/trials/0005/trial.json")
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"state": "running", "values": [], "test_acc": None}))
    outcome = cli("sweep", "--resume", "grid", "--workers", "1")
    assert outcome.status == 0, outcome
    assert [line.split()[2] for line in outcome.out.splitlines() if "finished" in line] == [
        "2",
        "5",
    ]
    assert rows(Path("grid")) == rows(done)
    for number in (2, 5):
        trial = f"trials/{number:04d}"
        assert same(weights(Path("grid") / trial), weights(done / trial))


def test_an_edited_file_is_told_from_the_sweep_that_was_begun(done: Path, cli: Cli) -> None:
    shutil.copytree(done, "grid")
    text = Path("grid.toml").read_text()
    Path("grid.toml").write_text(text.replace("epochs = 4", "epochs = 5").replace("0.1]", "0.2]"))
    for place in (("--out", "grid"), ("--resume", "grid")):
        complaint = cli("sweep", "grid.toml", *place).complaint
        assert "epochs in [train] is 4 there, 5 here" in complaint
        assert "lr in [over] is [0.01, 0.1] there, [0.01, 0.2] here" in complaint
    Path("grid.toml").write_text("# only a comment\n" + text)
    assert cli("sweep", "grid.toml", "--out", "grid").status == 0


def test_a_table_of_another_sweep_is_refused(done: Path, cli: Cli) -> None:
    shutil.copytree(done, "grid")
    table = Path("grid/results.csv")
    text = table.read_text()
    table.write_text(text.replace("3,finished,0.01,adam", "3,finished,0.05,adam"))
    complaint = cli("sweep", "--resume", "grid").complaint
    assert "results.csv is of another sweep: trial 3 has lr 0.05 there, and 0.01" in complaint
    table.write_text(text.replace("optimizer", "momentum", 1))
    assert "is of another sweep: its columns are" in cli("sweep", "--resume", "grid").complaint
    table.write_bytes(b"\xff")
    assert "is no table of results" in cli("sweep", "--resume", "grid").complaint


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("sweep.json", "{", "sweep.json is damaged"),
        ("sweep.json", "[]", "sweep.json is damaged"),
        ("trials/0001/trial.json", '{"number": 1}', "trial.json is damaged"),
        ("trials/0001/trial.json", "nothing", "trial.json is damaged"),
    ],
)
def test_a_damaged_file_is_named(done: Path, cli: Cli, file: str, text: str, said: str) -> None:
    shutil.copytree(done, "grid")
    (Path("grid") / file).write_text(text)
    for words in (("sweep", "--resume", "grid"), ("sweep", "--best", "grid"), ("report", "grid")):
        assert said in cli(*words).complaint


def test_a_trial_of_another_sweep_is_refused(done: Path, cli: Cli) -> None:
    shutil.copytree(done, "grid")
    file = Path("grid/trials/0001/trial.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"sweep": "x"}))
    assert "is of another sweep than" in cli("sweep", "--resume", "grid").complaint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sweep"], "missing SWEEP.toml"),
        (["sweep", "nowhere.toml"], "nowhere.toml: No such file"),
        (["sweep", "tiny.npz"], "tiny.npz is not a TOML file"),
        (["sweep", "--resume", "."], "it is not the folder of a sweep"),
        (["sweep", "--best", "."], "is not the folder of a sweep"),
        (["sweep", "grid.toml", "--best", "x"], "--best takes the folder of a sweep"),
        (["sweep", "--resume", "x", "--out", "y"], "--out cannot be given with --resume"),
        (["sweep", "grid.toml", "--out", "."], "is there already and is no sweep"),
        (["sweep", "grid.toml", "--backend", "dsak"], "cannot be 'dsak'; did you mean dask?"),
        (["sweep", "grid.toml", "--address", "x:1"], "needs --backend dask or ray"),
        (["report", "--part", "val", "SWEEP"], "--part is for runs"),
        (["report", "SWEEP", "SWEEP"], "which has a page of its own: name it alone"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    done: Path, cli: Cli, words: list[str], said: str
) -> None:
    assert said in cli(*[done if word == "SWEEP" else word for word in words]).complaint
    assert not Path("sweeps").exists() or not any(Path("sweeps").iterdir())


@pytest.mark.parametrize(
    ("package", "words", "extra"),
    [
        ("joblib", [], "sweep"),
        ("distributed", ["--backend", "dask"], "dask"),
        ("ray", ["--backend", "ray"], "ray"),
        ("optuna", [], "sweep"),
        ("optuna", ["--dry-run"], "sweep"),
    ],
)
def test_a_missing_extra_is_named_before_anything_else(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, package: str, words: list[str], extra: str
) -> None:
    from cnnlite.installed import is_installed

    for place in ("cnnlite.cli._group", "cnnlite.sweep.workers", "cnnlite.sweep.starting"):
        monkeypatch.setattr(
            f"{place}.is_installed", lambda name: name != package and is_installed(name)
        )
    Path("grid.toml").write_text(
        'sweep = {search = "optuna", trials = 2}\nover = {lr = [0.1, 0.2]}'
        if package == "optuna"
        else Path("grid.toml").read_text()
    )
    complaint = cli("sweep", "grid.toml", *words).complaint
    assert f"needs {package}: pip install 'cnnlite[{extra}]'" in complaint
    assert not Path("sweeps").exists() or not any(Path("sweeps").iterdir())


@pytest.mark.parametrize(
    ("sampler", "missing"),
    [
        ("CmaEsSampler", ["cmaes"]),
        ("QMCSampler", ["scipy"]),
        ("GPSampler", ["scipy", "torch"]),
        ("GPSampler", ["torch"]),
    ],
)
def test_a_sampler_without_its_package_is_an_error_that_names_both(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, sampler: str, missing: list[str]
) -> None:
    """It was a traceback, or its package was found to be missing after the folder was made."""
    place = "cnnlite.sweep.starting.is_installed"
    monkeypatch.setattr(place, lambda name: name not in missing)
    Path("grid.toml").write_text(
        f'sweep = {{search = "optuna", trials = 2, sampler = "{sampler}"}}\n'
        "over = {lr = [0.1, 0.2]}"
    )
    for words in ([], ["--dry-run"]):
        assert cli("sweep", "grid.toml", *words).complaint == (
            f'cnnlite sweep: sampler = "{sampler}" needs {" and ".join(missing)}: '
            f"pip install {' '.join(missing)}"
        )
    assert not Path("sweeps").exists()


def test_samplers_of_optuna_need_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them that takes a seed proposes where its packages are, and needs no other."""
    optuna = pytest.importorskip("optuna")
    from cnnlite.installed import is_installed
    from cnnlite.sweep.asked import SAMPLERS

    over = {"lr": {"min": 0.1, "max": 1.0}, "batch_size": [10, 20]}
    for name, packages in SAMPLERS.items():
        if all(map(is_installed, packages)):
            asked = read(
                {"sweep": {"search": "optuna", "trials": 24, "sampler": name}, "over": over}
            )
            proposed = plan(asked)
            stage = next(proposed)
            for _ in range(2):
                stage = proposed.send({one.number: one.options["lr"] for one in stage})
            assert len(stage) == 8, name
    others = {"BaseSampler", "BaseGASampler", "PartialFixedSampler"}
    others |= {"BruteForceSampler", "GridSampler"}  # which search = "grid" stands for
    there = {name for name in optuna.samplers.__all__ if name.endswith("Sampler")}
    assert there - others <= set(SAMPLERS), "a new one"


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_an_address_where_nobody_answers_is_an_error_at_once(cli: Cli, backend: str) -> None:
    pytest.importorskip({"dask": "distributed", "ray": "ray"}[backend])
    complaint = cli(
        "sweep", "grid.toml", "--backend", backend, "--address", "127.0.0.1:9"
    ).complaint
    assert "--address 127.0.0.1:9 does not answer" in complaint
    complaint = cli("sweep", "grid.toml", "--backend", backend, "--address", "nowhere").complaint
    assert "expected HOST:PORT" in complaint


def test_missing_data_is_an_error_before_anything_runs(cli: Cli) -> None:
    Path("tiny.npz").unlink()
    assert "tiny.npz" in cli("sweep", "grid.toml", "--out", "grid").complaint
    assert not Path("grid").exists()


@pytest.mark.parametrize(
    ("train", "over", "said"),
    [
        ({}, {"shards": [1, 3]}, "with shards = 3: Solver: shards is 3, which does not divide"),
        ({"shards": 4}, {"batch_size": [20, 30]}, "with batch_size = 30: Solver: shards is 4"),
        ({}, {"batch_size": [20, 61]}, "batch_size is 61, but X_train has 60 images only"),
        ({}, {"overfit": [20, 70]}, "with overfit = 70: Solver: overfit is 70, but"),
        ({}, {"whiten": ["1", "9"]}, "with whiten = '1': --whiten 1:"),
        ({}, {"freeze": [[], ["9.*"]]}, "with freeze = ['9.*']: --freeze: nothing"),
        ({}, {"freeze": [["7.*@1"]]}, "with freeze = ['7.*@1']: --freeze: nothing"),
        ({}, {"train_sizes": ["4,6@2"]}, "the images that augment gives from epoch 0 on"),
        ({}, {"model": ["softmax_classifier", "small_vgg"]}, "with model = 'small_vgg': "),
        ({}, {"data": ["tiny.npz", "gone.npz"]}, "with data = 'gone.npz': "),
        ({}, {"init": ["gone"]}, "gone is not a run folder"),
        ({}, {"recipe": ["airbench94"]}, "with recipe = 'airbench94': "),
        ({"stream": True}, {"lr": [0.1]}, "with lr = 0.1: --stream is for a folder of pictures"),
    ],
    ids=lambda value: next(iter(value), "none") if isinstance(value, dict) else None,
)  # fmt: skip
def test_what_a_trial_would_refuse_at_its_start_is_refused_before_any(
    cli: Cli, train: dict[str, Any], over: dict[str, Any], said: str
) -> None:
    given = {"model": "softmax_classifier", "data": "tiny.npz", "epochs": 2, "batch_size": 20}
    tables = {"train": {k: v for k, v in given.items() if k not in over} | train, "over": over}
    if "recipe" in over:
        del tables["train"]["model"]
    with pytest.raises((ConfigError, OSError)) as error:
        run(tables, "refused", workers=1)
    assert said in str(error.value)
    assert not any(Path("refused").iterdir())


@pytest.mark.parametrize("search", ["random", "optuna"])
def test_a_dry_run_refuses_what_some_value_of_a_range_makes_impossible(
    cli: Cli, search: str
) -> None:
    """Both ends of the range are even: what two shards cannot share is between them."""
    if search == "optuna":
        pytest.importorskip("optuna")
    path = Path("grid.toml")
    text = path.read_text().replace("batch_size = 20", "shards = 2").partition("[over]")[0]
    path.write_text(
        f'[sweep]\nsearch = "{search}"\ntrials = 8\n{text}'
        "[over]\nbatch_size = {min = 10, max = 20}"
    )
    assert "does not divide batch_size" in cli("sweep", "grid.toml", "--dry-run").complaint


def test_a_dry_run_lists_the_trials_and_trains_nothing(cli: Cli) -> None:
    outcome = cli("sweep", "grid.toml", "--dry-run")
    assert outcome.status == 0
    assert outcome.out.splitlines()[1] == "trial 1   lr=0.01 optimizer=sgd seed=1"
    assert outcome.out.splitlines()[-1] == "8 trials"
    assert not Path("sweeps").exists()
    Path("sweeps").mkdir()
    Path("sweeps", "sweep.json").write_text('{"asked": {}}')  # a sweep's folder of that name
    assert cli("sweep", "grid.toml", "--dry-run").status == 0


LOSING = {
    "train": {"model": "softmax_classifier", "data": "tiny.npz", "epochs": 2, "batch_size": 20},
    "over": {"lr": [0.05, 1e30]},
}


def test_a_trial_that_diverges_or_fails_is_recorded_and_the_sweep_goes_on(cli: Cli) -> None:
    """A network of one's own that cannot be made, and a rate that is far too high."""
    Path("net.py").write_text(
        "def make(num_classes, image_shape, rng):\n    raise ValueError('broken on purpose')\n"
    )
    Path("lose.toml").write_text(
        '[train]\nmodel = "net.py:make"\ndata = "tiny.npz"\nepochs = 2\nbatch_size = 20\n'
        "[over]\nlr = [0.05, 0.1]\n"
    )
    allowed = ("--model", "net.py:make")
    outcome = cli("sweep", "lose.toml", *allowed, "--out", "lose", "--workers", "1")
    assert outcome.status == 0, outcome
    table = rows(Path("lose"))
    assert [row["state"] for row in table] == ["failed", "failed"]
    assert "broken on purpose" in table[0]["reason"]
    assert "failed; results.csv says why" in outcome.err
    found = run(LOSING, "diverging", workers=1, show=lambda text: None)
    assert {t.number: t.state for t in found.trials} == {0: "finished", 1: "diverged"}
    assert "learning rate" in found.trials[1].reason
    assert all(group[0].options["lr"] == 0.05 for group in found.ranked())


HALVED = {
    "sweep": {"search": "random", "trials": 4},
    "train": {"model": "softmax_classifier", "data": "tiny.npz", "epochs": 4, "batch_size": 20},
    "over": {"lr": {"min": 1e-3, "max": 0.3, "log": True}},
    "halving": {"reduction": 2},
}


def test_paused_trials_go_on_from_their_checkpoints_to_the_bits_of_a_whole_run(cli: Cli) -> None:
    found = run(HALVED, "halved", workers=1, show=lambda text: None)
    assert sorted(len(trial.values) for trial in found.trials) == [1, 1, 2, 4]
    assert sorted(trial.state for trial in found.trials) == ["finished", *["stopped"] * 3]
    best = next(trial for trial in found.trials if trial.state == "finished")
    folder = Path(f"halved/trials/{best.number:04d}")
    assert len((folder / "losses.csv").read_text().split()) == 1 + 4 * 3, "steps taken once each"
    whole = {"train": HALVED["train"], "over": {"lr": [best.options["lr"]]}}
    run(whole, "whole", workers=1, show=lambda text: None)
    assert same(weights(folder), weights(Path("whole/trials/0000")))


def test_seeds_are_judged_together(cli: Cli) -> None:
    """Of two configurations with two seeds each, one goes on, with both."""
    tables = {**HALVED, "sweep": {"search": "random", "trials": 2}}
    tables["over"] = {**HALVED["over"], "seed": [0, 1]}
    found = run(tables, "seeds", workers=1, show=lambda text: None)
    ((one, other),) = found.ranked()
    assert (one.number, other.number) in ((0, 1), (2, 3))
    assert [one.options["seed"], other.options["seed"]] == [0, 1]


@pytest.mark.slow
def test_a_trial_whose_process_is_killed_fails_alone(cli: Cli) -> None:
    """A network of one's own that ends its process, beside one that does not."""
    Path("net.py").write_text(
        "import os\nfrom cnnlite import Flatten, Linear, Sequential\n\n\n"
        "def make(num_classes, image_shape, rng):\n"
        "    c, h, w = image_shape\n"
        "    return Sequential(Flatten(), Linear(c * h * w, num_classes, rng=rng))\n\n\n"
        "def die(num_classes, image_shape, rng):\n"
        "    os._exit(9)\n"
    )
    Path("own.toml").write_text(
        '[train]\ndata = "tiny.npz"\nepochs = 3\nbatch_size = 20\n'
        '[over]\nmodel = ["net.py:make", "net.py:die"]\nlr = [0.01, 0.02]\n'
    )
    assert "add --model net.py:make" in cli("sweep", "own.toml").complaint
    allowed = ("--model", "net.py:make", "--model", "net.py:die")
    outcome = cli("sweep", "own.toml", *allowed, "--out", "own", "--workers", "2")
    assert outcome.status == 0, outcome
    table = rows(Path("own"))
    assert [row["state"] for row in table] == ["finished", "finished", "failed", "failed"]
    assert "its process ended without a word" in table[2]["reason"]


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start a sweep in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "cnnlite", "sweep", *words], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CNNLITE_NUM_THREADS": "1"},
    )  # fmt: skip


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not there() and process.poll() is None:
        time.sleep(0.02)


def finished(folder: Path) -> dict[int, tuple[Trial, int]]:
    """The trials of a sweep that have finished, and when each was written."""
    try:
        trials = read_trials(folder, json.loads((folder / "sweep.json").read_text())["id"])
    except FileNotFoundError:
        return {}
    return {
        t.number: (t, (folder / f"trials/{t.number:04d}/trial.json").stat().st_mtime_ns)
        for t in trials
        if t.state == "finished"
    }


def killed(home: Path, kills: int, seed: int, workers: int) -> list[str]:
    """Kill a sweep so many times, each soon after a trial has finished; return what went wrong."""
    rng, folder, faults = np.random.default_rng(seed), home / "grid", []
    for _ in range(kills):
        before = finished(folder)
        process = started(home, "grid.toml", "--out", "grid", "--workers", str(workers))
        wait_for(lambda before=before: len(finished(folder)) > len(before), process)
        time.sleep(rng.random() * 0.1)
        process.kill()
        process.communicate()
        after = finished(folder)
        faults += [f"trial {n} was lost or repeated" for n in before if after.get(n) != before[n]]
    return faults


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to processes")
def test_a_kill_loses_and_repeats_no_finished_trial(done: Path, cli: Cli, tmp_path: Path) -> None:
    assert killed(tmp_path, 1, seed=0, workers=2) == []
    assert cli("sweep", "--resume", "grid", "--workers", "1").status == 0
    assert rows(tmp_path / "grid") == rows(done), "two processes come to what one does"


ORPHAN = """
import os, time
from cnnlite.sweep.workers import _begin_worker
sweep = os.getpid()
if os.fork():
    os._exit(0)
while os.getppid() == sweep:
    time.sleep(0.01)
_begin_worker(sweep)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to processes")
def test_a_worker_whose_sweep_was_killed_ends_though_it_has_no_work() -> None:
    """Killed while it sent work to a worker that was just starting, the sweep left it for ever."""
    # What it writes to is open as long as the worker is there.
    subprocess.run(
        [sys.executable, "-c", ORPHAN], check=True, stdout=subprocess.PIPE, timeout=50,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to processes")
def test_twenty_kills_lose_and_repeat_no_finished_trial(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text(path.read_text().replace("seed = [0, 1]", f"seed = {list(range(8))}"))
    assert killed(tmp_path, 20, seed=1, workers=2) == []
    assert cli("sweep", "--resume", "grid", "--workers", "2").status == 0
    assert len(rows(tmp_path / "grid")) == 32


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("dask", "ray")]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to processes")
@pytest.mark.parametrize("backend", ["loky", *SLOW])
def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(cli: Cli, tmp_path: Path, backend: str) -> None:
    """To all processes at once, as a terminal sends it, in the middle of two trials."""
    pytest.importorskip({"loky": "joblib", "dask": "distributed"}.get(backend, backend))
    path = tmp_path / "grid.toml"
    path.write_text(path.read_text().replace("epochs = 4", "epochs = 100000"))
    words = ("--out", "grid", "--workers", "2", "--backend", backend)
    process = started(tmp_path, "grid.toml", *words)
    checkpoints = [tmp_path / f"grid/trials/000{n}/checkpoint.safetensors" for n in (0, 1)]
    wait_for(lambda: all(file.exists() for file in checkpoints), process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    told = "cnnlite sweep: stopped; continue with: cnnlite sweep --resume grid"
    assert err.splitlines()[-1] == told
    assert backend == "ray" or err.count("\n") == 1, "Ray speaks for itself"
    assert [row["state"] for row in rows(tmp_path / "grid")] == ["paused", "paused"]
    assert not (tmp_path / "grid" / "session").exists()


def test_a_folder_that_cannot_be_written_is_named_with_what_helps(
    done: Path, cli: Cli, sealed: Path
) -> None:
    """--resume was told that --out names another place, which it does not take."""
    where = f"the folder {sealed}"
    assert where in cli("sweep", "grid.toml", "--out", sealed / "x").complaint
    sealed.chmod(0o755)
    shutil.copytree(done, sealed / "grid")
    (sealed / "grid").chmod(0o555)
    complaint = cli("sweep", "--resume", sealed / "grid").complaint
    assert complaint.endswith(
        "cannot be written: Permission denied; copy the sweep to another place"
    )
    complaint = cli("sweep", "--best", sealed / "grid").complaint
    assert complaint.endswith("cannot be written: Permission denied; --out names another place")
    (sealed / "grid").chmod(0o755)


def test_a_second_ctrl_c_ends_a_sweep_at_once_and_says_how_to_go_on(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a worker does not answer: there was no word of how to go on."""

    def waits_for_ever(*args: Any) -> Any:
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
        yield

    monkeypatch.setattr("cnnlite.sweep.workers._parallel", waits_for_ever)
    outcome = cli("sweep", "grid.toml", "--out", "grid")
    assert outcome.status == 130
    assert "stopped; continue with: cnnlite sweep --resume grid" in outcome.err
    monkeypatch.undo()


def test_a_cluster_without_workers_is_not_waited_for_when_a_sweep_has_ended() -> None:
    """After Ctrl-C had ended its workers, the sweep waited for ever for what they were to do."""
    distributed = pytest.importorskip("distributed")
    from cnnlite.sweep import workers

    class Gone:
        def nthreads(self) -> dict[str, int]:
            return {}

        def goes_on(self) -> bool:
            return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed, "as_completed", no_future_is_done)
        assert list(workers._completed(Gone(), ["a future"], Gone())) == []


def no_future_is_done(futures: Any, timeout: float) -> Any:
    raise TimeoutError
    yield


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_cluster_comes_to_the_same(cli: Cli, done: Path, backend: str, tmp_path: Path) -> None:
    pytest.importorskip({"dask": "distributed", "ray": "ray"}[backend])
    process = started(
        tmp_path, "grid.toml", "--out", "grid", "--workers", "2", "--backend", backend
    )
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert rows(tmp_path / "grid") == rows(done)


@pytest.mark.slow
def test_a_cluster_that_is_there_is_met_by_its_address(cli: Cli, done: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        words = ("--backend", "dask", "--address", cluster.scheduler_address)
        assert cli("sweep", "grid.toml", "--out", "grid", *words).status == 0
    assert rows(Path("grid")) == rows(done)


def test_stream_counts_in_a_sweep(cli: Any, tmp_path: Path) -> None:
    text = (tmp_path / "grid.toml").read_text().replace("[train]", "[train]\nstream = true")
    (tmp_path / "stream.toml").write_text(text)
    found = cli("sweep", "stream.toml", "--out", "streamed", "--workers", "1")
    assert found.status == 2
    assert "--stream is for a folder of pictures" in found.err

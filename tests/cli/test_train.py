"""`cnnlite train`: what it writes, what it continues, what it says when it cannot."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnnlite.cli import runs
from cnnlite.cli.config import TrainConfig
from cnnlite.cli.config_file import read
from cnnlite.optim.schedules import SCHEDULES
from cnnlite.rates import Limits
from cnnlite.report import history
from cnnlite.solver import Solver
from cnnlite.training.callbacks import profiler

Cli = Callable[..., Any]
# A few images on one thread: the command is what is tested here, not the kernels.
TRAIN = [
    "train", "--data", "embedded", "--threads", "1", "--overfit", "256", "--quiet", "--keep", "0",
]  # fmt: skip
QUICK = [*TRAIN, "--model", "softmax_classifier", "--lr", "0.01"]


def test_a_run_folder_holds_everything(finished_run: Path) -> None:
    files = {path.name for path in finished_run.iterdir()}
    assert files == {
        "config.toml", "record.json", "history.csv", "losses.csv", "curves.png",
        "weights.safetensors", "weights-last.safetensors", "checkpoint.safetensors",
        "kept", "result.json",
    }  # fmt: skip
    result = json.loads((finished_run / "result.json").read_text("utf-8"))
    assert set(result) == {"val_accuracy", "test_accuracy"}
    assert (
        result["val_accuracy"]
        == max(history.load(finished_run / "history.csv"), key=lambda row: row["val_acc"])[
            "val_acc"
        ]
    )
    assert [row["epoch"] for row in history.load(finished_run / "history.csv")] == [1, 2]


def test_the_configuration_is_resolved_and_can_be_used_again(finished_run: Path) -> None:
    config = read(finished_run / "config.toml")
    assert config == TrainConfig(
        model="softmax_classifier", data="embedded", epochs=2, lr=0.01, threads=1
    )


def test_the_same_command_gives_the_same_bits_and_another_seed_others(cli: Cli) -> None:
    for out, seed in ("a", "1"), ("b", "1"), ("c", "2"):
        assert cli(*QUICK, "--epochs", "2", "--seed", seed, "--out", out).status == 0
    for name in ("weights.safetensors", "weights-last.safetensors"):
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes()
        assert Path("a", name).read_bytes() != Path("c", name).read_bytes()


def test_without_cifar10_it_says_so_and_how_to_get_it(cli: Cli) -> None:
    outcome = cli("train", "--model", "softmax_classifier", "--smoke", "--threads", "1")
    assert outcome.status == 0
    assert "CIFAR-10 is not on this machine" in outcome.out
    assert "cnnlite data fetch cifar10" in outcome.out
    assert read(Path("runs/001-softmax_classifier/config.toml")).data == "embedded"


def test_profile_tells_where_the_time_goes_and_keeps_it_in_the_run(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(gflops=100.0, gbytes=10.0, threads=1)
    monkeypatch.setattr(profiler, "measure_limits", lambda: limits)
    outcome = cli(*QUICK, "--smoke", "--profile", "--out", "run")
    assert outcome.status == 0
    assert "limits: 100 GFLOP/s" in outcome.out
    parts = [line.split(",")[2] for line in Path("run/profile.csv").read_text().splitlines()]
    assert {"data", "loss", "optimizer", "after an epoch"} < set(parts)
    assert cli(*QUICK, "--profile", "0").status == 2


def test_runs_are_numbered(cli: Cli) -> None:
    for _ in range(2):
        assert cli(*QUICK, "--smoke").status == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == [
        "001-softmax_classifier", "002-softmax_classifier",
    ]  # fmt: skip


def test_flags_win_over_the_file(cli: Cli) -> None:
    recipe = ['model = "softmax_classifier"', "lr = 0.5", "batch_size = 50", "augment = true"]
    Path("recipe.toml").write_text("\n".join(recipe))
    outcome = cli(
        *TRAIN, "--config", "recipe.toml", "--lr", "0.01", "--smoke", "--no-augment",
        "--out", "run",
    )  # fmt: skip
    assert outcome.status == 0
    config = read(Path("run/config.toml"))
    assert (config.model, config.lr, config.batch_size) == ("softmax_classifier", 0.01, 50)
    assert not config.augment


@pytest.mark.parametrize(
    ("flags", "noted", "used"),
    [
        (["--augment"], "crop,flip", "RandomCropFlip"),
        (["--augment", "crop,flip"], "crop,flip", "RandomCropFlip"),
        (["--augment", "jitter,cutmix"], "jitter,cutmix", "Compose"),
        (["--augment", "none"], "none", "NoneType"),
        (["--no-augment"], False, "NoneType"),
        ([], False, "NoneType"),
    ],
)
def test_augmentations_are_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, flags: list[str], noted: Any, used: str
) -> None:
    seen: list[str] = []
    train = Solver.train

    def spy(solver: Solver) -> Any:
        seen.append(type(solver.augment).__name__)
        return train(solver)

    monkeypatch.setattr(Solver, "train", spy)
    alone = ["train", "--data", "embedded", "--threads", "1", "--model", "softmax_classifier"]
    outcome = cli(*alone, *flags, "--smoke", "--quiet", "--out", "run")
    assert outcome.status == 0, outcome.err
    assert read(Path("run/config.toml")).augment == noted
    assert seen == [used]


def test_an_augmentation_that_there_is_not(cli: Cli) -> None:
    outcome = cli(*QUICK, "--augment", "crop,flop")
    assert outcome.status == 2
    assert "--augment 'flop' is none of crop, flip, jitter" in outcome.err
    assert not Path("runs").exists()
    Path("recipe.toml").write_text('augment = "mixpu"')
    outcome = cli(*QUICK, "--config", "recipe.toml")
    assert "'augment' in recipe.toml 'mixpu' is none of crop" in outcome.err


def test_overfit_learns_a_few_images_by_heart(cli: Cli) -> None:
    outcome = cli(*QUICK, "--overfit", "20", "--epochs", "40", "--schedule", "constant")
    assert outcome.status == 0
    rows = history.load(next(Path("runs").iterdir()) / "history.csv")
    assert rows[-1]["train_acc"] == 1.0


@pytest.mark.parametrize("schedule", [*SCHEDULES, "plateau"])
def test_every_schedule_trains(cli: Cli, schedule: str) -> None:
    assert cli(*QUICK, "--smoke", "--schedule", schedule).status == 0


def test_threads_are_set_and_noted(cli: Cli) -> None:
    import json

    assert cli(*QUICK, "--smoke", "--out", "run").status == 0
    record = json.loads(Path("run/record.json").read_text())
    assert record["environment"]["threads"] == 1
    assert record["images"] == {"train": 12_000, "val": 1_000, "test": 2_000}


class TestResume:
    def test_a_longer_total_continues(self, cli: Cli) -> None:
        assert cli(*QUICK, "--epochs", "1", "--out", "run").status == 0
        assert cli("train", "--resume", "run", "--epochs", "2", "--quiet").status == 0
        rows = history.load(Path("run/history.csv"))
        assert [row["epoch"] for row in rows] == [1, 2]

    def test_a_finished_run_stays_as_it_is(self, cli: Cli) -> None:
        assert cli(*QUICK, "--epochs", "1", "--out", "run").status == 0
        before = Path("run/weights-last.safetensors").read_bytes()
        assert cli("train", "--resume", "run", "--quiet").status == 0
        assert Path("run/weights-last.safetensors").read_bytes() == before

    @pytest.mark.parametrize(
        "flags", [["--lr", "0.1"], ["--no-augment"], ["--out", "x"], ["--config", "x.toml"]]
    )
    def test_the_configuration_is_the_runs_own(self, cli: Cli, flags: list[str]) -> None:
        line = cli("train", "--resume", "run", *flags).complaint
        flag = flags[0].replace("--no-", "--")
        assert line.startswith(f"cnnlite train: {flag} cannot be given with --resume")

    def test_the_new_total_is_remembered(self, cli: Cli) -> None:
        """The advice after Ctrl-C, --resume alone, found the run finished."""
        assert cli(*QUICK, "--epochs", "1", "--out", "run").status == 0
        assert cli("train", "--resume", "run", "--epochs", "3", "--quiet").status == 0
        assert read(Path("run/config.toml")).epochs == 3
        assert read(Path("run/config.toml")).lr == 0.01
        assert cli("train", "--resume", "run", "--threads", "2", "--quiet").status == 0
        assert read(Path("run/config.toml")).threads == 2
        assert len(history.load(Path("run/history.csv"))) == 3

    def test_less_than_there_is_is_refused(self, cli: Cli) -> None:
        assert cli(*QUICK, "--epochs", "2", "--out", "run").status == 0
        line = cli("train", "--resume", "run", "--epochs", "1", "--quiet").complaint
        assert line == "cnnlite train: --epochs is 1, but run has 2 epochs"
        assert read(Path("run/config.toml")).epochs == 2

    def test_a_smoke_test_has_no_epochs(self, cli: Cli) -> None:
        assert cli(*QUICK, "--smoke", "--out", "run").status == 0
        line = cli("train", "--resume", "run", "--epochs", "9").complaint
        assert line.startswith("cnnlite train: --epochs cannot be given: run is a smoke test")

    def test_a_jump_of_the_learning_rate_is_a_warning(self, cli: Cli) -> None:
        assert cli(*QUICK, "--epochs", "1", "--out", "run").status == 0
        outcome = cli("train", "--resume", "run", "--epochs", "2", "--quiet")
        assert outcome.status == 0
        assert re.search(
            r"^cnnlite: warning: .*the learning rate jumps from \S+ to \S+ at step 3: the schedule "
            "Cosine was drawn for 1 epochs, and now for 2$", outcome.err, re.M
        )  # fmt: skip

    def test_of_no_run(self, cli: Cli) -> None:
        line = cli("train", "--resume", "nothing").complaint
        assert line == "cnnlite train: nothing is not a run folder: there is no such folder"

    @pytest.mark.skipif(sys.platform == "win32", reason="folders have no locks there")
    def test_while_another_process_trains_it(self, cli: Cli) -> None:
        assert cli(*QUICK, "--epochs", "1", "--out", "run").status == 0
        program = (
            "import pathlib, time; from cnnlite.cli import run_folders\n"
            "with run_folders.held(pathlib.Path('run')): print(flush=True); time.sleep(60)"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            other.stdout.readline()
            line = cli("train", "--resume", "run").complaint
            other.kill()
        assert line == "cnnlite train: run is in use: another process is training into it"
        # The lock of a process that was killed is gone with it.
        assert cli("train", "--resume", "run", "--quiet").status == 0

    def test_without_a_checkpoint(self, cli: Cli) -> None:
        assert cli(*QUICK, "--smoke", "--out", "run").status == 0
        Path("run/checkpoint.safetensors").unlink()
        line = cli("train", "--resume", "run").complaint
        assert line == "cnnlite train: run cannot be continued: it has no checkpoint.safetensors"

    def test_under_another_version_warns(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        assert cli(*QUICK, "--epochs", "1", "--out", "run").status == 0
        record = json.loads(Path("run/record.json").read_text())["environment"]
        assert {"cnnlite", "numpy", "instruction_set", "compiler"} <= set(record)
        monkeypatch.setattr("cnnlite.training.record.__version__", "9.9")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            outcome = cli("train", "--resume", "run", "--epochs", "2", "--quiet")
        assert outcome.status == 0
        assert re.search(
            r"^cnnlite: warning: .*cnnlite is .* in the checkpoint, 9\.9 here", outcome.err, re.M
        )

    def test_with_a_damaged_checkpoint(self, cli: Cli) -> None:
        assert cli(*QUICK, "--smoke", "--out", "run").status == 0
        Path("run/checkpoint.safetensors").write_bytes(b"\xff" * 100)
        assert "checkpoint.safetensors" in cli("train", "--resume", "run").complaint


class TestWhatIsWrong:
    def test_an_existing_folder_is_never_written_over(self, cli: Cli) -> None:
        Path("kept").mkdir()
        Path("kept/notes.txt").write_text("mine")
        line = cli(*QUICK, "--smoke", "--out", "kept").complaint
        assert line.startswith("cnnlite train: kept is there already and is not written over")
        assert [path.name for path in Path("kept").iterdir()] == ["notes.txt"]

    @pytest.mark.parametrize(
        ("flags", "line"),
        [
            (["--epochs", "0"], "--epochs must be a whole number of at least 1, not 0"),
            (["--lr", "-1"], "--lr must be a positive number, not -1.0"),
            (["--model", "vgg"], "--model cannot be 'vgg'; did you mean small_vgg?"),
            (["--config", "no.toml"], "no.toml: No such file or directory"),
            (
                ["--threads", "100000"],
                "--threads must be a whole number from 1 to 1024, not 100000",
            ),
            (["--momentum", "0", "--nesterov"], "--nesterov needs --momentum above 0"),
        ],
    )
    def test_one_line_names_it(self, cli: Cli, flags: list[str], line: str) -> None:
        assert cli("train", *flags).complaint == f"cnnlite train: {line}"
        assert not Path("runs").exists()

    def test_an_unknown_key_of_the_file(self, cli: Cli) -> None:
        Path("recipe.toml").write_text("epoch = 3\n")
        line = cli("train", "--config", "recipe.toml").complaint
        assert line == ("cnnlite train: unknown key 'epoch' in recipe.toml; did you mean epochs?")

    @pytest.mark.parametrize("data", ["auto", "cifar10"])
    def test_a_data_folder_without_data_is_not_replaced_by_the_embedded_set(
        self, cli: Cli, data: str
    ) -> None:
        line = cli("train", "--data", data, "--data-dir", "nowhere").complaint
        assert "CIFAR-10 is not in nowhere" in line
        assert not Path("runs").exists()

    def test_a_data_folder_for_the_embedded_set_is_not_ignored(self, cli: Cli) -> None:
        line = cli("train", "--data", "embedded", "--data-dir", "somewhere").complaint
        assert "--data-dir somewhere is of no use: the embedded data set needs no folder" in line
        assert not Path("runs").exists()
        assert cli(*QUICK, "--smoke", "--out", "run").status == 0
        assert "somewhere" in cli("train", "--resume", "run", "--data-dir", "somewhere").complaint
        with Path("run/config.toml").open("a") as file:  # as older versions noted it
            file.write('data_dir = "/somewhere"\n')
        assert cli("train", "--resume", "run", "--quiet").status == 0

    def test_a_place_that_the_environment_names_is_not_replaced_by_the_embedded_set(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CNNLITE_DATA", "typo")
        for command in (
            ["train", "--smoke"],
            ["data", "show"],
            ["lab", "sgd", "--data", "cifar10"],
        ):
            line = cli(*command).complaint
            assert "CIFAR-10 is not in typo (named by CNNLITE_DATA): there is no such" in line
        assert not Path("runs").exists()

    def test_a_batch_larger_than_the_data_set(self, cli: Cli) -> None:
        line = cli("train", "--data", "embedded", "--batch-size", "20000").complaint
        assert "batch_size" in line
        assert list(Path("runs").iterdir()) == []
        assert "20000" in line


def test_divergence_is_one_line_and_status_1(cli: Cli) -> None:
    outcome = cli(*TRAIN, "--lr", "1e30", "--model", "two_layer_net")
    assert outcome.status == 1
    (line,) = outcome.err.splitlines()
    assert line.startswith("cnnlite train: the loss is ")
    assert "learning rate" in line
    (run,) = Path("runs").iterdir()
    assert {"curves.png", "history.csv", "weights-last.safetensors"} <= set(os.listdir(run))


def test_the_last_batch_may_be_dropped(cli: Cli) -> None:
    flags = ["--overfit", "230", "--batch-size", "100", "--epochs", "2"]
    assert cli(*QUICK, *flags, "--drop-last", "--out", "run").status == 0
    assert [row["step"] for row in history.load(Path("run/history.csv"))] == [2, 4]
    assert read(Path("run/config.toml")).drop_last


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_says_how_to_go_on_and_going_on_works(
    tmp_path: Path, name: str, status: int
) -> None:
    command = [
        sys.executable, "-m", "cnnlite", "train", "--model", "two_layer_net", "--data", "embedded",
        "--epochs", "5000", "--overfit", "512", "--threads", "1", "--keep", "0",
        "--out", str(tmp_path / "run"),
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    while not (tmp_path / "run" / runs.CHECKPOINT).exists():  # written after the first epoch
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.kill(process.pid, signal.Signals[name])
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert (tmp_path / "run" / runs.CURVES).exists()
    hint = f"cnnlite train --resume {tmp_path / 'run'}"
    assert err == f"cnnlite train: stopped; continue with: {hint}\n"
    epochs = len(history.load(tmp_path / "run" / "history.csv"))
    more = [sys.executable, "-m", *hint.split(), "--epochs", str(epochs + 1)]
    done = subprocess.run(more, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(history.load(tmp_path / "run" / "history.csv")) == epochs + 1


def test_without_matplotlib_only_the_picture_is_missing(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    outcome = cli(*QUICK, "--smoke", "--out", "run")
    assert outcome.status == 0
    assert "pip install" in outcome.err
    assert not Path("run/curves.png").exists()
    assert Path("run/weights.safetensors").exists()


@pytest.mark.cifar10
def test_takes_a_step_on_cifar10(cli: Cli, cifar10_root: Path) -> None:
    outcome = cli(*QUICK, "--data", "auto", "--smoke", "--data-dir", cifar10_root, "--out", "run")
    assert outcome.status == 0
    config = read(Path("run/config.toml"))
    assert (config.data, config.data_dir) == ("cifar10", str(cifar10_root.resolve()))


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adamw"])
def test_every_optimizer_trains_with_all_that_fits_it(cli: Cli, optimizer: str) -> None:
    model = [*TRAIN, "--model", "softmax_classifier", "--optimizer", optimizer]
    more = ["--clip-norm", "1", "--ema", "0.9", "--patience", "2", "--every-steps", "2"]
    assert cli(*model, *more, "--drop-last", "--epochs", "1", "--out", "run").status == 0
    config = read(Path("run/config.toml"))
    assert (config.optimizer, config.clip_norm, config.ema) == (optimizer, 1.0, 0.9)
    assert (config.patience, config.every_steps, config.drop_last) == (2, 2, True)
    assert config.lr is None  # the optimizer's own


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--optimizer", "adam", "--momentum", "0.9"], "--momentum does not fit --optimizer adam"),
        (["--optimizer", "adamw", "--nesterov"], "--nesterov does not fit --optimizer adamw"),
        (["--optimizer", "rmsprop", "--nesterov"], "--nesterov does not fit --optimizer rmsprop"),
        (["--optimizer", "adagrad"], "--optimizer cannot be 'adagrad'"),
        (["--clip-norm", "0"], "--clip-norm must be a positive number"),
        (["--ema", "1"], "--ema must be a number from 0 up to, not including, 1"),
        (["--patience", "0"], "--patience must be a whole number of at least 1"),
        (["--every-steps", "0"], "--every-steps must be a whole number of at least 1"),
    ],
)
def test_what_does_not_fit_the_optimizer_is_refused(
    cli: Cli, flags: list[str], message: str
) -> None:
    assert message in cli(*QUICK, *flags, "--out", "run").complaint
    assert not Path("run").exists()


def test_a_file_gives_the_optimizer_and_a_flag_that_does_not_fit_it_is_refused(cli: Cli) -> None:
    Path("recipe.toml").write_text('optimizer = "adam"\nema = 0.5\nclip_norm = 2\n')
    assert cli(*TRAIN, "--smoke", "--config", "recipe.toml", "--out", "run").status == 0
    config = read(Path("run/config.toml"))
    assert (config.optimizer, config.ema, config.clip_norm) == ("adam", 0.5, 2.0)
    outcome = cli(*TRAIN, "--config", "recipe.toml", "--momentum", "0.5")
    assert "--momentum does not fit --optimizer adam" in outcome.complaint


def test_as_many_epochs_are_kept_as_asked_for_and_resume_remembers(cli: Cli) -> None:
    assert cli(*QUICK, "--epochs", "3", "--keep", "2", "--out", "run").status == 0
    assert cli("train", "--resume", "run", "--epochs", "4").status == 0
    assert sorted(path.name for path in Path("run/kept").iterdir()) == [
        "epoch-0001.png", "epoch-0001.safetensors", "epoch-0004.png", "epoch-0004.safetensors",
        "images.safetensors",
    ]  # fmt: skip
    assert cli(*QUICK, "--epochs", "1", "--keep", "0", "--out", "none").status == 0
    assert cli(*QUICK, "--smoke", "--out", "smoke").status == 0
    assert not Path("none/kept").exists()
    assert not Path("smoke/kept").exists()


def test_without_the_extra_nothing_is_kept(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    asked = cli(*QUICK, "--epochs", "1", "--keep", "5", "--out", "asked")
    assert asked.status == 0
    assert asked.err.splitlines() == [
        "nothing is kept of the epochs: it needs plotly and Pillow (pip install 'cnnlite[see]')"
    ]
    left = cli(*QUICK, "--epochs", "1", "--out", "left")
    assert left.err == ""
    assert not Path("asked/kept").exists()
    assert not Path("left/kept").exists()


def test_the_optimizer_and_the_rest_are_kept_for_resume(cli: Cli) -> None:
    """In two parts as in one, to the same bits: also the plateau's state and the average."""
    flags = ["--optimizer", "adam", "--ema", "0.9", "--clip-norm", "1", "--schedule", "plateau"]
    given = [*TRAIN, "--model", "softmax_classifier", *flags]
    assert cli(*given, "--epochs", "3", "--out", "whole").status == 0
    assert cli(*given, "--epochs", "1", "--out", "parts").status == 0
    assert cli("train", "--resume", "parts", "--epochs", "3", "--quiet").status == 0
    for name in ("weights.safetensors", "weights-last.safetensors", "losses.csv"):
        assert Path("whole", name).read_bytes() == Path("parts", name).read_bytes()
    outcome = cli("train", "--resume", "parts", "--optimizer", "sgd")
    assert "--optimizer cannot be given with --resume" in outcome.complaint


def test_patience_ends_a_run_and_more_patience_continues_it(cli: Cli) -> None:
    given = [*QUICK, "--schedule", "constant", "--lr", "1e-12", "--patience", "1"]
    assert cli(*given, "--epochs", "9", "--out", "run").status == 0
    assert len(history.load(Path("run/history.csv"))) == 2
    outcome = cli("train", "--resume", "run", "--patience", "3", "--quiet")
    assert outcome.status == 0
    assert len(history.load(Path("run/history.csv"))) == 4
    assert read(Path("run/config.toml")).patience == 3


def test_a_checkpoint_is_written_after_each_so_many_steps(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cnnlite.training.checkpoint import Checkpoint

    saved = []
    monkeypatch.setattr(Checkpoint, "save", lambda self, solver: saved.append(solver.step))
    given = [*QUICK, "--batch-size", "64", "--epochs", "2", "--every-steps", "3", "--out", "run"]
    assert cli(*given).status == 0
    assert saved == [3, 4, 6, 8]


def test_another_loss_trains_and_is_kept(cli: Cli) -> None:
    """Only cross entropy could be chosen on the command line."""
    for loss in ("cross-entropy", "focal", "hinge"):
        assert cli(*QUICK, "--loss", loss, "--epochs", "1", "--out", loss).status == 0
    firsts = {
        history.load_losses(Path(loss, "losses.csv"))[0]
        for loss in ("cross-entropy", "focal", "hinge")
    }
    assert len(firsts) == 3
    assert read(Path("hinge/config.toml")).loss == "hinge"
    assert cli("train", "--resume", "hinge", "--epochs", "2", "--quiet").status == 0
    complaint = cli(*QUICK, "--loss", "focal", "--label-smoothing", "0.1").complaint
    assert "--label-smoothing makes probabilities of labels, which --loss focal does" in complaint


def test_a_plateau_that_cannot_come_is_told(cli: Cli) -> None:
    """Ten epochs, the default, went by at a constant rate without a word."""
    outcome = cli(*QUICK, "--schedule", "plateau", "--epochs", "2")
    assert outcome.status == 0
    assert "--schedule plateau changes nothing in 2 epochs" in outcome.err

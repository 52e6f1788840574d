"""The record: its lines, which seeds are trained, what is refused, and what the page shows."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.record import flops, folders, page, running, summary
from benchmarks.record.__main__ import main
from benchmarks.record.configs import configured
from benchmarks.record.lines import TABLE, Compared, Side, Times, Trained, append, read, spread
from benchmarks.record.summary import result_of
from cnnlite import Solver, models
from cnnlite.cli import main as cnnlite
from cnnlite.cli import recipes
from cnnlite.cli.config import TrainConfig
from cnnlite.cli.flags import new_config
from cnnlite.cli.parts import make_solver
from cnnlite.data import batches, embedded
from cnnlite.optim import Muon
from cnnlite.report import history

TIMES = Times(10.0, 15.0, 28.0, 2, "a processor", (100.0, 120.0))
LINE = Trained("tiny", "tiny", "", "c0", "float32", 0, "cnnlite", 0.5, None, 1, 2, 1e11,
               "cifar10, JPEG copy", "abc", "2026-11-28", "00", TIMES)  # fmt: skip
RECIPE = """# cnnlite train --recipe tiny: a test.
model = "softmax_classifier"
epochs = 1
batch_size = 10
lr = 0.001
schedule = "constant"
tta = "mirror"
[recipe]
about = "a test"
result = "50% (1 seed)"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with CIFAR-10 of few images and the recipe `tiny`, where processes are calls."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, count in [*((f"data_batch_{i}", 240) for i in range(1, 6)), ("test_batch", 240)]:
        pixels = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
        content = {"labels": (np.arange(count) % 10).tolist(), "data": pixels}
        (folder / name).write_bytes(pickle.dumps(content, 2))
    monkeypatch.setenv("CNNLITE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CNNLITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "tiny.toml").write_text(RECIPE)
    monkeypatch.setattr(recipes, "FOLDER", tmp_path / "recipes")
    monkeypatch.setattr("cnnlite.cli.machine.sgemm_rate", lambda: 1.0)
    monkeypatch.setattr("cnnlite.cli.train._draw", lambda *parts: None)
    monkeypatch.setattr(folders, "commit", lambda: "abc")

    def run(command: list[str], threads: int | None) -> tuple[str, Times | None]:
        assert cnnlite([*command[2:], "--keep", "0"]) == 0
        return "", None if threads is None else replace(TIMES, threads=threads)

    monkeypatch.setattr(running, "_run", run)
    return tmp_path


def recorded(*words: str) -> list[Trained]:
    """Run the command, and return all lines."""
    assert main([*words, "--out", "lines.jsonl"]) == 0
    return read(Path("lines.jsonl"), Trained)


def test_each_seed_gets_one_line_and_a_second_run_the_same_bits(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = recorded("run", "tiny", "--seeds", "0", "1")
    assert (first.label, first.recipe, first.seed, second.seed) == ("tiny", "tiny", 0, 1)
    assert first.weights != second.weights
    assert (first.epochs, first.steps, first.test_tta is None) == (1, 20, False)
    assert first.flops == 200 * 2 * 2 * 3072 * 10  # forwards, and the gradient of the weights
    assert first.data.startswith("cifar10, ")
    assert first.times is not None
    row = history.load(Path("runs/record/tiny/seed-0/history.csv"))[0]
    assert first.times.seconds == pytest.approx(200 / row["images_per_second"], abs=1e-4)
    assert first.times.whole == TIMES.whole
    result = json.loads(Path("runs/record/tiny/seed-0/result.json").read_text())
    assert (first.test, first.test_tta) == (result["test_accuracy"], result["test_accuracy_tta"])
    assert len(recorded("run", "tiny", "--seeds", "0", "1")) == 2
    lines = recorded("run", "tiny", "--again")
    assert lines[2].weights == first.weights
    assert "the same bits as before" in capsys.readouterr().out


def test_a_run_that_was_killed_goes_on_and_its_times_do_not_count(place: Path) -> None:
    options = ["--option", "--epochs 2"]
    whole = recorded("run", "tiny", *options)[0]
    folder = Path("runs/record/tiny-epochs-2/seed-0")
    shutil.rmtree(folder)
    command = ["train", "--recipe", "tiny", "--data", "cifar10", "--epochs", "1", "--quiet"]
    assert cnnlite([*command, "--out", str(folder), "--keep", "0"]) == 0
    (folder / "result.json").unlink()
    text = (folder / "config.toml").read_text().replace("epochs = 1", "epochs = 2")
    (folder / "config.toml").write_text(text)
    again = recorded("run", "tiny", *options)[1]
    assert again.times is None
    assert (again.weights, again.test, again.epochs) == (whole.weights, whole.test, 2)
    # Killed between its end and its line: read, not trained again.
    Path("lines.jsonl").unlink()
    assert recorded("run", "tiny", *options) == [again]


def test_a_folder_is_added_without_times_and_without_a_result_measured(place: Path) -> None:
    line = recorded("run", "tiny")[0]
    folder = Path("runs/record/tiny/seed-0")
    (folder / "result.json").unlink()
    found = recorded("add", str(folder), "--label", "mine")[1]
    assert found == replace(line, label="mine", times=None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "tiny", "--option=--data embedded"], "--data cannot be an option of a recorded"),
        (["run", "tiny", "--option=--seed=3"], "--seed=3 cannot be an option"),
        (["run", "tiny", "--option=--init runs/1"], "--init cannot be an option"),
        (["run", "tiny", "--option=--bogus 1"], "^record: No such option.? '?--bogus"),
        (["run", "tiny", "--option=--model resnet20"], "^record: --recipe tiny trains softmax"),
        (["run", "--example", "nowhere/resnet20.py"], "nowhere/resnet20.py is no script"),
        (["pytorch", "huge"], "there is no recipe huge"),
        (["pytorch", "tiny", "--seeds", "1"], "--seeds is of a training: add --train"),
        pytest.param(
            ["pytorch", "tiny", "--train", "--option=--bogus 1"],
            "^record: No such option.? '?--bogus",
            marks=pytest.mark.skipif(find_spec("torch") is None, reason="needs torch"),
        ),
        (["pytorch", "tiny", "--steps", "0"], "2"),
        (["pytorch", "tiny", "--rounds", "-1"], "2"),
        (["run"], "name a recipe, or a script"),
        (["run", "--example", "examples/airbench94.py"], "is no script that trains"),
        (["run", "huge"], "there is no recipe huge; there are tiny"),
        (["add", "nowhere"], "nowhere is not a run folder"),
    ],
)
def test_what_cannot_be_recorded_is_refused(place: Path, words: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        main([*words, "--out", "lines.jsonl"])
    assert not Path("lines.jsonl").exists()


def test_a_changed_recipe_is_trained_anew_and_has_a_row_of_its_own(place: Path) -> None:
    first = recorded("run", "tiny")[0]
    table = recipes.FOLDER / "tiny.toml"
    table.write_text(RECIPE.replace("lr = 0.001", "lr = 0.002").replace("a test", "another"))
    lines = recorded("run", "tiny", "--option=--threads=1")
    assert [line.config == first.config for line in lines] == [True, False]
    assert lines[1].weights != first.weights
    assert lines[1].times is not None
    assert lines[1].times.threads == 1  # told by --threads=1, too
    lines = recorded("run", "tiny")
    assert lines[2].weights == lines[1].weights
    told = result_of("tiny", lines)
    assert told is not None
    assert told.startswith(f"{100 * lines[2].best:.2f}% on CIFAR-10 (")
    assert "| tiny (as it was before) " in page.text_of(lines, [])
    assert page.text_of(lines, []).count("| tiny ") == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--overfit", "100"], "was trained with --overfit"),
        (["--epochs", "2"], "is not tiny : epochs is 2, not 1"),
        (["--lr", "0.5", "--seed", "3"], "is not tiny : lr is 0.5, not 0.001$"),
    ],
)
def test_a_run_of_another_kind_is_not_added_as_the_recipe(
    place: Path, words: list[str], message: str
) -> None:
    command = ["train", "--recipe", "tiny", "--data", "cifar10", "--quiet", "--out", "run"]
    assert cnnlite([*command, *words, "--keep", "0"]) == 0
    with pytest.raises(SystemExit, match=message):
        main(["add", "run", "--out", "lines.jsonl"])
    if "--overfit" not in words:
        line = recorded("add", "run", "--options", " ".join(words[:2]))[0]
        assert line.label == f"tiny {' '.join(words[:2])}"


def test_a_run_on_other_data_is_refused(place: Path) -> None:
    command = ["train", "--recipe", "tiny", "--data", "cifar10", "--quiet", "--out", "run"]
    assert cnnlite([*command, "--keep", "0"]) == 0
    config = Path("run/config.toml")
    config.write_text(config.read_text().replace('"cifar10"', '"embedded"'))
    with pytest.raises(SystemExit, match="trained on embedded; the record is of cifar10"):
        main(["add", "run"])


def test_a_script_is_recorded_by_what_it_prints_and_leaves(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = folders.ROOT / "examples"
    monkeypatch.syspath_prepend(examples)
    script = str(examples / "softmax_classifier.py")

    def run(command: list[str], threads: int | None) -> tuple[str, Times | None]:
        import runpy

        monkeypatch.setattr(sys, "argv", command)
        runpy.run_path(command[0], run_name="__main__")
        return capsys.readouterr().out, TIMES

    monkeypatch.setattr(running, "_run", run)
    words = ["run", "--example", script, "--option", "--epochs 1"]
    line = recorded(*words)[0]
    assert (line.recipe, line.label) == (
        "softmax_classifier.py",
        "softmax_classifier.py --epochs 1",
    )
    assert line.flops == 200 * 2 * 2 * 3072 * 10
    assert line.weights is not None
    assert line.test in [round(n / 240, 4) for n in range(241)]


def test_what_a_script_says_of_itself_is_no_other_training(tmp_path: Path) -> None:
    script = tmp_path / "small_vgg.py"

    def digest(text: str) -> str:
        script.write_text(text)
        return folders.digest_of_script(script)

    first = digest('"""84% after 10 epochs.\n\nOne seed.\f\n"""\nlr = 0.1\n')
    assert digest('"""Other."""\nlr = 0.1\n') == first
    assert digest('"""Other."""\nlr = 0.2\n') != first
    assert digest('"""One."""; lr = 0.1\n') != digest('"""One."""; lr = 0.2\n')
    assert digest("0.1\nlr = 0.1\n") != digest("0.2\nlr = 0.1\n")
    assert digest("") != digest("# nothing\n")
    with pytest.raises(ValueError, match=r"small_vgg\.py is no Python"):
        digest("lr = (")


def test_the_operations_of_airbench_follow_sizes_and_frozen_layers() -> None:
    config = new_config(None, {"recipe": "airbench94"})
    model, shape = models.NETWORKS["airbench"](rng=0), (3, 32, 32)
    every = flops.of_image(model, shape)
    first, second = 553536, 26569728  # of the whitening and of the layer above it
    rest = every - 2 * first - 3 * second
    forward = model.summary(shape).multiply_adds * 2 - first - second
    assert rest == 3 * forward
    bias = first + 3 * second + rest  # the filters are frozen, and their bias is not
    whole = first + 2 * second + rest
    assert flops.of_training(config, 10, shape, 5, 8) == 5 * (3 * bias + 5 * whole)
    assert flops.heaviest(config, 10, shape).epochs == range(3, 8)
    smaller = replace(config, train_sizes="24,32@1")
    small = flops.of_training(smaller, 10, shape, 1, 1)
    assert flops.of_training(smaller, 10, shape, 1, 2) == small + bias
    assert small < 0.6 * bias


@pytest.mark.parametrize(
    ("seconds", "epochs"), [(10, 1), (83, 1), (84, 2), (103, 2), (104, 3), (128, 3), (588, 14)]
)
def test_as_many_epochs_as_fit_with_the_sizes_of_so_many(seconds: float, epochs: int) -> None:
    """The mean epoch of the recipe was taken, though 2 epochs have other sizes than 8."""
    took = {(3, 18, 18): 20.0, (3, 32, 32): 64.0}
    images = embedded(num_train=49_000, num_validation=10, num_test=10)

    def config_of(count: int) -> TrainConfig:
        return configured("minutes2", ["--epochs", str(count)], images)

    assert config_of(3).train_sizes == "18,32@2"
    assert flops.epochs_within(seconds, config_of, (3, 32, 32), took) == epochs


def test_lines_are_read_as_they_were_written_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    table = tmp_path / "lines.jsonl"
    append(table, LINE)
    append(table, replace(LINE, times=None))
    assert read(table, Trained) == [LINE, replace(LINE, times=None)]
    assert LINE.share == 1e11 / 10 / 1e9 / 110
    table.write_text('{"label": "x"}\n')
    with pytest.raises(ValueError, match=r"lines.jsonl, line 1: expected label, recipe"):
        read(table, Trained)


def test_a_spread_is_of_the_sample() -> None:
    assert spread([90.0, 91.0, 92.0]) == "91.00 ± 1.00"
    assert spread([90.0]) == "90.00"


@pytest.mark.parametrize("name", recipes.names())
def test_a_step_in_pytorch_is_a_step_here(
    torch: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float64, so that what differs is a fault: losses, and what all parameters become."""
    from benchmarks.record.twin import Twin

    config = replace(new_config(None, {"recipe": name}), batch_size=16, keep=0, epochs=4)
    small = {"airbench": {"widths": (8, 12, 12)}}.get(config.model, {})
    make = partial(models.NETWORKS[config.model], dtype=np.float64, **small)
    monkeypatch.setitem(models.NETWORKS, config.model, make)
    images = embedded(64, 10, 10)
    solver = make_solver(config, images, None, None, tmp_path, False)
    before = {key: array.copy() for key, array in solver.model.params.items()}
    for mode in ("NHWC",):
        solver = make_solver(config, images, None, None, tmp_path, False)
        twin, losses = Twin(solver, mode), []
        for number in range(2):
            x, y = batch_of(solver, number)
            losses.append((twin.step(x, y, solver.factor_at(number)), solver.train_step(x, y)))
        np.testing.assert_allclose(*zip(*losses, strict=True), rtol=1e-9)
        state = twin.module.state_dict()
        for key, array in solver.model.params.items():
            moved = np.abs(array - before[key]).max()
            assert (moved > 0) == (key not in solver.model.frozen_keys), key
            assert np.abs(array - state[key].numpy()).max() <= 1e-7 * moved, key


def test_steps_in_pytorch_may_be_in_bfloat16_and_a_warm_up_trains_nothing(
    torch: Any, tmp_path: Path
) -> None:
    from benchmarks.record.twin import Twin

    config = replace(TrainConfig(), model="small_vgg", batch_size=8, keep=0, momentum=0.9)
    images = embedded(16, 10, 10)
    solver = make_solver(config, images, None, None, tmp_path, False)
    x, y = images["X_train"][:8].astype(np.float32), images["y_test"][:8].astype(np.int64)
    losses = {}
    for multiply, warm in (("float32", False), ("float32", True), ("bfloat16", False)):
        twin = Twin(solver, "NHWC", multiply)
        if warm:
            twin.warm_up(x, y, {next(iter(solver.model.params))})
        losses[multiply, warm] = [twin.step(x, y, 1.0) for _ in range(3)]
    assert losses["float32", True] == losses["float32", False]
    assert losses["bfloat16", False] != losses["float32", False]
    np.testing.assert_allclose(losses["bfloat16", False][0], losses["float32", False][0], rtol=0.1)
    for change, message in (({"clip_norm": 1.0}, "clip_norm is 1.0"), ({"ema": 0.9}, "ema is "),
                            ({"shards": 2}, "shards is 2, expected 1")):  # fmt: skip
        solver = make_solver(replace(config, **change), images, None, None, tmp_path, False)
        with pytest.raises(ValueError, match=f"Twin: {message}"):
            Twin(solver, "NHWC")


@pytest.mark.parametrize("options", [
    {"lr": 0.1}, {"lr": 0.1, "nesterov": False, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 2},
])  # fmt: skip
def test_muon_in_pytorch_moves_matrices_of_every_form(torch: Any, options: dict[str, Any]) -> None:
    from benchmarks.record.twin import TorchMuon

    ours, rng = Muon(**options), np.random.default_rng(0)
    arrays = {str(shape): rng.standard_normal(shape) for shape in ((9, 4), (4, 9), (8, 2, 2, 1))}
    twins = {key: torch.tensor(array, requires_grad=True) for key, array in arrays.items()}
    theirs = TorchMuon(list(twins.values()), **ours.options)
    for _ in range(3):
        grads = {key: rng.standard_normal(array.shape) for key, array in arrays.items()}
        for key, twin in twins.items():
            twin.grad = torch.tensor(grads[key])
        ours.step(arrays, grads)
        theirs.step()
    for key, twin in twins.items():
        np.testing.assert_allclose(arrays[key], twin.detach().numpy(), rtol=0, atol=1e-12)


def batch_of(solver: Solver, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A batch of a Solver's first epoch."""
    size = solver.batch_size
    index = np.arange(number * size, (number + 1) * size)
    x = batches.gather(
        solver.X_train, index, solver.normalization, np.float64, solver.augment, 0, solver.seed
    )
    return x, solver.targets(index)


def test_a_training_in_pytorch_is_recorded_and_so_are_its_steps(
    torch: Any, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The training of the same recipe here reaches the same accuracy."""
    from benchmarks.record import steps, whole

    monkeypatch.setattr(steps, "MODES", ("NHWC",))
    for module in (steps, whole):
        monkeypatch.setattr(module, "sgemm_rate", lambda threads: 100.0)
    ours = recorded("run", "tiny")[0]
    theirs = recorded("pytorch", "tiny", "--train")[1]
    assert theirs.framework == "PyTorch, NHWC"
    assert (theirs.steps, theirs.flops, theirs.data) == (ours.steps, ours.flops, ours.data)
    assert (theirs.test, theirs.test_tta) == (ours.test, ours.test_tta)
    assert recorded("pytorch", "tiny", "--train", "--seconds", "1e-9")[2].options == "--epochs 1"
    assert recorded("run", "tiny")[0] == ours  # PyTorch's lines are not ours
    words = ["pytorch", "tiny", "--steps", "2", "--rounds", "1", "--steps-out", "steps.jsonl"]
    recorded(*words, "--option", "--freeze 1.bias@1 --epochs 3")
    line = read(Path("steps.jsonl"), Compared)[0]
    assert (line.recipe, line.epochs, line.steps) == ("tiny", 3, 60)
    assert [(side.framework, side.multiply) for side in line.sides] == [
        (framework, multiply)
        for framework in ("cnnlite", "PyTorch, NHWC") for multiply in ("float32", "bfloat16")
    ]  # fmt: skip


def several() -> list[Trained]:
    """Lines of a recipe, of it without a part, in PyTorch, and of trainings for a given time."""
    torch = {"framework": "PyTorch, NHWC", "weights": None}
    lines = [replace(LINE, seed=seed, test=0.89 + seed / 1e3, test_tta=0.9) for seed in range(3)]
    crops = {"label": "tiny without crops", "options": "--no-augment", "config": "c1"}
    lines += [replace(lines[0], test_tta=0.885, **crops)]
    lines += [replace(lines[0], times=replace(TIMES, seconds=30.0, whole=40.0), **torch)]
    lines += [lines[1], replace(lines[2], weights="01", times=None)]
    for seconds in (120.0, 60.0):
        times = replace(TIMES, seconds=seconds)
        fields = {"label": f"minutes {seconds:.0f}", "recipe": "minutes", "times": times}
        lines += [replace(LINE, test=0.9, **fields), replace(LINE, test=0.8, **fields, **torch)]
    return lines


def test_the_page_has_spreads_parts_steps_and_the_curve() -> None:
    sides = [("cnnlite", "bfloat16", 9.0), ("cnnlite", "float32", 14.0),
             ("PyTorch, NHWC", "float32", 29.0), ("PyTorch, NCHW", "bfloat16", 19.0)]  # fmt: skip
    step = Compared("tiny", "tiny", "", "c0", tuple(Side(*side, 60.0) for side in sides), 1.0, 2,
                    10, 2, "a processor", (100.0, 120.0), "2.13", "abc", "2026-11-28")  # fmt: skip
    text = page.text_of(several(), [step]).replace("\N{NO-BREAK SPACE}", " ")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    row = next(row for row in rows if row[:2] == ["tiny", "cnnlite, float32"])
    assert row[2:7] == ["3", "90.00 ± 0.00", "89.10 ± 0.10", "90.00 to 90.00", "1"]
    assert row[7:] == ["10 s", "15 s", "9%", "6%"]
    assert (
        "Accuracies on the JPEG copy of CIFAR-10; times on 2 threads of a processor; sgemm made "
        "100 to 120 GFLOP/s; recorded 2026-11-28."
    ) in text
    row = next(row for row in rows if row[:2] == ["tiny", "PyTorch, NHWC, float32"])
    assert row[2:6] == ["1", "90.00", "89.00", ""]
    assert row[7:] == ["30 s", "", "3%", ""]
    assert ["tiny without crops"] not in [row[:1] for row in rows]
    assert "Left out by:\n\n- crops: `--no-augment`\n" in text
    assert ["crops", "88.50", "89.00", "-1.50", "1", "10 s"] in rows
    assert "Trained again, 1 of 2 seeds gave the same bits." in text
    assert (
        "a step takes 900 ms in cnnlite, products in bfloat16; 1400 ms in cnnlite, float32; 2900 "
        "ms in PyTorch, NHWC, float32; 1900 ms in PyTorch, NCHW, autocast to bfloat16 (PyTorch 2.13"
    ) in text
    assert "take 10 s, 15 s, 30 s, 20 s, in this order" in text
    assert "33% of the time of PyTorch, NHWC, float32 and 50% of the time of PyTorch, NCH" in text
    last = text.partition("## Accuracy over time")[2].partition("\n## ")[0]
    assert "(../images/record-minutes.svg)" in last
    assert (
        last.index("minutes 60 ") < last.index("minutes 120 ") < last.index(" PyTorch, float32 |")
    )
    assert "There is no line yet" in page.text_of([], [])


def test_trainings_on_several_machines_say_where() -> None:
    other = replace(LINE, label="b", times=replace(TIMES, machine="another"))
    none = replace(LINE, label="c", times=None)
    rows = [row.split("|") for row in page.text_of([LINE, other, none], []).splitlines()]
    cells = [row[-2].strip() for row in rows if len(row) > 10]
    assert cells[0] == "on"
    assert cells[2:] == ["2 threads of a processor", "2 threads of another", ""]


def test_what_a_part_gives_is_told_by_the_seeds_that_both_have() -> None:
    lines = [replace(LINE, seed=seed, test=0.9 + seed / 100) for seed in range(3)]
    less = {"label": "tiny without crops", "options": "--no-augment", "config": "c1"}
    lines += [replace(LINE, seed=seed, test=0.8, **less) for seed in (2, 5)]
    text = page.text_of(lines, []).replace("\N{NO-BREAK SPACE}", " ")
    rows = [row.split("|") for row in text.splitlines()]
    found = [[cell.strip() for cell in row[2:6]] for row in rows if "crops" in "".join(row[1:2])]
    assert ["80.00 ± 0.00", "", "-12.00", "1"] in found


def test_a_part_left_out_of_other_options_is_no_part_of_the_recipe() -> None:
    less = {"label": "five without crops", "options": "--no-augment", "config": "c1"}
    text = page.text_of([LINE, replace(LINE, **less)], [])
    assert "What each part gives" not in text
    assert "| five without crops " in text


def test_what_a_part_gave_before_the_recipe_was_another_is_marked() -> None:
    less = {"label": "tiny without crops", "options": "--no-augment"}
    elsewhere = replace(TIMES, machine="another")
    lines = [LINE, replace(LINE, config="c1", **less), replace(LINE, config="c2", **less)]
    text = page.text_of([*lines[:2], replace(lines[2], times=elsewhere)], [])
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert [row[0] for row in rows if row[:1] and row[0].startswith("crops")] == [
        "crops (as it was before)", "crops"
    ]  # fmt: skip
    assert [row[-1] for row in rows if row[:1] == ["crops"]] == ["2 threads of another"]


@pytest.mark.parametrize(("label", "options", "told"), [
    ("five", "--no-augment", True),
    ("tiny --no-augment", "--no-augment", False),
    ("tiny --epochs 10", "--epochs 1 --seed 0", True),
    ("tiny", "--epochs 1", False),  # the column of epochs says it
])  # fmt: skip
def test_the_page_lists_options_that_no_label_says(label: str, options: str, told: bool) -> None:
    text = page.text_of([replace(LINE, label=label, options=options)], [])
    assert (f"- {label} in cnnlite, float32: `{options}`\n" in text) == told
    assert ("With these options:" in text) == told


def test_the_sentence_of_a_recipe_is_what_its_lines_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "digest_of_recipe", lambda recipe: "c0")
    sentence = (
        "90.00 ± 0.00% on the JPEG copy of CIFAR-10 (3 seeds), 89.10 ± 0.10% without test-time "
        "augmentation, 10 s of steps, 15 s in all, on 2 threads of a processor"
    )
    others = [
        replace(LINE, test=0.1, test_tta=0.1, **fields)
        for fields in (
            {"recipe": "tiny.py"}, {"config": "c1"}, {"options": "--epochs 1"},
            {"framework": "PyTorch, NHWC"},
        )
    ]  # fmt: skip
    assert result_of("tiny", [*several(), *others]) == sentence
    plain = [replace(LINE, times=None, data="cifar10, 0123")]
    told = "50.00% on CIFAR-10 (0123) (1 seed), its time not measured yet"
    assert result_of("tiny", plain) == told
    assert result_of("other", several()) is None


@pytest.mark.parametrize("name", recipes.names())
def test_each_recipe_states_what_was_recorded(name: str) -> None:
    told = recipes.result(name)
    assert told == result_of(name, read(TABLE, Trained)) or (
        "not measured yet" in told and result_of(name, read(TABLE, Trained)) is None
    )


def test_the_page_agrees_with_its_lines() -> None:
    assert page.check() == []


def test_the_page_is_checked_with_its_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    for name, file in (("TABLE", "a.jsonl"), ("STEPS", "b.jsonl"), ("PAGE", "a.md"),
                       ("FIGURE", "record-minutes.svg")):  # fmt: skip
        monkeypatch.setattr(page, name, tmp_path / file)
    for line in several():
        append(page.TABLE, line)
    page.PAGE.write_text(f"# The record\n{page.BEGIN}{page.END}By hand.\n")
    assert main(["table", "--check"]) == 1
    page.write()
    assert main(["table", "--check"]) == 0
    drawn = page.FIGURE.read_bytes()
    assert len(drawn) > 10_000
    page.FIGURE.write_bytes(drawn.replace(b"0072b2", b"000000"))
    page.PAGE.write_text(page.PAGE.read_text().replace("90.00", "91.00"))
    capsys.readouterr()
    assert main(["table", "--check"]) == 1
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "a.md", "record-minutes.svg",
    ]  # fmt: skip
    page.TABLE.unlink()
    page.write()
    assert not page.FIGURE.exists()
    assert page.PAGE.read_text().endswith("There is no line yet.\n\n<!-- end -->\nBy hand.\n")
    page.PAGE.write_text("# other")
    with pytest.raises(SystemExit, match="has not both lines"):
        main(["table", "--check"])

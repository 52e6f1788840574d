"""What is seen of a training: all that a folder holds, and a sentence for what it does not."""

import json
from pathlib import Path

import numpy as np
import pytest

from cnnlite import Solver
from cnnlite.data import Dataset
from cnnlite.report import history
from cnnlite.report.seen import MOST_IMAGES, Seen, most_images
from cnnlite.training.kept import write_kept
from tests.report import pages

CONFIG = 'model = "net"\nseed = 7\nepochs = 3\n'
RECORD = {
    "command": "cnnlite train",
    "environment": {"cnnlite": "0.1.0", "threads": 2, "instruction_set": "avx2"},
    "sgemm": 90.5,
    "data": "drawn",
    "class_names": ["a", "b", "c"],
    "images": {"train": 10},
    "image_shape": [3, 8, 8],
}


def run_folder(path: Path, **files: str) -> Path:
    """Write a run folder with these files, and the rest of it as usual."""
    path.mkdir(exist_ok=True)
    usual = {"config.toml": CONFIG, "record.json": json.dumps(RECORD)}
    for name, text in (usual | files).items():
        (path / name).write_text(text, encoding="utf-8")
    return path


def dataset(**changes: np.ndarray) -> Dataset:
    arrays = {f"X_{part}": np.zeros((4, 3, 8, 8), np.uint8) for part in ("train", "val", "test")}
    arrays |= {f"y_{part}": np.arange(4) % 3 for part in ("train", "val", "test")}
    return Dataset(arrays | changes, ("a", "b", "c"), name="drawn")


def test_a_whole_folder(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    history.save(pages.history(3), run / "history.csv")
    history.save_losses([1.0, 0.5], run / "losses.csv")
    (run / "kept").mkdir()
    write_kept(run / "kept", pages.kept(3))
    seen = Seen.from_run(run, pages.network(), dataset())
    assert seen.name == "run"
    assert seen.history == pages.history(3)
    assert list(seen.losses) == [1.0, 0.5]
    assert (seen.config["command"], seen.config["seed"], seen.config["sgemm"]) == (
        "cnnlite train", 7, 90.5,
    )  # fmt: skip
    assert (seen.config["threads"], seen.config["instruction_set"]) == (2, "avx2")
    assert seen.config["versions"] == {"cnnlite": "0.1.0"}
    assert [kept.epoch for kept in seen.kept] == [3]
    assert seen.params == pages.network().num_params
    assert seen.answers is not None
    assert seen.answers.part == "test"
    assert seen.answers.pictures is not None
    assert seen.best == pages.history(3)[2]
    assert seen.steps_per_epoch == 10
    assert seen.notes == []


def test_a_folder_of_an_older_version(tmp_path: Path) -> None:
    """It has neither val_loss, losses.csv, kept epochs, command nor the rate of sgemm."""
    old = {"environment": {"cnnlite": "0.0.1"}, "data": "cifar10", "class_names": ["a", "b"]}
    row = "1,10,0.1,2.0,0.5,0.4,100.0\n"
    run = run_folder(
        tmp_path / "old",
        **{
            "record.json": json.dumps(old),
            "history.csv": "epoch,step,lr,loss,train_acc,val_acc,images_per_second\n" + row,
        },
    )
    seen = Seen.from_run(run, pages.network())
    assert len(seen.history) == 1
    assert np.isnan(seen.history[0]["val_loss"])
    assert seen.config["command"] is seen.config["sgemm"] is None
    assert list(seen.classes) == ["a", "b"]
    assert not seen.kept
    assert any("losses" in note for note in seen.notes)
    assert any("--keep" in note for note in seen.notes)


def test_a_run_that_was_interrupted_in_its_first_epoch(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    history.save_losses([2.3, 2.2], run / "losses.csv")
    history.save([], run / "history.csv")
    seen = Seen.from_run(run, pages.network())
    assert (list(seen.history), list(seen.losses)) == ([], [2.3, 2.2])
    assert seen.best is None
    assert seen.steps_per_epoch == 0
    assert seen.layers  # it can be measured all the same
    assert seen.answers is None
    assert any("No epoch" in note for note in seen.notes)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("record.json", "{"), ("record.json", "[]"), ("record.json", '{"images": [1]}'),
        ("record.json", '{"environment": 3, "image_shape": "x", "class_names": 5}'),
        ("config.toml", "model ="), ("history.csv", "x"), ("losses.csv", "x"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_a_note_or_left_out(tmp_path: Path, file: str, text: str) -> None:
    seen = Seen.from_run(run_folder(tmp_path / "run", **{file: text}), pages.network())
    assert isinstance(seen.config["images"], dict)
    if text in ("{", "[]", "model =", "x"):
        assert any(file in note for note in seen.notes)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is not a run folder"):
        Seen.from_run(tmp_path / "nowhere")


def test_features_are_no_pictures(tmp_path: Path) -> None:
    from cnnlite.layers import Linear

    features = {f"X_{part}": np.zeros((4, 5), np.float32) for part in ("train", "val", "test")}
    seen = Seen.from_run(run_folder(tmp_path / "run"), Linear(5, 3, rng=0), dataset(**features))
    assert seen.answers is not None
    assert seen.answers.pictures is None
    assert seen.layers


def test_a_part_that_is_not_there_is_a_note(tmp_path: Path) -> None:
    empty = dataset(X_test=np.zeros((0, 3, 8, 8), np.uint8), y_test=np.zeros(0, np.int64))
    seen = Seen.from_run(run_folder(tmp_path / "run"), pages.network(), empty)
    assert seen.answers is None
    assert any("no test images" in note for note in seen.notes)


def test_a_training_in_this_process(one_thread: None) -> None:
    data = dataset()
    solver = Solver(pages.network(), data, num_epochs=2, batch_size=4, seed=5, verbose=False)
    solver.train()
    seen = Seen.from_solver(solver, "mine", classes=data.class_names)
    assert (seen.name, len(seen.history), len(seen.losses)) == ("mine", 2, 2)
    assert seen.config["seed"] == 5
    assert seen.config["options"]["batch_size"] == 4
    assert seen.layers
    assert seen.answers is not None
    assert seen.answers.part == "val"
    assert not Seen.from_solver(solver, inside=False).layers
    assert list(Seen.from_solver(solver, inside=False).classes) == ["0", "1", "2"]


def test_a_large_network_is_asked_of_fewer_images() -> None:
    (row,) = [row for row in pages.rows() if row.kind == "Conv2d"]
    most = [most_images([row._replace(multiply_adds=n)]) for n in (0, 10**8, 10**9, 10**12)]
    assert most == [MOST_IMAGES, MOST_IMAGES, 500, 100]

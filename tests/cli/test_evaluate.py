"""`cnnlite evaluate`: the numbers, and the files that it leaves."""

import csv
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.cli import runs
from cnnlite.report import history

Cli = Callable[..., Any]
FILES = {"confusion.csv", "confusion.png", "mistakes.png", "predictions.csv"}


def table(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_gives_the_accuracy_that_training_noted(cli: Cli, run_copy: Path) -> None:
    best = max(row["val_acc"] for row in history.load(run_copy / "history.csv"))
    for flag in ("--part", "--split"):
        outcome = cli("evaluate", run_copy, flag, "val", "--threads", "1")
        assert outcome.status == 0
        assert f"validation accuracy {best:.2%} over 1,000 images of embedded" in outcome.out


def test_lists_every_class(cli: Cli, run_copy: Path) -> None:
    out = cli("evaluate", run_copy).out
    assert len(re.findall(r"^.* +200 +\d+\.\d\d% +(?:\d+\.\d\d%|-)$", out, re.M)) == 10
    assert "test accuracy" in out


def test_the_files_hold_what_was_printed(cli: Cli, run_copy: Path) -> None:
    pytest.importorskip("PIL")
    pytest.importorskip("matplotlib")
    before = {path.name for path in run_copy.iterdir()}
    out = cli("evaluate", run_copy, "--part", "test").out
    assert {path.name for path in run_copy.iterdir()} - before == FILES
    matrix = table(run_copy / "confusion.csv")
    assert matrix[0][0] == "true class"
    assert matrix[0][-1] == "recall"
    assert matrix[-1][0] == "precision"
    counts = np.array([row[1:11] for row in matrix[1:11]], int)
    assert (counts.sum(axis=1) == 200).all()
    accuracy = np.trace(counts) / 2000
    assert f"test accuracy {accuracy:.2%}" in out
    for row, count in zip(matrix[1:11], np.diag(counts), strict=True):
        assert re.search(rf"^{row[0]} +200 +{count / 200:.2%}", out, re.M)
        assert float(row[-1]) == pytest.approx(count / 200)
    rows = table(run_copy / "predictions.csv")
    assert rows[0] == ["image", "class", "predicted", "probability"]
    assert [row[0] for row in rows[1:]] == list(map(str, range(2000)))
    assert sum(row[1] == row[2] for row in rows[1:]) == np.trace(counts)
    wrong = [row for row in rows[1:] if row[1] != row[2]]
    worst = max(wrong, key=lambda row: float(row[3]))
    assert re.search(rf"^{worst[0]} +{worst[1]} +{worst[2]} +", out, re.M)


def test_the_matrix_fits_80_columns(
    cli: Cli, run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = cli("evaluate", run_copy).out
    rows = re.findall(r"^(\d)  (\S.*?)((?: +(?:\d+|\.)){10})$", out, re.M)
    assert [row[0] for row in rows] == list("0123456789")
    matrix = table(run_copy / "confusion.csv")
    for (_, name, counts), row in zip(rows, matrix[1:], strict=False):
        assert name == row[0]
        assert counts.replace(".", "0").split() == row[1:11]
    assert "true \\ taken for" in out


def test_where_the_matrix_does_not_fit_the_worst_pairs_are_shown(
    cli: Cli, run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "44")
    out = cli("evaluate", run_copy).out
    counts = np.array([row[1:11] for row in table(run_copy / "confusion.csv")[1:11]], int)
    np.fill_diagonal(counts, 0)
    block = out.split("true class")[1]
    first = re.search(r"(\d+)$", block.splitlines()[1])
    assert first is not None
    assert int(first[1]) == counts.max()


def test_other_parts_leave_the_files_of_the_test_alone(cli: Cli, run_copy: Path) -> None:
    cli("evaluate", run_copy)
    before = (run_copy / "confusion.csv").read_bytes()
    assert cli("evaluate", run_copy, "--part", "val").status == 0
    assert (run_copy / "confusion.csv").read_bytes() == before
    assert len(table(run_copy / "predictions-val.csv")) == 1001


def test_out_names_another_folder(cli: Cli, finished_run: Path) -> None:
    before = sorted(finished_run.iterdir())
    assert cli("evaluate", finished_run, "--out", "new/folder").status == 0
    assert {path.name for path in Path("new/folder").iterdir()} >= {"confusion.csv"}
    assert sorted(finished_run.iterdir()) == before


def test_a_place_that_cannot_be_written_costs_no_numbers(cli: Cli, finished_run: Path) -> None:
    Path("file").touch()
    outcome = cli("evaluate", finished_run, "--out", "file/there")
    assert "test accuracy" in outcome.out
    assert outcome.complaint.endswith("the files cannot be written; --out names another folder")


def test_without_the_extra_only_the_pictures_are_missing(
    cli: Cli, run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIL", "matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    outcome = cli("evaluate", run_copy)
    assert outcome.status == 0
    assert outcome.err.splitlines() == [
        f"{name} is left out: it needs {package} (pip install 'cnnlite[viz]')"
        for name, package in (("confusion.png", "matplotlib"), ("mistakes.png", "Pillow"))
    ]
    assert (run_copy / "confusion.csv").exists()


def test_the_mean_over_mirror_images(cli: Cli, run_copy: Path) -> None:
    from cnnlite.report.answers import probabilities, softmax

    opened = runs.open_run(run_copy)
    model, data = opened.model(), opened.data()
    images = data["X_test"][:200]
    assert opened.normalization is not None
    pixels = opened.normalization.apply(images)
    expected = softmax((model(pixels) + model(pixels[..., ::-1].copy())) / 2)
    found = np.concatenate(
        [part for _, part in probabilities(model, images, opened.normalization, mirror=True)]
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    assert cli("evaluate", run_copy, "--mirror").status == 0


def test_of_many_classes_the_worst_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cnnlite.cli import evaluate
    from cnnlite.report.confusion import Confusion

    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    labels = np.arange(500) % 50
    said = np.where(labels < 3, 49 - labels, labels)
    confusion = Confusion(labels, said, [f"class {i}" for i in range(50)])
    evaluate._show_classes(confusion)
    evaluate._show_pairs(confusion)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "the 20 classes with the lowest recall, of 50:"
    assert [line.split()[1] for line in lines[2:5]] == ["0", "1", "2"]
    worst = [line.split() for line in lines[lines.index("the most frequent mistakes:") + 2 :]]
    assert worst[:3] == [["class", str(i), "class", str(49 - i), "10"] for i in range(3)]


def test_takes_the_newest_run(cli: Cli, finished_run: Path) -> None:
    shutil.copytree(finished_run, "runs/001-copy")
    assert "(runs/001-copy)" in cli("evaluate").out.replace("\\", "/")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "there is no run under runs/: train one with cnnlite train, or name a run folder"),
        (["nothing"], "nothing is not a run folder: there is no such folder"),
    ],
)
def test_without_a_run(cli: Cli, arguments: list[str], line: str) -> None:
    assert cli("evaluate", *arguments).complaint == f"cnnlite evaluate: {line}"


def test_missing_weights_are_named(cli: Cli, run_copy: Path) -> None:
    (run_copy / "weights.safetensors").unlink()
    assert "weights.safetensors" in cli("evaluate", run_copy).complaint


def test_damaged_weights_are_named(cli: Cli, run_copy: Path) -> None:
    (run_copy / "weights.safetensors").write_bytes(b"\x00" * 50)
    assert "weights.safetensors" in cli("evaluate", run_copy).complaint


def test_a_data_folder_for_the_embedded_set_is_not_ignored(cli: Cli, run_copy: Path) -> None:
    line = cli("evaluate", run_copy, "--data-dir", "somewhere").complaint
    assert "somewhere" in line
    assert "embedded" in line


def test_a_destroyed_network_has_no_right_answers(cli: Cli, run_copy: Path, tmp_path: Path) -> None:
    """argmax of NaN is 0: it had the accuracy of class 0's share, and a prediction too."""
    from cnnlite.checkpoint import load_weights, save_weights

    state = load_weights(run_copy / "weights.safetensors")
    save_weights(
        run_copy / "weights.safetensors", {key: 0 * x + np.nan for key, x in state.items()}
    )
    outcome = cli("evaluate", run_copy, "--part", "val", "--threads", "1")
    assert outcome.status == 0
    assert "1,000 images have scores that are not finite" in outcome.out
    assert "validation accuracy 0.00% over 1,000 images" in outcome.out
    assert table(run_copy / "confusion-val.csv")[0][-2] == "no answer"
    picture = tmp_path / "grey.ppm"
    picture.write_bytes(b"P6 32 32 255\n" + bytes(3 * 32 * 32))
    line = cli("predict", picture, "--run", run_copy).complaint
    assert "gives scores that are not finite" in line


def test_a_run_of_an_older_version_is_measured(cli: Cli, run_copy: Path) -> None:
    """Its record.json says nothing of the size of images."""
    import json

    record = json.loads((run_copy / "record.json").read_text())
    del record["image_shape"], record["settings"]
    (run_copy / "record.json").write_text(json.dumps(record))
    assert cli("evaluate", run_copy).status == 0

"""Run folders: made, found, read back; a damaged one gives a clear error."""

import json
import os
from pathlib import Path

import pytest

from cnnlite.cli import run_folders, runs
from cnnlite.cli.config import ConfigError, TrainConfig
from cnnlite.layers import Conv2d


def test_opening_gives_back_what_was_noted(finished_run: Path) -> None:
    run = runs.open_run(finished_run)
    assert run.data_name == "embedded"
    assert run.class_names[:2] == ("disc", "ring")
    expected = run.data().normalization
    assert run.normalization is not None
    assert expected is not None
    assert (run.normalization.scale == expected.scale).all()
    assert (run.normalization.shift == expected.shift).all()


def test_the_newest_is_the_one_whose_weights_were_written_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_folders.newest() is None
    for number, name in enumerate(["b", "c", "a"]):
        path = run_folders.create(Path("runs", name), "any")
        (path / runs.WEIGHTS).touch()
        os.utime(path / runs.WEIGHTS, (number, number))
    assert run_folders.newest() == Path("runs/a")


@pytest.mark.parametrize("multiply", [None, "float32", "bfloat16"])
def test_every_convolution_of_the_network_multiplies_as_the_configuration_says(
    multiply: str | None,
) -> None:
    config = TrainConfig(model="resnet20", multiply=multiply)
    model = runs.make_model(config, None, 10, (3, 32, 32))
    found = [layer.multiply for _, layer in model.leaves() if isinstance(layer, Conv2d)]
    assert found == [multiply or "float32"] * 19


def test_a_number_is_not_given_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs/007-kept").mkdir(parents=True)
    Path("runs/notes").mkdir()
    assert run_folders.create(None, "small_vgg") == Path("runs/008-small_vgg")


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    assert run_folders.create(tmp_path, "any") == tmp_path


@pytest.mark.parametrize("kind", ["file", "folder", "run"])
def test_what_is_there_is_not_written_over(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "there"
    if kind == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / (runs.CHECKPOINT if kind == "run" else "x")).write_text("mine")
    with pytest.raises(FileExistsError, match="another folder with --out") as refused:
        run_folders.create(path, "any")
    assert (f"--resume {path}" in str(refused.value)) is (kind == "run")


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "{}", "null", "[" * 100_000, '{"class_names": 3, "normalization": null}'),
        *(
            json.dumps({"data": "x", "class_names": [], "normalization": value})
            for value in ([], 0, "", {"scale": 10**400, "shift": 0})
        ),
    ],
)
def test_a_damaged_record_is_named(run_copy: Path, content: str) -> None:
    (run_copy / runs.RECORD).write_text(content)
    with pytest.raises(ConfigError, match=r"record\.json is damaged"):
        runs.open_run(run_copy)


def test_a_normalization_of_a_wrong_shape_is_damage(run_copy: Path) -> None:
    record = json.loads((run_copy / runs.RECORD).read_text())
    record["normalization"]["scale"] = [1.0]
    (run_copy / runs.RECORD).write_text(json.dumps(record))
    with pytest.raises(ConfigError, match=r"record\.json is damaged"):
        runs.open_run(run_copy)


def test_weights_of_another_network_are_refused(run_copy: Path) -> None:
    text = (run_copy / runs.CONFIG).read_text().replace("softmax_classifier", "two_layer_net")
    (run_copy / runs.CONFIG).write_text(text)
    with pytest.raises(ValueError, match=r"does not fit two_layer_net.*missing keys"):
        runs.open_run(run_copy).model()


def test_a_data_set_that_has_changed_is_named(run_copy: Path) -> None:
    record = json.loads((run_copy / runs.RECORD).read_text())
    names = [*record["class_names"][:9], "chessboard"]
    (run_copy / runs.RECORD).write_text(json.dumps({**record, "class_names": names}))
    with pytest.raises(ValueError, match=r"embedded has classes .*was trained on .*chessboard"):
        runs.open_run(run_copy).data()
    size = json.dumps({**record, "image_shape": [3, 16, 16]})
    (run_copy / runs.RECORD).write_text(size)
    with pytest.raises(ValueError, match=r"images of the shape \(3, 32, 32\), .* \(3, 16, 16\)"):
        runs.open_run(run_copy).data()


@pytest.mark.parametrize(
    "shape", [[3, 32], [3, 0, 32], "3x32x32", [10**9, 10**9, 10**9], [3, 10**6, 10**6]]
)
def test_a_shape_that_is_none_is_an_error(run_copy: Path, shape: object) -> None:
    record = json.loads((run_copy / runs.RECORD).read_text())
    (run_copy / runs.RECORD).write_text(json.dumps({**record, "image_shape": shape}))
    with pytest.raises(ValueError, match=r"input_shape|is damaged|memory|address space"):
        runs.open_run(run_copy).model()

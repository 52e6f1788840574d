"""`report.Run` and `report.show`: a training looked at in a notebook, whole, damaged or unknown."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import (
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Solver,
    models,
    report,
)  # fmt: skip
from cnnlite.cli import main
from cnnlite.data import Dataset, embedded
from cnnlite.report.shown import COMPARED, FIGURES
from tests import trainings
from tests.test_html import Reader

pytest.importorskip("plotly")
LOOKS = ("filters", "maps", "pixel", "grad_cam", "occlusion", "mistakes", "hardest", "easiest")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    command = "train --model softmax_classifier --data embedded --epochs 2 --lr 0.01 --keep 3"
    assert main([*command.split(), "--threads", "1", "--quiet", "--out", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def run(run_folder: Path) -> report.Run:
    return report.Run(run_folder)


@pytest.fixture
def copied(run_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(run_folder, tmp_path / "copy")


def test_a_run_of_the_zoo_has_its_network_its_data_and_its_answers(run: report.Run) -> None:
    assert run.seen.notes == []
    assert run.model is not None
    assert run.data is not None
    assert run.seen.answers is not None
    assert run.seen.answers.part == "test"
    read = Reader(run._repr_html_())
    assert "softmax_classifier" in read.text
    assert "2 epochs: best val_acc" in read.text
    assert "img" in read.tags
    assert repr(run).endswith("run'): 2 epochs")


@pytest.mark.parametrize("what", FIGURES)
def test_each_figure_of_a_run(run: report.Run, what: str) -> None:
    figure = report.show(what, run)
    assert len(figure.data)
    json.loads(figure.to_json())


@pytest.fixture(scope="module")
def seen() -> report.Seen:
    """A training with hostile names of classes, and layers of several kinds."""
    model = Sequential(
        Conv2d(3, 4, 3, padding=1, rng=0), BatchNorm2d(4), ReLU(), Residual(Conv2d(4, 4, 1, rng=1)),
        MaxPool2d(2), Dropout(0.5), Flatten(), Linear(4 * 64, 3, rng=2),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (24, 3, 16, 16), dtype=np.uint8), rng.integers(0, 3, 24)
    data = {"X_train": X, "y_train": y, "X_val": X[:8], "y_val": y[:8]}
    solver = Solver(model, data, num_epochs=1, batch_size=8, verbose=False)
    solver.train()
    return report.Seen.from_solver(solver, classes=[f"{HOSTILE}{k}" for k in range(3)])


@pytest.mark.parametrize("layer", [*map(str, range(8)), "3.body", None])
def test_every_kind_of_layer_has_maps_and_numbers(seen: report.Seen, layer: str | None) -> None:
    assert len(report.show("maps", seen, layer=layer, image=2).data) == 1
    figure = report.show("pixel", seen, layer=layer, image=2)
    assert len(figure.data) == 3
    told = figure.layout.annotations[0].text
    found = re.search(r"= (\S+?)<br>The layer gave (\S+)\.", told)
    assert found is not None, told
    computed, given = map(float, found.groups())
    np.testing.assert_allclose(computed, given, rtol=1e-3)


@pytest.mark.parametrize("what", LOOKS)
def test_each_look_inside(seen: report.Seen, what: str) -> None:
    figure = report.show(what, seen)
    assert len(figure.data)
    json.loads(figure.to_json())


def test_names_of_classes_are_text_in_every_look(seen: report.Seen) -> None:
    for what in ("mistakes", "hardest", "grad_cam", "occlusion"):
        text = report.show(what, seen).to_json()
        assert "alert" in text, what
        assert HOSTILE not in text, what


@pytest.mark.parametrize(
    ("what", "options", "error", "said"),
    [
        ("maps", {"image": 8}, ValueError, "image is 8, expected 0 to 7"),
        ("maps", {"image": -1}, ValueError, "image"),
        ("maps", {"image": 1.5}, TypeError, "image"),
        ("maps", {"layer": "9"}, ValueError, "no layer '9'"),
        ("pixel", {"place": (9, 0, 0)}, ValueError, "place"),
        ("pixel", {"place": (0,)}, ValueError, "place"),
        ("pixel", {"plaec": (0, 0, 0)}, TypeError, "'pixel' takes no plaec; did you mean place"),
        ("filters", {"image": 0}, TypeError, "'filters' takes no image"),
        ("curves", {"image": 0}, TypeError, "'curves' takes no image"),
        ("grad_cam", {"label": 3}, ValueError, "label is 3, expected 0 to 2"),
        ("grad_cam", {"label": "cat"}, ValueError, "no class 'cat'"),
        ("grad_cam", {"layer": "6"}, ValueError, "expected a layer with maps"),
    ],
)
def test_a_look_at_what_is_not_there_is_named(
    seen: report.Seen, what: str, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=re.escape(said)):
        report.show(what, seen, **options)


def test_what_has_no_pictures_no_network_or_no_convolution_says_so() -> None:
    with pytest.raises(ValueError, match="nothing to show in 'maps'"):
        report.show("maps", report.Seen("bare"))
    with pytest.raises(ValueError, match="was asked of no images"):
        report.show("mistakes", report.Seen("bare"))
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((24, 5)).astype(np.float32), rng.integers(0, 3, 24)
    data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
    solver = Solver(
        Sequential(Linear(5, 3, rng=0)), data, num_epochs=1, batch_size=8, verbose=False
    )
    solver.train()
    with pytest.raises(ValueError, match="the network has no convolution"):
        report.show("filters", solver)
    with pytest.raises(ValueError, match="the images are no pictures"):
        report.show("hardest", solver)
    with pytest.raises(ValueError, match="occlusion: x has shape"):
        report.show("occlusion", solver)
    assert report.show("maps", solver).data


@pytest.mark.parametrize("what", COMPARED)
def test_each_figure_of_several(run: report.Run, what: str) -> None:
    assert len(report.show(what, run, run.seen).data)


def test_a_folder_is_taken_for_its_run(run: report.Run) -> None:
    assert report.show("curves", str(run.path)).to_json() == report.show("curves", run).to_json()


def test_a_training_of_this_process_is_shown_with_the_names_of_its_classes() -> None:
    solver = trainings.solver(num_epochs=1)
    solver.train()
    assert len(report.show("curves", solver).data)
    classes = [f"{HOSTILE}{k}" for k in range(solver.num_classes)]
    text = report.show("confusion", solver, classes=classes).to_json()
    assert "alert" in text
    assert HOSTILE not in text
    with pytest.raises(ValueError, match="nothing to show in 'dead'"):
        report.show("dead", solver)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("curvs", "x"), ValueError, "no figure 'curvs'; did you mean curves?"),
        (("confusion", "x", "x"), ValueError, "no figure 'confusion' of 2 trainings"),
        ((3, "x"), ValueError, "no figure 3"),
        (("curves",), TypeError, "expected a training"),
        (("curves", 3), TypeError, "expected a run folder, a Run, a Solver or a Seen, got int"),
        (("curves", "no/such/run"), FileNotFoundError, "not a run folder"),
    ],
)
def test_what_cannot_be_shown_is_named(
    arguments: tuple[Any, ...], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said.replace("?", r"\?")):
        report.show(*arguments)


def test_a_network_and_data_of_ones_own_are_taken(copied: Path, run: report.Run) -> None:
    config = (copied / "config.toml").read_text(encoding="utf-8")
    config = config.replace("softmax_classifier", "mine.py:make").replace('"embedded"', '"gone"')
    (copied / "config.toml").write_text(config, encoding="utf-8")
    bare = report.Run(copied)
    assert (bare.model, bare.data) == (None, None)
    assert "mine.py:make is no network of the zoo" in " ".join(bare.seen.notes)
    assert "gone has no name of a data set" in " ".join(bare.seen.notes)
    assert "Not in this page" in Reader(bare._repr_html_()).text
    model, data = models.MODELS["softmax_classifier"](rng=7), embedded(20, 5, 30)
    whole = report.Run(copied, model, data)
    assert whole.seen.answers is not None
    assert len(whole.seen.answers.labels) == 30
    assert run.model is not None
    for key, array in whole.model.params.items():  # type: ignore[union-attr]
        np.testing.assert_array_equal(array, run.model.params[key])
    with pytest.raises(ValueError, match="load_state_dict"):
        report.Run(copied, models.MODELS["small_vgg"](), data)


def test_a_run_that_is_damaged_or_has_just_begun_is_shown_with_what_there_is(copied: Path) -> None:
    (copied / "weights.safetensors").unlink()
    (copied / "curves.png").unlink(missing_ok=True)
    (copied / "history.csv").write_text("epoch\n")
    record = {"class_names": [HOSTILE], "image_shape": "x"}
    (copied / "record.json").write_text(json.dumps(record))
    broken = report.Run(copied)
    assert broken.seen.notes
    assert Reader(broken._repr_html_()).text
    for file in copied.glob("*.*"):
        file.unlink()
    assert Reader(report.Run(copied)._repr_html_()).text


def test_a_run_without_test_images_is_asked_of_validation_images(copied: Path) -> None:
    whole = embedded(20, 30, 10)
    arrays = {key: whole[key] for key in whole if not key.endswith("test")}
    data = Dataset(arrays, whole.class_names, whole.normalization)
    answers = report.Run(copied, data=data).seen.answers
    assert answers is not None
    assert (answers.part, len(answers.labels)) == ("val", 30)

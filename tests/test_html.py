"""What a notebook shows of each kind of object: whole, escaped, and without a change of it."""

from __future__ import annotations

import copy
import html.parser
import json
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import cnnlite
from cnnlite import catalogue, functional, labs
from cnnlite.cache_tables import Caches
from cnnlite.data import Dataset
from cnnlite.gradcheck import check_layer
from cnnlite.html import table
from cnnlite.random import Rng
from cnnlite.training.history import History
from tests import trainings

HOSTILE = "<script>alert(1)</script>"


class Reader(html.parser.HTMLParser):
    """Reads a piece of HTML: its text, its tags; whether each tag that is opened is closed."""

    VOID = ("img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.tags, self.open = "", list[str](), list[str]()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(value: Any) -> Reader:
    read = Reader(value._repr_html_())
    assert "script" not in read.tags
    return read


class Odd(cnnlite.Layer):
    """A layer of one's own, with names that nobody should use."""

    def __init__(self) -> None:
        self.params[HOSTILE] = np.ones(3, np.float32)

    def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
        return x, {HOSTILE: x}

    def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
        return dy, {HOSTILE: dy.sum(0)}

    def extra_repr(self) -> str:
        return HOSTILE


def test_cells_are_escaped_whatever_is_in_them() -> None:
    read = Reader(table((HOSTILE,), [[f'  {HOSTILE}"&']], (HOSTILE,), HOSTILE))
    assert "script" not in read.tags
    assert read.text == f'{HOSTILE}{HOSTILE}\xa0\xa0{HOSTILE}"&'


def test_every_layer_and_its_cache() -> None:
    seen = set()
    for entry in catalogue.CATALOGUE.values():
        layer = entry.make(entry.examples[0])
        read = shown(layer)
        assert entry.name in read.text
        assert f"{layer.num_params:,} parameters" in read.text
        x = Rng(0).generator().standard_normal(entry.examples[0].shape).astype(np.float32)
        _, cache = layer.forward(x, rng=Rng(0))
        if hasattr(cache, "_fields"):
            read = shown(cache)
            assert all(field in read.text for field in cache._fields), entry.name
            seen.add(type(cache))
    assert len(seen) > 10


def test_every_cache_of_functional_has_its_table() -> None:
    caches = [name for name in vars(functional) if name.endswith("Cache")]
    assert len(caches) > 20
    assert all(hasattr(getattr(functional, name), "_repr_html_") for name in caches)


def test_a_networks_cache_is_a_list_that_tells_its_steps() -> None:
    model = cnnlite.models.MODELS["resnet20"](rng=0)
    y, cache = model.forward(np.zeros((2, 3, 32, 32), np.float32))
    assert isinstance(cache, list)
    read = shown(cache)
    assert "ResidualCache" in read.text
    assert "dx is the weights times dy" in read.text  # a comment in the source: what for
    model.backward(np.ones_like(y), cache)
    assert "backward has used it" in shown(cache).text
    assert shown(Caches([(), None, np.zeros(0), [np.array(["a"])]])).tags


def test_a_layer_that_stands_twice_counts_once() -> None:
    layer = cnnlite.Linear(4, 4)
    read = shown(cnnlite.Sequential(layer, cnnlite.ReLU(), layer))
    assert "Sequential: 20 parameters" in read.text
    assert "as above" in read.text


def test_a_layer_of_ones_own_with_hostile_names() -> None:
    model = cnnlite.Sequential(Odd(), cnnlite.ReLU())
    assert HOSTILE in shown(model).text
    assert HOSTILE in shown(model.summary((3,))).text
    assert HOSTILE in shown(model.forward(np.zeros((2, 3), np.float32))[1]).text


def test_a_summary_loses_no_column() -> None:
    summary = cnnlite.models.MODELS["small_vgg"]().summary((3, 32, 32))
    read = shown(summary)
    for heading in ("layer", "output", "parameters", "multiply-adds", "cache bytes"):
        assert heading in read.text
    for number in (summary.params, summary.multiply_adds, summary.cache_bytes):
        assert f"{number:,}" in read.text


class Wrong(cnnlite.ReLU):
    def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
        return 2 * super().backward(dy, cache)[0], {}


def test_a_gradient_report_says_what_is_wrong() -> None:
    right, wrong = (check_layer(layer, (2, 3)) for layer in (cnnlite.ReLU(), Wrong()))
    assert "gradients are right" in shown(right).text
    read = shown(wrong)
    assert "gradients are WRONG" in read.text
    assert wrong["x"].diagnosis in read.text


ROW = {
    "epoch": 1, "step": 10, "lr": 0.1, "loss": 1.5, "train_acc": 0.5, "val_acc": 0.25,
    "val_loss": 2.0, "images_per_second": 1000.0,
}  # fmt: skip


class TestAHistory:
    def test_is_a_list_in_all_that_one_does_with_it(self) -> None:
        history = History([ROW])
        assert history == [ROW]
        assert json.loads(json.dumps(history)) == [ROW]
        for other in (pickle.loads(pickle.dumps(history)), copy.deepcopy(history)):
            assert other == history
            assert isinstance(other, History)
        assert repr(history) == repr([ROW])
        assert isinstance(history, list)

    def test_of_a_thousand_epochs_is_a_short_table_with_the_best(self) -> None:
        rows = [{**ROW, "epoch": k, "val_acc": 0.9 if k == 3 else k / 2000} for k in range(1, 1001)]
        read = shown(History(rows))
        assert read.tags.count("tr") == 21
        assert "1000 epochs: best val_acc 0.9000 in epoch 3; 980 of them are not shown" in read.text

    def test_of_a_training_that_has_not_begun_or_has_diverged(self) -> None:
        assert "no epoch" in shown(History()).text
        assert (
            "nan" in shown(History([{**ROW, "val_acc": float("nan"), "loss": float("nan")}])).text
        )

    def test_of_a_solver_is_what_train_returns(self) -> None:
        solver = trainings.solver(num_epochs=2)
        assert isinstance(solver.train(), History)
        assert shown(solver.history).tags.count("tr") == 3


def pictures(shape: tuple[int, ...], dtype: type, names: int = 3, value: float = 1) -> Dataset:
    rng = np.random.default_rng(0)
    X = (rng.random((12, *shape)) * 255 * value).astype(dtype)
    return Dataset(
        {"X_train": X, "y_train": np.arange(12) % names}, [f"{HOSTILE}{k}" for k in range(names)]
    )


class TestADataSet:
    @pytest.mark.parametrize(
        ("shape", "dtype", "images"),
        [
            ((3, 8, 8), np.uint8, 3),
            ((1, 8, 8), np.uint8, 3),
            ((4, 8, 8), np.uint8, 3),
            ((3, 224, 224), np.uint8, 3),
            ((3, 8, 2), np.float32, 3),
            ((2, 1, 1), np.float64, 3),
            ((16,), np.float32, 0),
            ((3, 0, 4), np.uint8, 0),
            ((3, 9), np.float32, 0),
        ],
    )
    def test_of_any_shape(self, shape: tuple[int, ...], dtype: type, images: int) -> None:
        pytest.importorskip("PIL")
        data = pictures(shape, dtype)
        read = shown(data)
        assert read.tags.count("img") == images
        assert HOSTILE in read.text
        assert len(data._repr_html_()) < 400_000

    def test_whose_numbers_are_not_finite(self) -> None:
        data = pictures((3, 4, 4), np.float32)
        data["X_train"][:, 0, 0, 0] = np.nan, *[np.inf] * 11
        assert "img" in shown(data).tags
        data["X_train"][...] = np.nan
        assert "img" in shown(data).tags

    def test_of_a_hundred_classes_says_how_many_are_not_shown(self) -> None:
        data = Dataset(
            {"X_train": np.zeros((5, 3, 4, 4), np.uint8), "y_train": np.arange(5)},
            [f"class {k}" for k in range(100)],
        )
        assert "80 more classes are not shown" in shown(data).text

    def test_without_images_or_without_pillow_is_a_table(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert "0 classes" in shown(Dataset({}, [])).text
        monkeypatch.setitem(sys.modules, "PIL", None)
        read = shown(pictures((3, 8, 8), np.uint8))
        assert "img" not in read.tags
        assert HOSTILE in read.text


def test_the_findings_of_a_lab() -> None:
    statements = [labs.Statement("x = <x>", 0.5, 3, 0.1)]
    tables = [labs.Table("<title>", ("a", "b"), [("1", HOSTILE)])]
    findings = labs.Findings(HOSTILE, statements, tables, lambda figure: figure.subplots())
    read = shown(findings)
    assert "NO" in read.text
    assert HOSTILE in read.text


def test_nothing_of_this_is_imported_with_the_package() -> None:
    code = "import cnnlite, sys; print([m for m in sys.modules if m.startswith('cnnlite.')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "html" not in out.stdout

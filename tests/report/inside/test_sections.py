"""The sections about what is inside a run: what they hold, and what they leave out and say so."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import layers as L
from cnnlite.callbacks import Keep
from cnnlite.report import document
from cnnlite.report.answers import Answers, ask
from cnnlite.report.inside import graph as graphs
from cnnlite.report.inside.choice import chosen
from cnnlite.report.sections import sections
from cnnlite.report.sections.attention import attention
from cnnlite.report.sections.difficulty import difficulty
from cnnlite.report.sections.inside import inside
from cnnlite.report.sections.learning import learning
from cnnlite.report.seen import Seen
from tests import trainings

pytest.importorskip("plotly")
pytestmark = pytest.mark.usefixtures("one_thread")
CLASSES = ["<script>", "b", "c", "d"]


@pytest.fixture(scope="module")
def seen() -> Seen:
    keep = Keep()
    solver = trainings.solver(num_epochs=3, callbacks=[keep])
    solver.train()
    return Seen.from_solver(solver, classes=CLASSES, kept=keep.kept)


def test_a_page_of_a_training_has_all_four(seen: Seen) -> None:
    found = {section.id: section for section in sections(seen)}
    assert {"inside", "attention", "learning", "difficulty"} <= set(found)
    page = document.render(found.values(), "run")
    assert "<script>" not in page.partition("<main")[2].partition('id="cnnlite-data"')[0]
    assert '<script>"' not in page
    for section in found.values():
        json.dumps(document.payload(section), allow_nan=False)


def test_the_images_are_hard_ones_easy_ones_and_other_classes() -> None:
    labels = np.repeat(np.arange(10), 5)
    chances = np.full((50, 10), 0.05, np.float32)
    chances[np.arange(50), labels] = np.linspace(0.01, 0.99, 50)
    images = np.zeros((50, 3, 4, 4), np.uint8)
    answers = Answers("val", labels, labels, chances, images, np.arange(50))
    found = chosen(answers, 9)
    assert found[:6] == [0, 1, 2, 49, 48, 47]
    assert labels[found[6:]].tolist() == [1, 2, 3]
    large = replace(answers, images=np.zeros((50, 3, 400, 400), np.uint8))
    assert len(chosen(large)) == 2
    assert len(chosen(answers, 80)) == 50


def test_without_a_network_or_images_there_are_no_sections(seen: Seen) -> None:
    for part in (inside, attention):
        assert part(replace(seen, model=None)) is None
        assert part(replace(seen, answers=None)) is None
    assert difficulty(replace(seen, answers=None)) is None
    assert learning(replace(seen, kept=[])) is None


def test_a_network_that_fails_is_a_sentence(seen: Seen) -> None:
    class Fails(L.Layer):
        def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
            raise RuntimeError("<b>no</b>")

        def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple:
            raise NotImplementedError

    for part in (inside, attention):
        section = part(replace(seen, model=L.Sequential(Fails())))
        assert section is not None
        assert "RuntimeError: &lt;b&gt;no&lt;/b&gt;" in section.html


def test_what_would_make_the_page_large_is_left_out_and_named(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = inside(seen)
    assert whole is not None
    assert "Left out" not in whole.html
    monkeypatch.setattr(graphs, "WEIGHT_BYTES", 500)  # too few for the convolution and the linear
    section = inside(seen)
    assert section is not None
    assert "how the numbers were computed of 6 (its 0.0 MB of weights" in section.html
    kinds = {node["kind"]: node for node in section.data["nodes"]}
    assert kinds["Linear"]["rule"] is None
    assert kinds["Linear"]["values"]["shape"][1:] == [4, 1, 1]
    monkeypatch.setattr(graphs, "GIVEN_BYTES", 0)
    section = inside(seen)
    assert section is not None
    assert "the numbers of 6" in section.html
    monkeypatch.undo()
    monkeypatch.setattr(graphs, "MULTIPLY_ADDS", 10.0)
    section = inside(seen)
    assert section is not None
    assert "a browser would take too long to compute it" in section.html


def test_epochs_of_large_maps_are_thinned_and_that_is_said(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = seen.kept[-1]
    many = [replace(last, epoch=epoch) for epoch in range(1, 21)]
    module = importlib.import_module("cnnlite.report.sections.learning")
    monkeypatch.setattr(module, "MAP_BYTES", 30_000)
    section = learning(replace(seen, kept=many))
    assert section is not None
    size = sum(np.prod(layer["maps"]["shape"]) for layer in section.data["layers"])
    assert 0 < size <= 40_000
    assert "one kept epoch in" in section.html
    _check_epochs(section.data, 20)


def test_a_thousand_epochs_are_not_all_in_the_page(seen: Seen) -> None:
    last = seen.kept[-1]
    section = learning(replace(seen, kept=[replace(last, epoch=i + 1) for i in range(1000)]))
    assert section is not None
    assert len(section.data["shown"]) <= 41
    assert len(json.dumps(dict(section.data))) < 3e6
    _check_epochs(section.data, 1000)


def _check_epochs(data: Any, epochs: int) -> None:
    shown, place = data["shown"], data["place"]
    assert data["epochs"] == list(range(1, epochs + 1))
    assert len(place) == epochs
    assert shown[place[0]] == 1
    assert shown[place[-1]] == epochs
    assert all(shown[p] <= epoch for p, epoch in zip(place, data["epochs"], strict=True))
    assert len(data["scores"]) == len(shown) == data["layers"][0]["maps"]["shape"][0]
    assert data["filters"]["shape"][0] == len(shown)


def test_other_networks_in_one_run_show_what_is_the_same(seen: Seen) -> None:
    first, *rest = seen.kept
    other = replace(first, maps={}, ranges={}, filters=None)
    assert learning(replace(seen, kept=[other, *rest])) is None
    section = learning(replace(seen, kept=[replace(first, filters=None), *rest]))
    assert section is not None
    assert section.data["filters"] is None


def test_features_without_pictures_have_their_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 6)).astype(np.float32), rng.integers(0, 4, 20)
    model = L.Sequential(L.Linear(6, 5, rng=0), L.ReLU(), L.Linear(5, 4, rng=1))
    given = Seen("run", classes=CLASSES, answers=ask(model, X, y, "val"), model=model)
    section = inside(given)
    assert section is not None
    assert [node["shape"] for node in section.data["nodes"]] == [[n, 1, 1] for n in (6, 5, 5, 4)]
    assert attention(given) is None
    hard = difficulty(given)
    assert hard is not None
    assert "<table" in hard.html

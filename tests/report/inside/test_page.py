"""The page computes in JavaScript what the network computes, and what is looked at can be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import layers as L
from cnnlite.callbacks import Keep
from cnnlite.data import Normalization
from cnnlite.layers import Layer
from cnnlite.layers.trace import trace
from cnnlite.report import document
from cnnlite.report.answers import ask
from cnnlite.report.inside.back import way_back
from cnnlite.report.inside.graph import graph
from cnnlite.report.inside.pixel import computed
from cnnlite.report.sections.attention import attention
from cnnlite.report.sections.difficulty import difficulty
from cnnlite.report.sections.inside import inside
from cnnlite.report.sections.learning import learning
from cnnlite.report.seen import Seen
from cnnlite.training.evaluation import model_dtype
from cnnlite.training.kept_sheet import filter_pictures
from tests import trainings

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("one_thread")]
CLASSES = ["<script>alert(1)</script>", "cat & dog", "ship", "truck"]


class Twice(Layer):
    """A layer of one's own, which the page does not know."""

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
        return 2 * x, None

    def backward(self, dy: np.ndarray, cache: None, need_dx: bool = True) -> tuple:
        return 2 * dy, {}


def network() -> L.Sequential:
    """A network with everything that the page can compute, and one layer that it cannot."""
    body = L.Sequential(
        L.Conv2d(6, 6, 3, padding=1, groups=3, padding_mode="circular", rng=2),
        L.GroupNorm(2, 6),
        L.GELU(),
        L.InstanceNorm2d(6, affine=True),
    )
    return L.Sequential(
        L.Conv2d(3, 6, (3, 2), stride=(1, 2), padding="same", dilation=(2, 1), rng=1),
        L.BatchNorm2d(6), L.LeakyReLU(0.1), L.Residual(body), L.Hardswish(),
        L.AvgPool2d(3, 2, padding=1, count_include_pad=False), L.LayerNorm((6, 6, 3)), L.Mish(),
        L.Upsample(scale_factor=2, mode="bilinear"), L.ConvTranspose2d(6, 4, 3, 2, rng=3),
        L.ELU(), L.MaxPool2d(3, 2, padding=1), L.Sigmoid(), Twice(), L.SiLU(), L.Softsign(),
        L.AdaptiveAvgPool2d((3, 2)), L.Tanh(), L.Flatten(), L.Linear(24, 5, rng=4), L.ReLU6(),
        L.Dropout(0.5), L.Linear(5, 4, rng=5),
    )  # fmt: skip


def seen(model: Layer, shape: tuple[int, ...] = (3, 11, 12), images: int = 5) -> Seen:
    rng = np.random.default_rng(0)
    for key, array in model.params.items():
        if array.ndim == 1:
            array += 0.3 * rng.standard_normal(array.shape).astype(np.float32)
        assert key
    X = rng.integers(0, 256, (images, *shape)).astype(np.uint8)
    y = rng.integers(0, 4, images)
    normalization = Normalization.from_images(X)
    answers = ask(model, X, y, "val", normalization)
    return Seen("run", classes=CLASSES, answers=answers, model=model, normalization=normalization)


def show(page: Any, tmp_path: Path, sections: list) -> Any:
    file = tmp_path / "page.html"
    file.write_text(document.render([s for s in sections if s], "test"), encoding="utf-8")
    page.page.goto(file.as_uri())
    return page.page


def test_javascript_computes_what_the_network_computes(page: Any, tmp_path: Path) -> None:
    model = network()
    given = seen(model)
    section = inside(given)
    assert section is not None
    browser = show(page, tmp_path, [section])
    answers = given.answers
    assert answers is not None
    assert given.normalization is not None
    order = [int(name) for name in section.data["names"]]
    x = given.normalization.apply(answers.images[order], model_dtype(model))
    runs = trace(model, x)
    nodes = graph(x, runs)
    image = 1
    script = (
        "i => { const net = cnnlite.network(cnnlite.sections.get('inside').data);"
        f" const y = net.values(i, {image}); return y && Array.from(y); }}"
    )
    for place, node in enumerate(nodes):
        got = browser.evaluate(script, place)
        expected = node.y[image].ravel()
        assert got is not None, node.name
        scale = np.abs(expected).max() + 1
        assert np.abs(np.array(got) - expected).max() < 1e-5 * scale, (node.name, node.kind)
    assert [node.kind for node in nodes if node.given] == ["Twice"]
    follow = (
        "([i, at, back]) => { const net = cnnlite.network(cnnlite.sections.get('inside').data);"
        f" if (!back) return net.explain(i, {image}, at);"
        f" const w = net.wayBack(i, {image}, at); if (!w) return null;"
        " return w.windows.flatMap((one) => w.outputs.map((f) => w.weight(f, one))); }"
    )
    rng = np.random.default_rng(1)
    for ran in runs:
        place = next((i for i, n in enumerate(nodes) if n.y is ran.y and n.name == ran.path), None)
        if place is None or ran.layer.children() or nodes[place].kind == "Twice":
            continue
        at = [int(rng.integers(size)) for size in nodes[place].shape]
        own = at[: ran.y.ndim - 1]
        found, said = computed(ran, image, own, runs), browser.evaluate(follow, [place, at, False])
        assert found is not None
        assert abs(found.value - said["value"]) < 1e-5 * (1 + abs(found.value)), ran.path
        if "sums" in said:
            assert np.allclose(said["sums"], found.products.sum(axis=(1, 2)), atol=1e-5)
        at = [int(rng.integers(size)) for size in nodes[nodes[place].inputs[0]].shape]
        back = way_back(ran, image, at[: ran.x.ndim - 1])
        if back is not None and "sums" in said:
            weights = browser.evaluate(follow, [place, at, True])
            assert np.allclose(weights, back.weights.ravel(), atol=1e-6), ran.path
    assert page.errors == []


def test_a_pixel_is_chosen_by_mouse_and_by_keyboard(page: Any, tmp_path: Path) -> None:
    given = seen(network())
    browser = show(page, tmp_path, [inside(given), attention(given), difficulty(given)])
    output, middle = browser.locator("#inside .bench canvas").nth(1), browser.locator(".arithmetic")
    browser.locator("#inside .layers button").first.wait_for()
    assert "row 5, column 3" in middle.inner_text()
    output.focus()
    browser.keyboard.press("ArrowRight")
    assert "row 5, column 4" in middle.inner_text()
    box = output.bounding_box()
    output.click(position={"x": box["width"] - 3, "y": 3})
    assert "row 0, column 5" in middle.inner_text()
    assert "products" in middle.inner_text()
    inputs = browser.locator("#inside .bench canvas").nth(0)
    inputs.focus()
    browser.keyboard.press("ArrowDown")
    assert "gradient" in middle.inner_text()
    for button in browser.locator("#inside .layers button").all():
        button.click()
        assert "NaN" not in middle.inner_text()
        assert "undefined" not in middle.inner_text()
        text = middle.inner_text()
        assert "the layer gave" not in text
    assert "alert(1)" in browser.locator("#inside .images").inner_text()
    browser.locator("#inside .images button").nth(2).click()
    assert "This is:" in browser.locator("#inside .guesses").inner_text()
    assert page.errors == []
    assert page.requests == []
    assert page.accessibility_faults() == []
    browser.set_viewport_size({"width": 390, "height": 800})
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    browser.locator("#theme").click()
    assert page.accessibility_faults() == []


def bad_models() -> dict[str, tuple[Layer, tuple[int, ...]]]:
    broken = L.Sequential(L.Conv2d(1, 3, 3, rng=0), L.ReLU(), L.Flatten(), L.Linear(108, 4, rng=1))
    broken.params["0.weight"][0] = np.nan
    large = L.Sequential(
        L.Conv2d(3, 8, 7, 4, rng=0),
        L.ReLU(),
        L.AdaptiveAvgPool2d(1),
        L.Flatten(),
        L.Linear(8, 4, rng=1),
    )
    return {
        "one channel, NaN weights": (broken, (1, 8, 8)),
        "no convolution": (L.Sequential(L.Flatten(), L.Linear(48, 4, rng=0)), (3, 4, 4)),
        "large images": (large, (3, 224, 224)),
        "a single layer of one's own, two channels": (Own(), (2, 4, 4)),
    }  # fmt: skip


class Own(Twice):
    """Scores from pixels, somehow."""

    def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
        return x.reshape(len(x), -1)[:, :4].copy(), None


def hundred_classes() -> Seen:
    model = L.Sequential(L.Conv2d(3, 4, 3, rng=0), L.ReLU(), L.Flatten(), L.Linear(144, 100, rng=1))
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (150, 3, 8, 8)).astype(np.uint8), np.arange(150) % 100
    answers = ask(model, X, y, "val")
    return Seen("run", classes=[f"class {i}" for i in range(100)], answers=answers, model=model)


def test_what_is_unusual_is_shown_as_far_as_it_goes(page: Any, tmp_path: Path) -> None:
    """Each takes the place of the one before, as in the live page."""
    first = hundred_classes()
    chances = attention(first)
    assert chances is not None
    assert {len(row) for row in chances.data["classes"]} == {6}
    browser = show(page, tmp_path, [inside(first), chances, difficulty(first)])
    assert browser.locator("#attention-class option").count() == 6
    given = [seen(model, shape, images=3) for model, shape in bad_models().values()]
    for name, one in zip(bad_models(), given, strict=True):
        for make in (inside, difficulty):
            section = make(one)
            assert section is not None, name
            browser.evaluate("cnnlite.update", document.payload(section))
        browser.locator("#inside .layers button").first.wait_for()
        for button in browser.locator("#inside .layers button").all():
            button.click()
            assert browser.locator("#inside .arithmetic").inner_text(), name
        assert page.errors == [], name
        sections = [attention(one)]
        assert (sections[0] is None) == (name in WITHOUT_MAPS), name
        json.dumps([s and dict(s.data) for s in sections], allow_nan=False)


WITHOUT_MAPS = ("no convolution", "a single layer of one's own, two channels")


def test_the_slider_shows_what_was_kept_of_an_epoch(page: Any, tmp_path: Path) -> None:
    keep = Keep()
    solver = trainings.solver(num_epochs=3, callbacks=[keep])
    solver.train()
    section = learning(Seen("run", classes=CLASSES, kept=keep.kept))
    browser = show(page, tmp_path, [section])
    canvases = browser.locator("#learning-place .row canvas")
    said = browser.locator("#learning-place .guesses")
    pixel = "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
    for position in (0, 2):
        browser.locator("#learning .slider input").fill(str(position))
        kept = keep.kept[position]
        assert f"After epoch {kept.epoch} " in said.inner_text()
        found = np.array(canvases.nth(0).evaluate(pixel)).reshape(3, 3, 4)[..., :3]
        assert np.array_equal(found.transpose(2, 0, 1), filter_pictures(kept.filters)[0])
        first = canvases.nth(len(kept.filters))
        found = np.array(first.evaluate(pixel)).reshape(8, 8, 4)[..., 0]
        assert np.array_equal(found, kept.maps["0"][0, 0])
        assert first.get_attribute("aria-label").startswith("layer 0, map 0 after epoch")
    browser.locator("#learning .images button").nth(1).click()
    found = np.array(first.evaluate(pixel)).reshape(8, 8, 4)[..., 0]
    assert np.array_equal(found, keep.kept[2].maps["0"][1, 0])
    assert page.errors == []
    assert page.accessibility_faults() == []

"""Test-time augmentation: the views of an image, and the mean over a network's answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite import Flatten, Linear, Sequential, Solver, data
from cnnlite.data.views import TTA, views
from cnnlite.evaluation import scores_of_batches
from cnnlite.report.answers import ask, softmax

IMAGES = data.embedded(num_train=20, num_validation=10, num_test=30)


def make() -> Solver:
    network = Sequential(Flatten(), Linear(3072, 10, rng=0))
    return Solver(network, IMAGES, num_epochs=1, batch_size=10, verbose=False)


def by_hand(images: np.ndarray, tta: str) -> list[tuple[float, np.ndarray]]:
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    moved = [images] if tta == "mirror" else [images, padded[..., :-2, :-2], padded[..., 2:, 2:]]
    shares = [1.0] if tta == "mirror" else [0.5, 0.25, 0.25]
    pairs = zip(shares, moved, strict=True)
    return [(share / 2, x) for share, view in pairs for x in (view, view[..., ::-1])]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("tta", ["mirror", "translate"])
def test_the_views_are_mirrored_and_moved(tta: str, dtype: Any) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 2, 5, 4)).astype(dtype)
    for found, wanted in zip(views(images, tta), by_hand(images, tta), strict=True):
        assert found[0] == wanted[0]
        np.testing.assert_array_equal(found[1], wanted[1])


def test_the_scores_are_the_mean_over_the_views() -> None:
    solver, X = make(), IMAGES["X_test"]
    for tta in ("mirror", "translate"):
        wanted = sum(share * solver.predict(x.copy()) for share, x in by_hand(X, tta))
        found = solver.predict(X, batch_size=7, tta=tta)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
        right = (found.argmax(axis=1) == IMAGES["y_test"]).mean()
        assert solver.check_accuracy(X, IMAGES["y_test"], tta=tta) == pytest.approx(right)
    assert solver.predict(X).tobytes() == solver.predict(X, tta="none").tobytes()


def test_some_images_by_their_index_and_answers_by_their_probabilities() -> None:
    solver, X = make(), IMAGES["X_test"]
    index = np.array([4, 2, 9])
    scored = scores_of_batches(solver.model, X, solver.normalization, 2, index, "mirror")
    found = np.concatenate([scores for _, scores in scored])
    both = [solver.predict(x[index].copy()) for _, x in by_hand(X, "mirror")]
    np.testing.assert_allclose(found, (both[0] + both[1]) / 2, rtol=1e-4, atol=1e-6)
    said = ask(solver.model, X, IMAGES["y_test"], "test", solver.normalization, tta="mirror")
    np.testing.assert_allclose(said.probabilities[index], softmax(found), rtol=1e-4)
    right = solver.check_accuracy(X, IMAGES["y_test"], tta="mirror")
    assert said.accuracy == right  # one accuracy, whoever counts


def test_what_has_no_views_is_refused() -> None:
    with pytest.raises(ValueError, match="tta is 'flip'"):
        make().predict(IMAGES["X_test"], tta="flip")
    for shape in ((3, 8), (3, 1, 1, 8)):
        with pytest.raises(ValueError, match=r"expected \(N, C, H, W\) of at least 2x2 pixels"):
            list(views(np.zeros(shape), "translate"))
    assert TTA[0] == "none"

"""Grad-CAM and occlusion are what their papers say; hard images are those with a large loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite import layers as L
from cnnlite.layers.trace import trace
from cnnlite.models import resnet_cifar
from cnnlite.report.inside.attention import cam_layer, grad_cam, occlusion
from cnnlite.report.inside.difficulty import easiest, hardest, losses

pytestmark = pytest.mark.usefixtures("one_thread")


def network(rng: int = 0) -> L.Sequential:
    return L.Sequential(
        L.Conv2d(2, 3, 3, padding=1, rng=rng), L.ReLU(), L.MaxPool2d(2),
        L.Conv2d(3, 4, 3, padding=1, rng=rng + 1), L.BatchNorm2d(4), L.ReLU(), L.Flatten(),
        L.Linear(36, 5, rng=rng + 2),
    )  # fmt: skip


def images(n: int = 3, shape: tuple[int, ...] = (2, 6, 6)) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n, *shape)).astype(np.float32)


def test_the_layer_is_the_activation_behind_the_last_convolution() -> None:
    assert cam_layer(trace(network(), images())) == "5"
    residual = resnet_cifar(8, num_classes=5, input_shape=(3, 16, 16), rng=0)
    runs = trace(residual, images(1, (3, 16, 16)))
    chosen = next(ran for ran in runs if ran.path == cam_layer(runs))
    assert type(chosen.layer).__name__ == "ReLU"
    assert chosen.y.shape[2:] == (4, 4)
    assert cam_layer(trace(L.Sequential(L.Flatten(), L.Linear(72, 5)), images())) is None
    assert cam_layer(trace(L.Sequential(L.ReLU(), L.Flatten(), L.Linear(72, 5)), images())) == "0"


def test_grad_cam_is_the_maps_weighted_by_their_mean_gradients() -> None:
    """After the last maps the network is linear, so that the gradients are the weights."""
    model, x = network(), images()
    classes = [4, 0, 2]
    found = grad_cam(model, x, classes)
    maps = trace(model, x)[5].y.astype(np.float64)
    weight = model.params["7.weight"].astype(np.float64)[classes].reshape(3, 4, 3, 3)
    expected = np.maximum((weight.mean(axis=(2, 3))[..., None, None] * maps).sum(axis=1), 0)
    assert np.allclose(found, expected, atol=1e-6)
    assert found.shape == (3, 3, 3)
    assert found.max() > 0


def test_grad_cam_of_another_layer_has_finite_differences_as_gradients() -> None:
    model, x = network().astype(np.float64), images(1).astype(np.float64)
    found = grad_cam(model, x, [3], "2")
    maps, after = trace(model, x)[2].y, model[3:]
    gradient = np.zeros_like(maps)
    for place in np.ndindex(maps.shape):
        for sign in (1, -1):
            moved = maps.copy()
            moved[place] += sign * 1e-6
            gradient[place] += sign * after(moved)[0, 3] / 2e-6
    weights = gradient.mean(axis=(2, 3))[0]
    expected = np.maximum(np.tensordot(weights, maps[0], 1), 0)
    assert np.allclose(found[0], expected, atol=1e-5)


def test_a_layer_that_stands_twice_is_looked_at_where_it_stands_last() -> None:
    relu = L.ReLU()
    once = L.Sequential(L.Conv2d(2, 3, 3, rng=0), L.ReLU(), L.Conv2d(3, 3, 3, rng=1), L.ReLU(),
                        L.Flatten(), L.Linear(12, 5, rng=2))  # fmt: skip
    twice = L.Sequential(once[0], relu, once[2], relu, L.Flatten(), once[5])
    assert np.array_equal(grad_cam(once, images(), [1, 2, 3]), grad_cam(twice, images(), [1, 2, 3]))


def test_looking_changes_nothing() -> None:
    model, x = network(), images()
    before, scores = model.state_dict(), model(x)
    grad_cam(model, x, [0, 1, 2])
    occlusion(model, x[0])
    trace(model, x)
    assert model.fuse
    assert all(np.array_equal(before[key], array) for key, array in model.state_dict().items())
    assert np.array_equal(model(x), scores)
    assert "forward" not in vars(model[0])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([0, 1, 9],), "classes holds 0 to 9, expected 0 to 4"),
        (([0, 1],), r"classes have shape \(2,\), expected \(3,\)"),
        (([0, 1, 2], "7"), "path is '7', expected a layer with maps: 0, 1, 2, 3, 4, 5"),
        (([0, 1, 2], "nowhere"), "path is 'nowhere'"),
    ],
)
def test_what_grad_cam_cannot_do_is_said(arguments: Any, text: str) -> None:
    with pytest.raises(ValueError, match=f"grad_cam: {text}"):
        grad_cam(network(), images(), *arguments)


def test_occlusion_covers_a_square_around_each_centre() -> None:
    class Mean(L.Layer):
        """Scores that are the image's first two pixels of the diagonal."""

        def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> tuple:
            return np.stack([x[:, 0, 0, 0], x[:, 0, 5, 5]], axis=1), None

        def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple:
            return None, {}

    x = np.full((1, 6, 6), 3, np.float32)
    found = occlusion(Mean(), x, size=2, stride=2, fill=0, batch_size=4)
    assert found.shape == (3, 3, 2)
    low = 1 / (1 + np.exp(3))
    expected = np.full((3, 3), 0.5)
    expected[0, 0], expected[2, 2] = low, 1 - low
    assert np.allclose(found[..., 0], expected)
    assert np.allclose(found.sum(axis=2), 1)
    assert occlusion(Mean(), x).shape == (6, 6, 2)
    with pytest.raises(ValueError, match="occlusion: x has shape"):
        occlusion(Mean(), x[0])
    assert occlusion(Mean(), x, size=2, stride=20).shape == (1, 1, 2)  # "no array to concatenate"
    with pytest.raises(ValueError, match="occlusion: x has shape"):
        occlusion(Mean(), x[:, :0])
    for name in ("size", "stride", "batch_size"):
        with pytest.raises(ValueError, match=f"occlusion: {name}"):
            occlusion(Mean(), x, **{name: 0})


def test_the_hardest_have_the_largest_loss() -> None:
    chances = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8], [np.nan, np.nan], [1, 0]])
    labels = np.array([0, 0, 0, 1, 1])
    found = losses(labels, chances)
    assert np.allclose(found[:3], -np.log([0.5, 0.9, 0.2]))
    assert np.isinf(found[3:]).all()
    assert hardest(labels, chances, 3).tolist() == [3, 4, 2]
    assert easiest(labels, chances, 2).tolist() == [1, 0]

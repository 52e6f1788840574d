"""Images that grow from epoch to epoch: PyTorch judges the pixels, and the training their sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import AdaptiveAvgPool2d, Conv2d, Flatten, Linear, Sequential, Solver, data
from cnnlite.data import Compose, CutMix, ProgressiveResize, RandomCropFlip, batches


@pytest.mark.parametrize("side", [1, 5, 9, 12, 24])
def test_pixels_are_those_of_pytorchs_antialiasing(torch: Any, side: int) -> None:
    images = np.random.default_rng(0).random((2, 3, 12, 18))
    found = ProgressiveResize({0: side})(images, np.arange(2), 0, 0)
    judge = torch.nn.functional.interpolate(
        torch.tensor(images), found.shape[2:], mode="bilinear", antialias=True
    )
    assert found.shape == (2, 3, side, round(1.5 * side))
    np.testing.assert_allclose(found, judge.numpy(), rtol=0, atol=1e-12)


def test_bytes_are_rounded_and_the_epoch_says_the_size() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 16, 16), np.uint8)
    step = ProgressiveResize({5: 16, 0: 8, 2: 12})
    for epoch, side in ((0, 8), (1, 8), (2, 12), (4, 12), (5, 16), (9, 16)):
        found = step(images, np.arange(4), epoch, 0)
        assert found.shape == (4, 3, side, side)
        assert found.dtype == np.uint8
        exact = step(images.astype(np.float64), np.arange(4), epoch, 0)
        assert np.abs(found - exact).max() <= 0.5001
    flat = np.full((1, 1, 16, 16), 200, np.uint8)
    assert (step(flat, np.arange(1), 0, 0) == 200).all()


def test_batches_have_the_size_of_the_epoch_and_targets_that_of_the_mixing() -> None:
    images = data.embedded(num_train=30, num_validation=10, num_test=0)
    sizes = ProgressiveResize({0: 16, 1: 32})
    augment = Compose([RandomCropFlip(), sizes, CutMix()])
    X, y, index = images["X_train"], images["y_train"], np.arange(7)
    for epoch, side in ((0, 16), (1, 32)):
        x = batches.gather(X, index, images.normalization, augment=augment, epoch=epoch)
        assert x.shape == (7, 3, side, side)
        found = batches.targets(y, index, augment, epoch, 0, 10, X.shape[2:])
        shares = CutMix().shares(index, epoch, 0, (side, side))
        own = found[index, y[:7]]
        assert (own >= shares.astype(np.float32) - 1e-6).all()


def make(path: Path, epochs: int, sizes: dict[int, int], *, pooled: bool = True) -> Solver:
    images = data.embedded(num_train=20, num_validation=10, num_test=0)
    end = [AdaptiveAvgPool2d(1), Flatten(), Linear(4, 10, rng=1)]
    if not pooled:
        end = [Flatten(), Linear(4 * 28 * 28, 10, rng=1)]
    network = Sequential(Conv2d(3, 4, 5, rng=0), *end)
    augment = Compose([RandomCropFlip(), ProgressiveResize(sizes)])
    return Solver(
        network, images, augment=augment, num_epochs=epochs, batch_size=10, verbose=False,
        checkpoint=path,
    )  # fmt: skip


def test_killed_and_resumed_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    sizes = {0: 12, 1: 20, 2: 32}
    whole = make(tmp_path / "whole.safetensors", 3, sizes)
    whole.train()
    make(tmp_path / "cut.safetensors", 1, sizes).train()
    rest = make(tmp_path / "cut.safetensors", 3, sizes)
    rest.resume()
    for key, array in whole.model.state_dict().items():
        assert array.tobytes() == rest.model.state_dict()[key].tobytes()


def test_a_network_that_takes_one_size_only_is_refused_before_the_first_step(
    tmp_path: Path,
) -> None:
    solver = make(tmp_path / "run.safetensors", 3, {0: 32, 2: 20}, pooled=False)
    with pytest.raises(ValueError, match=r"augment gives from epoch 2 on: Linear: x must have"):
        solver.train()
    assert not solver.step


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        (24, TypeError, "sizes is 24, expected sides by epoch"),
        ({}, ValueError, "sizes is {}, expected a side for epoch 0"),
        ({1: 24}, ValueError, "sizes is {1: 24}, expected a side for epoch 0"),
        ({0: 0}, ValueError, r"sizes\[0\] is 0"),
        ({0: 2.5}, TypeError, r"sizes\[0\] is 2.5"),
        ({-1: 3}, ValueError, "sizes is -1"),
    ],
)
def test_sizes_that_are_none(sizes: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"ProgressiveResize: {message}"):
        ProgressiveResize(sizes)


def test_features_have_no_size() -> None:
    with pytest.raises(ValueError, match=r"images have the shape \(4, 7\), expected \(N, C, H"):
        batches.gather(np.zeros((4, 7)), np.arange(4), None, augment=ProgressiveResize({0: 3}))

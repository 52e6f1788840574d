"""Mixup and CutMix: images and targets are mixed alike, whatever the batch."""

from typing import Any

import numpy as np
import pytest

from cnnlite.data import (
    ColorJitter,
    Compose,
    CutMix,
    MixUp,
    Normalization,
    RandomCropFlip,
    RandomRotation,
    batches,
)

MIXING = [MixUp(), MixUp(1.0), MixUp(8.0), CutMix(), CutMix(0.3)]
COMPOSED = [
    *MIXING,
    Compose([RandomCropFlip(1), MixUp(), CutMix()]),
    Compose([MixUp(1.0), ColorJitter(), MixUp(1.0)]),
]


@pytest.fixture
def split(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.integers(0, 256, (60, 3, 8, 10), dtype=np.uint8), rng.integers(0, 5, 60)


@pytest.mark.parametrize("augment", COMPOSED, ids=repr)
def test_an_image_is_mixed_alike_in_any_batch(augment: Any, split: Any) -> None:
    """Others mix an image with what happens to be in its batch."""
    X, y = split
    every = np.arange(60)
    images = batches.changed(X, every, augment, 3, 7)
    targets = batches.targets(y, every, augment, 3, 7, 5, (8, 10))
    assert images.dtype == np.uint8
    order = np.random.default_rng(0).permutation(60)
    for batch in np.array_split(order, 7):
        found = batches.changed(X, batch, augment, 3, 7)
        np.testing.assert_array_equal(found, images[batch])
        found = batches.targets(y, batch, augment, 3, 7, 5, (8, 10))
        np.testing.assert_array_equal(found, targets[batch])


@pytest.mark.parametrize("augment", COMPOSED, ids=repr)
def test_epochs_and_seeds_mix_otherwise(augment: Any, split: Any) -> None:
    X, _ = split
    every = np.arange(60)
    first = batches.changed(X, every, augment, 0, 0)
    for epoch, seed in ((1, 0), (0, 1)):
        other = batches.changed(X, every, augment, epoch, seed)
        assert (other != first).any(axis=(1, 2, 3)).mean() > 0.5


@pytest.mark.parametrize("augment", COMPOSED, ids=repr)
def test_targets_are_probabilities(augment: Any, split: Any) -> None:
    _, y = split
    targets = batches.targets(y, np.arange(60), augment, 0, 0, 5, (8, 10))
    assert targets.shape == (60, 5)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    assert targets.min() >= 0
    assert (targets.max(axis=1) < 1).any()


@pytest.mark.parametrize("augment", [MixUp(1.0), CutMix()], ids=repr)
def test_the_target_says_what_the_image_is(augment: Any) -> None:
    """Images of one colour, a class each: the mean pixel is the mixture of the targets."""
    y = np.repeat(np.arange(4), 25)
    X = np.broadcast_to((60 * y).astype(np.uint8)[:, None, None, None], (100, 1, 16, 16)).copy()
    index = np.arange(100)
    images = batches.changed(X, index, augment, 0, 0)
    targets = batches.targets(y, index, augment, 0, 0, 4, (16, 16))
    mean = images.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(mean, targets @ (60 * np.arange(4)), atol=0.51)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.5, 1.0, 2.0, 8.0, 100.0])
def test_shares_have_the_beta_distribution(alpha: float) -> None:
    shares = MixUp(alpha).shares(np.arange(100_000), 0, 0, (8, 8))
    expected = np.random.default_rng(0).beta(alpha, alpha, 100_000)
    assert ((shares >= 0) & (shares <= 1)).all()
    places = np.arange(0.5, 256) / 256
    ours = np.searchsorted(np.sort(shares), places) / 100_000
    theirs = np.searchsorted(np.sort(expected), places) / 100_000
    assert np.abs(ours - theirs).max() < 0.01, "Kolmogorov-Smirnov, 1e-5 of chance"


def test_a_rectangle_of_another_image(split: Any) -> None:
    X, _ = split
    augment, index = CutMix(), np.arange(60)
    rows, columns = augment.boxes(index, 0, 0, (8, 10))
    partners = augment.partners(index, 0, 0, 60)
    images = batches.changed(X, index, augment, 0, 0)
    for i in range(60):
        expected = X[i].copy()
        where = np.ix_(range(3), np.flatnonzero(rows[i]), np.flatnonzero(columns[i]))
        expected[where] = X[partners[i]][where]
        np.testing.assert_array_equal(images[i], expected)
    shares = augment.shares(index, 0, 0, (8, 10))
    np.testing.assert_allclose(shares, 1 - rows.sum(1) * columns.sum(1) / 80)


def test_the_partner_goes_through_the_steps_before(split: Any) -> None:
    X, _ = split
    crop, mix, index = RandomCropFlip(2), MixUp(1.0), np.arange(60)
    partners = mix.partners(index, 0, 0, 60)
    expected = mix.mix(crop(X, index, 0, 0), crop(X[partners], partners, 0, 0), index, 0, 0)
    found = batches.changed(X, index, Compose([crop, mix]), 0, 0)
    np.testing.assert_array_equal(found, expected)


def test_floats_are_mixed_as_floats(split: Any) -> None:
    X, _ = split
    index = np.arange(60)
    pixels = batches.changed(X, index, MixUp(1.0), 0, 0)
    for dtype in (np.float32, np.float64):
        found = batches.changed(X.astype(dtype), index, MixUp(1.0), 0, 0)
        assert found.dtype == dtype
        assert np.abs(found - pixels).max() <= 0.5 + 1e-4


def test_gather_normalises_what_is_mixed(split: Any) -> None:
    X, _ = split
    normalization = Normalization.from_images(X)
    index = np.arange(10)
    found = batches.gather(X, index, normalization, augment=CutMix(), seed=3)
    expected = normalization.apply(batches.changed(X, index, CutMix(), 0, 3))
    np.testing.assert_array_equal(found, expected)


def test_soft_targets_are_mixed_too(split: Any) -> None:
    _, y = split
    soft = np.eye(5)[y]
    index = np.arange(60)
    found = batches.targets(soft, index, CutMix(), 0, 0, 5, (8, 10))
    assert found.dtype == np.float64
    hard = batches.targets(y, index, CutMix(), 0, 0, 5, (8, 10))
    np.testing.assert_allclose(found, hard, atol=1e-6)


def test_without_mixing_targets_stay_what_they_are(split: Any) -> None:
    _, y = split
    for augment in (None, RandomCropFlip(), Compose([RandomRotation(), ColorJitter()])):
        found = batches.targets(y, np.arange(5), augment, 0, 0, 5, (8, 10))
        np.testing.assert_array_equal(found, y[:5])
        assert found.dtype == y.dtype


@pytest.mark.parametrize("kind", [MixUp, CutMix])
@pytest.mark.parametrize("alpha", [0, -1, np.nan, np.inf, 101, "1", True, None])
def test_a_wrong_alpha_is_refused(kind: Any, alpha: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{kind.__name__}: alpha is "):
        kind(alpha)


def test_what_mixes_needs_the_whole_split(split: Any) -> None:
    X, _ = split
    for augment in (MixUp(), Compose([RandomCropFlip(), MixUp()])):
        with pytest.raises(TypeError, match=r"MixUp: mixes images of the whole split, so it is"):
            augment(X[:4], np.arange(4), 0, 0)
    with pytest.raises(ValueError, match=r"CutMix: images have the shape \(4, 5\), expected \(N"):
        batches.changed(np.ones((9, 5)), np.arange(4), CutMix(), 0, 0)
    with pytest.raises(ValueError, match="targets: y holds 0 to 4, expected 0 to 3"):
        batches.targets(np.arange(5), np.arange(3), MixUp(), 0, 0, 4, (8, 8))

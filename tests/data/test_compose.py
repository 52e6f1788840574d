"""Augmentations of single images: pure, the same bits, and what each does to the pixels."""

import colorsys
from typing import Any

import numpy as np
import pytest

from cnnlite.data import (
    AUGMENTATIONS,
    ColorJitter,
    Compose,
    Cutout,
    RandomCropFlip,
    RandomRotation,
    augmentation,
    batches,
    mixes,
)

SINGLE = [
    ColorJitter(), ColorJitter(1, 0, 0), ColorJitter(0, 2, 0), ColorJitter(0, 0, 1),
    ColorJitter(hue=0.5), Cutout(3),
    Cutout(100), RandomRotation(), RandomRotation(180),
    Compose([RandomCropFlip(2), ColorJitter(), RandomRotation(30), Cutout(2), Cutout(2)]),
]  # fmt: skip


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(1, 256, (40, 3, 9, 8), dtype=np.uint8)


@pytest.mark.parametrize("augment", SINGLE, ids=repr)
def test_an_image_is_changed_alike_in_any_batch(augment: Any, images: np.ndarray) -> None:
    index = np.arange(40) * 1000
    images.flags.writeable = False
    whole = augment(images, index, 3, 7)
    assert (whole.dtype, whole.shape) == (np.uint8, images.shape)
    order = np.random.default_rng(0).permutation(40)
    for batch in np.array_split(order, 7):
        np.testing.assert_array_equal(augment(images[batch], index[batch], 3, 7), whole[batch])
    np.testing.assert_array_equal(augment(np.asfortranarray(images), index, 3, 7), whole)
    assert augment(images[:0], index[:0], 3, 7).shape == (0, 3, 9, 8)


@pytest.mark.parametrize("augment", SINGLE, ids=repr)
def test_epochs_and_seeds_change_otherwise(augment: Any, images: np.ndarray) -> None:
    if augment == Cutout(100):
        return  # all is black, whatever the place
    index = np.arange(40)
    whole = augment(images, index, 0, 0)
    assert (whole != images).any()
    for other in (augment(images, index, 1, 0), augment(images, index, 0, 1)):
        assert (other != whole).any(axis=(1, 2, 3)).mean() > 0.7


def test_jitter_as_torchvision_defines_it(images: np.ndarray, torch: Any) -> None:
    """torchvision blends with black, with the mean grey, with the grey image; in float64 here."""
    index = np.arange(40)
    grey_of = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[:, None, None]
    for place, jitter in enumerate(
        (ColorJitter(0.8, 0, 0), ColorJitter(0, 0.8, 0), ColorJitter(0, 0, 0.8))
    ):
        factors = jitter.factors(index, 0, 0)[place]
        assert factors.min() >= 0.2 - 1e-6
        assert 1.5 < factors.max() <= 1.8
        found = jitter(images, index, 0, 0)
        for i in range(40):
            image = torch.tensor(images[i].astype(np.float64))
            grey = (image * grey_of).sum(0, keepdim=True)
            other = (torch.zeros(1), grey.mean(), grey)[place]
            expected = (image * float(factors[i]) + other * (1 - float(factors[i]))).clip(0, 255)
            assert np.abs(found[i] - expected.numpy()).max() < 1.01


def test_hue_as_the_standard_library_defines_it(images: np.ndarray) -> None:
    """torchvision's is the same: to HSV, h + shift modulo 1, and back."""
    images = images[:, :, :4, :4].copy()
    images[0], images[1, 1] = 77, images[1, 0]  # grey, and the same largest channel twice
    jitter = ColorJitter(0, 0, 0, 0.5)
    shifts = jitter.factors(np.arange(40), 0, 0)[3]
    assert shifts.min() < -0.4
    assert shifts.max() > 0.4
    found = jitter(images, np.arange(40), 0, 0)
    for before, after, shift in zip(images, found, shifts.tolist(), strict=True):
        for place in np.ndindex(before.shape[1:]):
            hue, saturation, value = colorsys.rgb_to_hsv(*before[:, *place] / 255)
            exact = colorsys.hsv_to_rgb((hue + shift) % 1, saturation, value)
            np.testing.assert_allclose(after[:, *place], 255 * np.array(exact), atol=0.501)
    assert (found[0] == 77).all()
    np.testing.assert_array_equal(jitter(images[:, :1], np.arange(40), 0, 0), images[:, :1])


def test_hue_leaves_the_other_draws_alone(images: np.ndarray) -> None:
    index = np.arange(40)
    with_hue, without = ColorJitter(hue=0.1), ColorJitter()
    np.testing.assert_array_equal(
        with_hue.factors(index, 0, 0)[:3], without.factors(index, 0, 0)[:3]
    )
    assert np.abs(with_hue.factors(index, 0, 0)[3]).max() <= 0.1
    assert not without.factors(index, 0, 0)[3].any()
    assert (with_hue(images, index, 0, 0) != without(images, index, 0, 0)).any()


def test_jitter_of_nothing_changes_nothing(images: np.ndarray) -> None:
    found = ColorJitter(0, 0, 0)(images, np.arange(40), 0, 0)
    np.testing.assert_array_equal(found, images)
    assert not np.shares_memory(found, images)
    grey = images[:, :1]
    found = ColorJitter(0, 0, 1)(grey, np.arange(40), 0, 0)
    np.testing.assert_array_equal(found, grey)  # which has no colour


def test_cutout_blackens_one_square(images: np.ndarray) -> None:
    found = Cutout(4)(images, np.arange(40), 0, 0)
    for before, after in zip(images, found, strict=True):
        cut = (after == 0).all(axis=0)
        rows, columns = np.flatnonzero(cut.any(1)), np.flatnonzero(cut.any(0))
        assert 2 <= len(rows) <= 4
        assert 2 <= len(columns) <= 4
        assert cut[np.ix_(rows, columns)].all()
        np.testing.assert_array_equal(after[:, ~cut], before[:, ~cut])


@pytest.mark.parametrize("shape", [(3, 9, 8), (1, 16, 16), (3, 1, 1), (2, 5, 20)])
def test_rotation_as_torch(shape: Any, torch: Any, rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (12, *shape), dtype=np.uint8)
    rotation, index = RandomRotation(90), np.arange(12)
    found = rotation(images, index, 0, 0)
    _, height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float64)
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    for i, turn in enumerate(np.radians(rotation.angles(index, 0, 0))):
        column = np.cos(turn) * x - np.sin(turn) * y
        row = np.sin(turn) * x + np.cos(turn) * y
        grid = torch.tensor(np.stack([2 * column / width, 2 * row / height], -1)[None])
        expected = torch.nn.functional.grid_sample(
            torch.tensor(images[i : i + 1].astype(np.float64)), grid, align_corners=False
        )
        # Places are multiples of 1/256 of a pixel, in both directions.
        assert np.abs(found[i] - expected[0].numpy()).max() <= 0.5 + 2 * 255 / 256


def test_a_quarter_turn_is_exact(images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    square = images[:, :, :8]
    for angle, turns in ((90, 1), (180, 2), (-90, 3), (0, 0)):
        monkeypatch.setattr(RandomRotation, "angles", lambda *_, a=angle: np.full(40, float(a)))
        found = RandomRotation(180)(square, np.arange(40), 0, 0)
        np.testing.assert_array_equal(found, np.rot90(square, turns, axes=(2, 3)))


def test_floats_go_the_same_way(images: np.ndarray) -> None:
    index = np.arange(40)
    for augment in (RandomRotation(), Cutout()):
        for dtype in (np.float32, np.float64):
            found = augment(images.astype(dtype), index, 0, 0)
            assert found.dtype == dtype
            assert np.abs(found - augment(images, index, 0, 0)).max() <= 0.501
    with pytest.raises(TypeError, match="ColorJitter: images are float32, expected uint8"):
        ColorJitter()(images.astype(np.float32), index, 0, 0)
    with pytest.raises(ValueError, match=r"ColorJitter: images have the shape \(40, 2, 9, 8\)"):
        ColorJitter()(images[:, :2], index, 0, 0)


def test_the_second_of_a_kind_draws_other_numbers(images: np.ndarray) -> None:
    """Two squares lay in the same place."""
    index = np.arange(40)
    one = (Cutout(3)(images, index, 0, 0) == 0).sum(axis=(1, 2, 3))
    two = (Compose([Cutout(3), Cutout(3)])(images, index, 0, 0) == 0).sum(axis=(1, 2, 3))
    assert (two > one).mean() > 0.6
    flat, nested = (
        Compose([Cutout(3)] * 3),
        Compose([Compose([Cutout(3)]), Compose([Cutout(3)] * 2)]),
    )
    np.testing.assert_array_equal(nested(images, index, 0, 0), flat(images, index, 0, 0))


def test_compose_of_one_or_none_is_that(images: np.ndarray) -> None:
    index = np.arange(40)
    for alone in (RandomCropFlip(), ColorJitter(), RandomRotation()):
        np.testing.assert_array_equal(
            Compose([alone])(images, index, 1, 2), alone(images, index, 1, 2)
        )
        np.testing.assert_array_equal(
            batches.gather(images, index, None, augment=Compose([alone])),
            batches.gather(images, index, None, augment=alone),
        )
    np.testing.assert_array_equal(Compose([])(images, index, 0, 0), images)
    own = Compose([lambda images, index, epoch, seed: images // 2, Cutout()])
    assert own(images, index, 0, 0).max() <= 127


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (Cutout(), r"steps is Cutout\(size=8\), expected a list of augmentations"),
        ("crop", "steps is 'crop', expected a list"),
        ([Cutout(), "flip"], r"steps\[1\] is 'flip', expected an augmentation"),
        ([Cutout], r"steps\[0\] is <class .*, expected an augmentation"),
        ([None], r"steps\[0\] is None, expected an augmentation"),
    ],
)
def test_what_cannot_be_composed(steps: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^Compose: {message}"):
        Compose(steps)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ColorJitter(-1), "ColorJitter: brightness is -1, expected a number from 0 up"),
        (lambda: ColorJitter(0, np.nan), "ColorJitter: contrast is nan, expected a number"),
        (lambda: ColorJitter(hue=0.6), "ColorJitter: hue is 0.6, expected a number from 0 to 0.5"),
        (lambda: ColorJitter(0, 0, "1"), "ColorJitter: saturation is '1', expected a number"),
        (lambda: Cutout(0), "Cutout: size is 0, expected an integer from 1 to"),
        (lambda: Cutout(1.5), r"Cutout: size is 1\.5, expected an integer"),
        (lambda: RandomRotation(181), "RandomRotation: degrees is 181, expected a number from 0"),
        (lambda: RandomRotation(True), "RandomRotation: degrees is True, expected a number"),
    ],
)
def test_arguments_that_are_refused(make: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        make()


def test_augmentations_by_name() -> None:
    assert augmentation("crop,flip") == augmentation(" flip , crop ") == RandomCropFlip()
    both = RandomCropFlip(2, "alternate", "reflect")
    assert augmentation("translate,alternate") == augmentation("alternate,translate") == both
    assert augmentation("none") is None
    assert augmentation("crop") == RandomCropFlip(flip=False)
    assert augmentation("flip") == RandomCropFlip(padding=0)
    several: Any = augmentation("jitter,flip,crop,mixup")
    assert [type(step).__name__ for step in several.steps] == [
        "ColorJitter", "RandomCropFlip", "MixUp",
    ]  # fmt: skip
    assert mixes(several)
    assert [name for name in AUGMENTATIONS if mixes(augmentation(name))] == ["mixup", "cutmix"]
    for names, message in (
        ("crop,flop", "augment: 'flop' is none of crop, flip"),
        ("", "augment: '' is none of crop"),
        ("crop,none", "augment: 'none' is none of"),
        ("crop,crop", "augment: 'crop' stands twice in 'crop,crop'"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            augmentation(names)

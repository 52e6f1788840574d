"""A crop depends on the seed, the epoch and the image's index, on nothing else."""

import numpy as np
import pytest

from cnnlite.data import Normalization, RandomCropFlip
from cnnlite.data._hash import hash64, integers
from cnnlite.data.batches import gather


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(1, 256, (40, 3, 8, 8), dtype=np.uint8)


def test_an_image_gets_the_same_crop_in_any_batch(images: np.ndarray) -> None:
    augment = RandomCropFlip(padding=2)
    index = np.arange(40) * 1000
    whole = augment(images, index, epoch=3, seed=7)
    order = np.random.default_rng(0).permutation(40)
    for batch in np.array_split(order, 7):
        np.testing.assert_array_equal(augment(images[batch], index[batch], 3, 7), whole[batch])


def test_epochs_seeds_and_indices_give_other_crops(images: np.ndarray) -> None:
    augment, index = RandomCropFlip(), np.arange(40)
    whole = augment(images, index, 0, 0)
    for other in (augment(images, index, 1, 0), augment(images, index, 0, 1)):
        assert (other != whole).any(axis=(1, 2, 3)).mean() > 0.9
    one = np.repeat(images[:1], 40, axis=0)
    assert len({image.tobytes() for image in augment(one, index, 0, 0)}) > 25


def test_every_offset_is_as_frequent_as_the_others() -> None:
    top, left, flip = RandomCropFlip(padding=2).offsets(np.arange(50_000), 0, 0)
    table = np.zeros((5, 5, 2))
    np.add.at(table, (top, left, flip), 1)
    assert ((table - 1000) ** 2 / 1000).sum() < 100, "chi-squared, 49 degrees of freedom"
    assert top.dtype == left.dtype == np.int32
    assert flip.dtype == np.uint8


def test_crops_are_windows_of_the_padded_image(images: np.ndarray) -> None:
    augment, index = RandomCropFlip(padding=3), np.arange(40)
    padded = np.pad(images, ((0, 0), (0, 0), (3, 3), (3, 3)))
    out = augment(images, index, 1, 2)
    for i, (top, left, flip) in enumerate(zip(*augment.offsets(index, 1, 2), strict=True)):
        window = padded[i, :, top : top + 8, left : left + 8]
        np.testing.assert_array_equal(out[i], window[..., ::-1] if flip else window)


def test_reflected_crops_are_windows_of_the_reflected_image(images: np.ndarray) -> None:
    augment, index = RandomCropFlip(padding=3, padding_mode="reflect"), np.arange(40)
    padded = np.pad(images, ((0, 0), (0, 0), (3, 3), (3, 3)), mode="reflect")
    for given in (images, images.astype(np.float32)):
        out = augment(given, index, 1, 2)
        for i, (top, left, flip) in enumerate(zip(*augment.offsets(index, 1, 2), strict=True)):
            window = padded[i, :, top : top + 8, left : left + 8]
            np.testing.assert_array_equal(out[i], window[..., ::-1] if flip else window)


def test_two_epochs_show_each_image_from_both_sides() -> None:
    augment, index = RandomCropFlip(padding=2, flip="alternate"), np.arange(2000)
    epochs = [augment.offsets(index, epoch, 5) for epoch in range(4)]
    sides = np.array([epoch.flip for epoch in epochs])
    assert 0.45 < sides[0].mean() < 0.55
    np.testing.assert_array_equal(sides[1], 1 - sides[0])
    np.testing.assert_array_equal(sides[2:], sides[:2])
    assert (augment.offsets(index, 0, 6).flip != sides[0]).any()
    part = augment.offsets(index[500::7], 1, 5)
    np.testing.assert_array_equal(part.flip, sides[1, 500::7])
    assert (epochs[0].top != epochs[2].top).any()  # the crops are drawn anew


def test_a_batch_and_its_steps_agree(images: np.ndarray) -> None:
    """The one kernel of `gather` does what augmentation and normalisation do one by one."""
    augment = RandomCropFlip(padding=2, flip="alternate", padding_mode="reflect")
    scale = Normalization.from_images(images)
    index = np.array([3, 0, 39, 7])
    found = gather(images, index, scale, augment=augment, epoch=1, seed=4)
    np.testing.assert_array_equal(found, scale.apply(augment(images[index], index, 1, 4)))


def test_images_too_small_to_be_reflected_and_unknown_words(images: np.ndarray) -> None:
    wide = RandomCropFlip(padding=8, padding_mode="reflect")
    message = "padding is 8, expected at most 7 for images"
    with pytest.raises(ValueError, match=message):
        wide(images, np.arange(40), 0, 0)
    with pytest.raises(ValueError, match=message):
        gather(images, np.arange(4), None, augment=wide)
    with pytest.raises(ValueError, match="flip is 'sometimes'"):
        RandomCropFlip(flip="sometimes")
    with pytest.raises(ValueError, match="padding_mode is 'edge'"):
        RandomCropFlip(padding_mode="edge")


def test_other_dtypes_go_the_same_way(images: np.ndarray) -> None:
    augment, index = RandomCropFlip(), np.arange(40)
    out = augment(images.astype(np.float64), index, 1, 2)
    assert out.dtype == np.float64
    np.testing.assert_array_equal(out, augment(images, index, 1, 2))


def test_no_padding_and_no_flip_change_nothing(images: np.ndarray) -> None:
    out = RandomCropFlip(padding=0, flip=False)(images, np.arange(40), 0, 0)
    np.testing.assert_array_equal(out, images)
    assert not np.shares_memory(out, images)


def test_any_strides_and_read_only(images: np.ndarray) -> None:
    augment, index = RandomCropFlip(), np.arange(20)
    images.flags.writeable = False
    expected = augment(images[::2].copy(), index, 0, 0)
    np.testing.assert_array_equal(augment(images[::2], index, 0, 0), expected)


def test_a_padding_that_is_no_integer() -> None:
    with pytest.raises(TypeError, match=r"padding is 1\.5, expected an integer"):
        RandomCropFlip(1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("padding", [-1, 2**21])
def test_a_wrong_padding(padding: int) -> None:
    with pytest.raises(ValueError, match=f"padding is {padding}"):
        RandomCropFlip(padding)


def test_the_hash_is_splitmix64() -> None:
    """The first number that splitmix64 gives for seed 0, as its authors' program prints it."""
    assert hash64(0).tolist() == [0xE220A8397B1DCDAF]


def test_the_hash_takes_any_integers() -> None:
    assert hash64(-1).tolist() == hash64(2**64 - 1).tolist() == hash64(np.int32(-1)).tolist()
    assert hash64(1, 2).tolist() != hash64(2, 1).tolist()
    assert hash64(np.arange(3)[:, None], np.arange(4)).shape == (3, 4)
    with pytest.raises(TypeError, match="float64"):
        hash64(1.5)


def test_integers_cover_their_range() -> None:
    drawn = integers(hash64(np.arange(1000)), -3, 4)
    assert sorted(set(drawn.tolist())) == list(range(-3, 4))
    edges = np.array([0, 2**64 - 1], np.uint64)
    assert integers(edges, -3, 4).tolist() == [-3, 3]

"""gather gives the same batch on its fast way and step by step."""

import numpy as np
import pytest

from cnnlite.data import Normalization, RandomCropFlip
from cnnlite.data.batches import epoch_order, gather


@pytest.fixture
def X(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (50, 3, 8, 6), dtype=np.uint8)


INDEX = np.array([7, 0, 49, 7, 3])


class Slowly(RandomCropFlip):
    """The same crops, but not the exact type that the kernel knows."""


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["channel", "image", None])
@pytest.mark.parametrize("augment", [None, RandomCropFlip(2), RandomCropFlip(9, flip=False)])
def test_the_fast_way_gives_the_same_bits(X, dtype, kind, augment) -> None:
    normalization = kind and Normalization.from_images(X, kind)
    fast = gather(X, INDEX, normalization, dtype, augment, epoch=2, seed=5)
    images = X[INDEX] if augment is None else augment(X[INDEX], INDEX, 2, 5)
    by_hand = images.astype(dtype)
    if normalization:
        by_hand = by_hand * normalization.scale.astype(dtype) + normalization.shift.astype(dtype)
    assert fast.dtype == dtype
    np.testing.assert_array_equal(fast, by_hand)
    step_by_step = augment and Slowly(augment.padding, augment.flip)
    np.testing.assert_array_equal(
        gather(np.asfortranarray(X), INDEX, normalization, dtype, step_by_step, 2, 5), fast
    )


def test_writes_to_out(X: np.ndarray) -> None:
    out = np.empty((5, 3, 8, 6), np.float32)
    for augment in (None, Slowly()):
        assert gather(X, INDEX, None, np.float32, augment, out=out) is out
    np.testing.assert_array_equal(gather(X, INDEX, None, out=out), X[INDEX])


def test_floats_pass_through(rng: np.random.Generator) -> None:
    for X in (rng.normal(size=(20, 3, 4, 4)), rng.normal(size=(20, 7)).astype(np.float32)):
        out = gather(X, INDEX[[0, 1, 3]], None, X.dtype)
        np.testing.assert_array_equal(out, X[INDEX[[0, 1, 3]]])


def test_a_function_of_ones_own(X: np.ndarray) -> None:
    def darken(images: np.ndarray, index: np.ndarray, epoch: int, seed: int) -> np.ndarray:
        assert (epoch, seed, index.tolist()) == (4, 9, INDEX.tolist())
        return images // 2

    normalization = Normalization.from_images(X)
    out = gather(X, INDEX, normalization, augment=darken, epoch=4, seed=9)
    np.testing.assert_array_equal(out, normalization.apply(X[INDEX] // 2))


def test_an_empty_batch(X: np.ndarray) -> None:
    assert gather(X, INDEX[:0], None).shape == (0, 3, 8, 6)


@pytest.mark.parametrize("index", [[-1], [50], [0, 2**40], [-(2**63)]])
@pytest.mark.parametrize("floats", [False, True])
def test_indices_out_of_range(X: np.ndarray, index: list[int], floats: bool) -> None:
    with pytest.raises(ValueError, match=r"gather: index holds .* expected 0 to 49"):
        gather(X.astype(np.float32) if floats else X, np.array(index), None)


def test_wrong_arguments(X: np.ndarray) -> None:
    with pytest.raises(TypeError, match="index is float64"):
        gather(X, np.zeros(3), None)
    with pytest.raises(TypeError, match="index is bool"):
        gather(X, np.ones(50, bool), None)
    with pytest.raises(TypeError, match=r"gather: dtype is .*float16"):
        gather(X, INDEX, None, np.float16)
    for out in (np.empty((4, 3, 8, 6), np.float32), np.empty((5, 3, 8, 6))):
        with pytest.raises(ValueError, match="gather: out is"):
            gather(X, INDEX, None, out=out)
    with pytest.raises(ValueError, match=r"augment returned \(5, 3, 7, 6\)"):
        gather(X, INDEX, None, augment=lambda images, *_: images[:, :, 1:])
    with pytest.raises(ValueError, match="do not fit"):
        gather(X[:, :2].copy(), INDEX, Normalization.from_images(X))


def test_an_order_is_a_permutation_of_its_own() -> None:
    orders = [epoch_order(100, epoch, seed) for epoch, seed in ((0, 0), (1, 0), (0, 1))]
    for order in orders:
        assert order.dtype == np.int64
        assert sorted(order.tolist()) == list(range(100))
    np.testing.assert_array_equal(orders[0], epoch_order(100, 0, 0))
    assert len({order.tobytes() for order in orders}) == 3

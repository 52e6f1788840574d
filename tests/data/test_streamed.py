"""Pictures that are decoded for each batch are those that are decoded once, and are not kept."""

from __future__ import annotations

import pickle
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import Solver
from cnnlite.data import DataError, decode_state, decoding, streamed
from cnnlite.data.errors import DataChanged
from cnnlite.data.folder import folder
from cnnlite.data.stored import StoredArray
from cnnlite.models import softmax_classifier
from tests.data.folders import class_folders, picture

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return class_folders(tmp_path / "pictures", {"cat": 20, "dog": 10})


def losses(data: Any) -> list[float]:
    solver = Solver(
        softmax_classifier(2, (3, 8, 8), rng=0), data, batch_size=4, num_epochs=2, verbose=False
    )
    solver.train()
    return [*solver.loss_history, *solver.val_loss_history]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_training_has_the_bits_of_one_on_the_cache(root: Path, workers: int) -> None:
    kept, found = folder(root, size=8), folder(root, size=8, stream=True, workers=workers)
    assert isinstance(found["X_train"], StoredArray)
    for key in kept:
        assert found[key].shape == kept[key].shape
        np.testing.assert_array_equal(found[key][:], kept[key])
    assert found.files == kept.files
    assert found.settings == kept.settings
    assert kept.normalization is not None
    assert found.normalization is not None
    np.testing.assert_array_equal(found.normalization.scale, kept.normalization.scale)
    np.testing.assert_array_equal(found.normalization.shift, kept.normalization.shift)
    assert losses(found) == losses(kept)


def test_other_processes_can_be_given_it(root: Path) -> None:
    found = folder(root, size=8, stream=True)
    given = pickle.loads(pickle.dumps(found["X_train"]))
    np.testing.assert_array_equal(given[:], found["X_train"][:])


def test_no_pixels_are_kept_and_pictures_are_looked_at_once(root: Path, own_cache: Path) -> None:
    seen: list[int] = []

    def progress(have: int, total: int) -> None:
        seen.append(total)

    folder(root, size=8, stream=True, progress=progress)
    assert seen
    (about,) = own_cache.iterdir()
    assert about.stat().st_size < 1000
    del seen[:]
    folder(root, size=8, stream=True, progress=progress)
    assert not seen
    picture(root / "cat" / "000.png", 9)
    folder(root, size=8, stream=True, progress=progress)
    assert seen
    assert len(list(own_cache.iterdir())) == 1


def test_broken_pictures_are_left_out_and_the_others_keep_their_numbers(root: Path) -> None:
    for name in ("cat/003", "dog/004"):
        (root / f"{name}.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"cat/003\.png cannot be read"):
        folder(root, size=8, stream=True)
    with pytest.warns(UserWarning, match=r"2 broken pictures left out: .*003.*004"):
        kept = folder(root, size=8, skip_broken=True)
    with pytest.warns(UserWarning, match=r"2 broken pictures left out: .*003.*004"):
        found = folder(root, size=8, skip_broken=True, stream=True)
    np.testing.assert_array_equal(found["X_train"][:], kept["X_train"])
    assert found.files == kept.files


def test_pictures_of_their_own_size(root: Path) -> None:
    assert folder(root, size=None, stream=True).image_shape == (3, 40, 40)
    picture(root / "cat" / "002.png", 9, size=(40, 30))
    with pytest.raises(DataError, match=r"002\.png has 30x40 pixels, others have 40x40"):
        folder(root, size=None, stream=True)


@pytest.mark.parametrize("change", ["broken", "removed"])
def test_a_picture_that_changes_while_it_is_trained_on_is_named(root: Path, change: str) -> None:
    data = folder(root, size=8, stream=True)
    assert data.files is not None
    name = data.files["train"][5]
    (root / name).unlink() if change == "removed" else (root / name).write_bytes(b"other")
    before = threading.active_count()
    word = "removed" if change == "removed" else "changed"
    with pytest.raises(DataChanged, match=rf"{Path(name).name} was {word} while"):
        losses(data)
    deadline = time.monotonic() + 60
    while any(t.name.startswith("cnnlite-read") for t in threading.enumerate()):
        assert time.monotonic() < deadline
    assert threading.active_count() <= before + 2 * 4  # threads of the pictures wait for more


def test_what_an_interrupted_look_has_seen_is_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "BLOCK", 2)
    monkeypatch.setattr(decode_state, "SECONDS", 0)
    first: list[int] = []

    def stop(have: int, total: int) -> None:
        if have >= 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder(root, size=8, stream=True, workers=1, progress=stop)
    found = folder(
        root, size=8, stream=True, workers=1, progress=lambda have, total: first.append(have)
    )
    assert first[0] == 14
    kept = folder(root, size=8)
    assert found.mean == kept.mean
    assert found.std == kept.std


def test_many_pictures_are_looked_at_by_processes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "PROCESSES_FROM", 1)
    (root / "dog" / "001.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="1 broken"):
        found = folder(root, size=8, stream=True, skip_broken=True, workers=2)
    with pytest.warns(UserWarning, match="1 broken"):
        assert found.std == folder(root, size=8, skip_broken=True, workers=2).std


def test_without_a_cache_folder_it_works_all_the_same(root: Path, own_cache: Path) -> None:
    own_cache.write_text("a file")
    with pytest.warns(UserWarning, match="looks at all pictures again.*CNNLITE_CACHE"):
        found = folder(root, size=8, stream=True)
    assert found["X_val"][0].shape == (3, 8, 8)


def test_what_pillow_finds_odd_is_read_all_the_same(root: Path, monkeypatch: Any) -> None:
    """Filters of warnings belong to the process, and a batch is decoded by several threads."""
    odd = root / "cat" / "005.png"
    plain = folder(root, size=8, stream=True)
    decode_block = streamed.decode_block

    def warned(*args: Any) -> Any:
        warnings.warn_explicit("odd", UserWarning, str(odd), 1, module="PIL.Image")
        return decode_block(*args)

    monkeypatch.setattr(streamed, "decode_block", warned)
    assert len(plain["X_train"][:4]) == 4
    assert len(warnings.filters) == len({str(f) for f in warnings.filters})

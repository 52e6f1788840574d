"""Data larger than memory: the next batches are read while a step runs, to the same bits."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.callbacks import Callback
from cnnlite.data import Dataset, MixUp, Normalization, ahead, batches, mapped
from cnnlite.data.ahead import in_batches, read_ahead
from cnnlite.data.errors import DataChanged
from cnnlite.data.stored import Part, StoredArray, stored
from cnnlite.models import softmax_classifier
from cnnlite.solver import Solver
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


class Source:
    """Notes what is read, and by which thread."""

    def __init__(self, array: np.ndarray, chunks: tuple[int, ...] | None = None) -> None:
        self.array, self.shape, self.dtype, self.chunks = array, array.shape, array.dtype, chunks
        self.reads: list[tuple[bool, int]] = []

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        self.reads.append((threading.current_thread() is threading.main_thread(), len(index)))
        return self.array[index]


@pytest.fixture(scope="module")
def expected() -> str:
    solver = trainings.solver()
    solver.train()
    return trainings.fingerprint(solver)


def mapped_file(path: Path, array: np.ndarray, order: Any = "C", mode: Any = "r") -> np.memmap:
    np.save(path, np.asarray(array, order=order))
    return np.load(path, mmap_mode=mode)


def zarr_of(path: Path, array: np.ndarray, rows: int) -> Any:
    zarr = pytest.importorskip("zarr")
    chunks = (rows, *array.shape[1:])
    kept = zarr.create_array(path, shape=array.shape, chunks=chunks, dtype=array.dtype)
    kept[...] = array
    return kept


KINDS: dict[str, Callable[[Path, np.ndarray], Any]] = {
    "read-only map": lambda path, array: mapped_file(path / "a.npy", array),
    "private map": lambda path, array: mapped_file(path / "b.npy", array, mode="c"),
    "Fortran map": lambda path, array: mapped_file(path / "c.npy", array, order="F"),
    "every other": lambda path, array: mapped_file(path / "d.npy", array.repeat(2, 0))[::2],
    "zarr": lambda path, array: zarr_of(path / "e.zarr", array, 7),
    "zarr, one by one": lambda path, array: zarr_of(path / "f.zarr", array, 1),
    "a source": lambda path, array: Source(array),
    "a source in chunks": lambda path, array: Source(array, (9,)),
    "a part": lambda path, array: Part(array, np.arange(len(array))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_has_the_bits_of_one_on_arrays(kind: str, tmp_path: Path, expected: str) -> None:
    data = {}
    for key, array in trainings.data().items():
        (tmp_path / key).mkdir()
        data[key] = KINDS[kind](tmp_path / key, array)
    solver = trainings.solver(data=data)
    solver.train()
    assert trainings.fingerprint(solver) == expected


@pytest.mark.parametrize("options", [{"batch_size": 1}, {"batch_size": 32, "drop_last": True}])
def test_batches_of_one_and_without_the_short_last_one(options: dict[str, Any]) -> None:
    found = []
    for kind in (np.asarray, Source, lambda array: Source(array, (9,))):
        data = {key: kind(array) for key, array in trainings.data(33, 10).items()}
        solver = Solver(softmax_classifier(4, (3, 8, 8), rng=0), data, verbose=False, **options)
        solver.num_epochs = 1
        solver.train()
        found.append((solver.loss_history, solver.val_loss_history))
    assert found[0] == found[1] == found[2]


def test_a_training_that_goes_on_within_an_epoch_has_the_same_bits(
    tmp_path: Path, expected: str
) -> None:
    class Stop(Callback):
        def after_step(self, solver: Any) -> None:
            if solver.step == 7:
                solver.control.stop()

    data = {key: Source(array, (9,)) for key, array in trainings.data().items()}
    stopped = trainings.solver(data=data, checkpoint=tmp_path / "c", callbacks=[Stop()])
    stopped.train()
    assert stopped.step == 7
    solver = trainings.solver(data=data, checkpoint=tmp_path / "c")
    solver.resume()
    assert trainings.fingerprint(solver) == expected


def order_of(count: int) -> np.ndarray:
    return batches.epoch_order(count, 0, 0)


def test_chunks_are_read_for_many_batches_together() -> None:
    """A shuffled batch touches as many chunks as it has images, and decoded each of them."""
    array = np.arange(4096, dtype=np.float32).reshape(-1, 1)
    source = Source(array, (64, 1))
    X = StoredArray(source, "X")
    del source.reads[:]
    for index in read_ahead(X, in_batches(order_of(4096), 32)):
        np.testing.assert_array_equal(X[index], array[index])
    sizes = [size for _, size in source.reads]
    assert sizes[:4] == [32, 64, 128, 256]
    assert len(sizes) == 8
    assert not any(main for main, _ in source.reads)


def test_windows_of_chunks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "WINDOW_BYTES", 4 * 100)
    source = Source(np.zeros((1000, 1), np.float32), (64, 1))
    for _ in read_ahead(StoredArray(source, "X"), in_batches(order_of(1000), 32)):
        pass
    assert max(size for _, size in source.reads) <= 100


def test_at_most_two_batches_are_read_ahead() -> None:
    source = Source(np.zeros((1000, 2), np.float32))
    X = StoredArray(source, "X")
    for taken, index in enumerate(read_ahead(X, in_batches(order_of(1000), 10))):
        assert len(X[index]) == 10
        assert len(source.reads) <= 1 + taken + 3


def test_the_next_batch_is_read_while_a_step_runs() -> None:
    """A slow disk costs nothing as long as a batch takes no longer than a step."""
    arrived = threading.Semaphore(0)

    class Announced(Source):
        def __getitem__(self, index: np.ndarray) -> np.ndarray:
            arrived.release()
            return super().__getitem__(index)

    X = StoredArray(Announced(np.zeros((64, 2), np.float32)), "X")
    assert arrived.acquire(timeout=0)  # by the check of its first and last image
    for index in read_ahead(X, in_batches(np.arange(64), 8)):
        if index[0] == 0:  # while the first step "runs", two more batches are read
            assert all(arrived.acquire(timeout=60) for _ in range(3))


@pytest.mark.parametrize("chunks", [None, (9,)])
def test_partners_of_mixed_images_are_read_ahead_too(chunks: Any) -> None:
    data = trainings.data()
    source = Source(data["X_train"], chunks)
    images = Normalization.from_images(data["X_train"])
    solver = trainings.solver(
        data=Dataset({**data, "X_train": source}, "abcd", images), augment=MixUp(), num_epochs=1
    )

    class Begin(Callback):
        def before_epoch(self, training: Any) -> None:
            del source.reads[:]

        def after_step(self, training: Any) -> None:
            assert not any(main for main, _ in source.reads)

    solver.callbacks.append(Begin())
    solver.train()
    assert source.reads


def test_what_goes_wrong_in_the_thread_is_told_where_the_batch_is_asked_for() -> None:
    class Broken(Source):
        def __getitem__(self, index: np.ndarray) -> np.ndarray:
            if 50 in index:
                raise OSError(5, "Input/output error", "disk")
            return super().__getitem__(index)

    before = threading.active_count()
    X = StoredArray(Broken(np.zeros((64, 2), np.float32)), "X")
    indices = read_ahead(X, in_batches(np.arange(64), 8))
    for index in islice(indices, 6):
        assert len(X[index]) == 8
    index = next(indices)
    with pytest.raises(OSError, match="disk"):
        X[index]
    indices.close()
    assert threading.active_count() == before
    assert X.held is None


def test_a_reader_that_stays_in_its_thread_is_read_without_reading_ahead() -> None:
    class Here(Source):
        def __getitem__(self, index: np.ndarray) -> np.ndarray:
            if threading.current_thread() is not threading.main_thread():
                raise RuntimeError("objects can only be used in the thread that made them")
            return super().__getitem__(index)

    array = np.arange(64, dtype=np.float32).reshape(-1, 1)
    X = StoredArray(Here(array), "X")
    found = np.concatenate([X[index] for index in read_ahead(X, in_batches(np.arange(64), 8))])
    np.testing.assert_array_equal(found, array)


def test_memory_is_that_of_a_few_batches_for_a_million_images() -> None:
    class Endless:
        """A million images, made when they are asked for."""

        shape, dtype = (1_000_000, 3, 32, 32), np.dtype(np.uint8)

        def __getitem__(self, index: np.ndarray) -> np.ndarray:
            images = np.empty((len(index), *self.shape[1:]), np.uint8)
            images[...] = index[:, None, None, None] % 256
            return images

    peaks = []

    class Stop(Callback):
        def after_step(self, solver: Any) -> None:
            peaks.append(tracemalloc.get_traced_memory()[1])
            if solver.step == 40:
                solver.control.stop()

    ones = np.ones((3, 1, 1), np.float32)
    y = np.zeros(1_000_000, np.uint8)
    arrays = {"X_train": Endless(), "y_train": y, "X_val": Endless(), "y_val": y}
    data = Dataset(arrays, ["a", "b"], Normalization(ones, ones))
    solver = Solver(softmax_classifier(num_classes=2), data, callbacks=[Stop()], verbose=False)
    tracemalloc.start()
    try:
        solver.train()
    finally:
        tracemalloc.stop()
    # The order of an epoch takes 8 MB, and 16 while it is made; a batch takes 0.4 as pixels.
    assert peaks[-1] < 32e6
    assert peaks[-1] - peaks[4] < 1e6


class TestMappedFiles:
    def resident(self) -> int:
        """The bytes of files that are mapped and in this process's memory."""
        lines = Path("/proc/self/status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("RssFile"))
        return 1024 * int(line.split()[1])

    @pytest.mark.parametrize("read", ["batches", "sums", "a part"])
    def test_pages_are_given_back(
        self, read: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A process that trained on a large map seemed to grow until all of it was resident."""
        if not Path("/proc/self/status").exists():
            pytest.skip("not Linux")
        monkeypatch.setattr(mapped, "LARGE", 2**20)
        monkeypatch.setattr(mapped, "KEPT", 2**21)
        X = np.memmap(tmp_path / "x", np.uint8, "w+", shape=(6000, 3, 32, 32))  # 18 MB of holes
        part = stored("test", "X", Part(X, np.arange(len(X))))
        before, highest = self.resident(), 0
        if read == "sums":
            Normalization.from_images(X)
        else:
            for index in read_ahead(X, in_batches(order_of(len(X)), 64)):
                batches.gather(part if read == "a part" else X, index, None)
                highest = max(highest, self.resident())
        assert max(highest, self.resident()) - before < 9e6

    def test_nothing_that_was_changed_is_lost(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mapped, "LARGE", 0)
        monkeypatch.setattr(mapped, "KEPT", 0)
        for mode in ("r+", "c"):
            X = mapped_file(tmp_path / "x.npy", np.zeros((50, 1, 8, 8), np.uint8), mode=mode)
            X[:] = 7
            for index in [np.arange(10), np.arange(20, 40)] * 2:
                assert (batches.gather(X, index, None) == 7).all()
            assert (X == 7).all()

    def test_a_file_that_was_cut_off_is_an_error(self, tmp_path: Path) -> None:
        """Reading behind its end would end the process: SIGBUS."""
        X = mapped_file(tmp_path / "x.npy", np.zeros((70, 3, 64, 64), np.uint8))
        data = {**trainings.data(), "X_train": X[:60]}
        batches.gather(X, np.arange(8), None)
        with open(tmp_path / "x.npy", "r+b") as file:
            file.truncate(2**17)
        with pytest.raises(DataChanged, match=r"x\.npy has 131,072 bytes, and had 860,288"):
            batches.gather(data["X_train"], np.arange(8), None)
        with pytest.raises(DataChanged, match="cut off"):
            stored("test", "X", Part(X, np.arange(60)))
        with pytest.raises(DataChanged, match="cut off"):
            Normalization.from_images(X)

    def test_the_pages_of_the_next_batches_are_asked_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """From the first batch on that waited for the disk."""
        X = mapped_file(tmp_path / "x.npy", np.zeros((64, 3, 32, 32), np.uint8))[4:]
        faults, asked = iter([0, 0, 3]), []
        monkeypatch.setattr(ahead, "major_faults", lambda: next(faults))
        monkeypatch.setattr(ahead, "will_need", lambda X, index: asked.append(index.tolist()))
        found = [index.tolist() for index in read_ahead(X, in_batches(np.arange(60), 10))]
        assert list(chain(*found)) == list(range(60))
        assert asked == found[4:]
        mapped.will_need(X, np.array([5, 0, 59]))  # all of them inside the map

    def test_pages_of_neighbours_are_asked_for_at_once(self) -> None:
        page = mapped.mmap.PAGESIZE
        rows = [(10, 100), (200, page), (2 * page, 5), (9 * page + 1, 7)]
        found = list(mapped._pages(rows))
        assert found == [(0, 2 * page + 5), (9 * page, 9 * page + 8)]
        assert all(a[1] <= b[0] for a, b in pairwise(found))

    def test_an_array_in_memory_is_in_no_file(self, tmp_path: Path) -> None:
        X = mapped_file(tmp_path / "x.npy", np.zeros((8, 2)))
        assert mapped.mapped_root(np.zeros(3)) is None
        assert mapped.mapped_root(X[np.array([1, 2])]) is None
        root = mapped.mapped_root(np.asarray(X)[2:].reshape(-1))
        assert root is not None
        assert root.shape == (8, 2)

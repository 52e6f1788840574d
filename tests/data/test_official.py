"""MNIST, Fashion-MNIST, CIFAR-100 and SVHN are read from their official files."""

import contextlib
import gzip
import os
import pickle
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cnnlite.data import DataError, Dataset, cifar100, fashion_mnist, load, mnist, svhn
from cnnlite.data.cifar100 import read_part
from cnnlite.data.mat import read_mat
from cnnlite.data.mnist import read_idx
from tests.data.official import FINE, idx, mat, write_cifar100, write_mnist, write_svhn


def in_order(data: Dataset) -> dict[bytes, int]:
    """The label of each training and validation image, by its bytes."""
    pairs = [
        (image.tobytes(), int(label))
        for part in ("train", "val")
        for image, label in zip(data[f"X_{part}"], data[f"y_{part}"], strict=True)
    ]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def assert_holds(data: Dataset, train: tuple, test: tuple) -> None:
    images, labels = train
    expected = {image.tobytes(): int(label) for image, label in zip(images, labels, strict=True)}
    assert in_order(data) == expected
    np.testing.assert_array_equal(data["X_test"].reshape(test[0].shape), test[0])
    np.testing.assert_array_equal(data["y_test"], test[1])
    counts = np.bincount(data["y_val"])
    assert counts.min() == counts.max() > 0, "each class in the same proportion"
    assert data["X_train"].dtype == np.uint8
    assert data["y_train"].dtype == np.int64


class TestMnist:
    @pytest.mark.parametrize("compressed", [True, False])
    @pytest.mark.parametrize("place", ["", "mnist", "MNIST/raw"])
    def test_wherever_it_lies(self, tmp_path: Path, rng, compressed: bool, place: str) -> None:
        content = write_mnist(tmp_path / place, rng, compressed)
        data = mnist(tmp_path)
        assert data.image_shape == (1, 28, 28)
        assert data.class_names == tuple("0123456789")
        assert (data.name, data.settings["kind"]) == ("mnist", "mnist")
        assert data.settings["grey"]
        assert_holds(
            data,
            (content["train-images-idx3"], content["train-labels-idx1"]),
            (content["t10k-images-idx3"], content["t10k-labels-idx1"]),
        )

    @pytest.mark.parametrize("place", ["fashion-mnist", "FashionMNIST/raw"])
    def test_fashion_has_folders_of_its_own(self, tmp_path: Path, rng, place: str) -> None:
        write_mnist(tmp_path / "mnist", rng)
        content = write_mnist(tmp_path / place, rng)
        data = fashion_mnist(tmp_path)
        assert data.class_names[0] == "T-shirt/top"
        np.testing.assert_array_equal(data["X_test"][:, 0], content["t10k-images-idx3"])
        assert load("fashion-mnist", tmp_path).name == "fashion-mnist"

    def test_the_division_is_by_seed_and_share(self, tmp_path: Path, rng) -> None:
        write_mnist(tmp_path, rng)
        halves = mnist(tmp_path, val=0.5)
        assert np.bincount(halves["y_val"]).tolist() == [5] * 10
        first, other = (mnist(tmp_path, seed=seed)["X_val"] for seed in (0, 1))
        assert not np.array_equal(first, other)
        np.testing.assert_array_equal(first, mnist(tmp_path, cache=False)["X_val"])

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("images-idx3", b"", "begins with b''"),
            ("images-idx3", b"\0\0\x0d\3" + bytes(12), "which is not that of an array of bytes"),
            ("images-idx3", b"\0\0\x08\3\0\0", "it ends in its shape"),
            ("images-idx3", b"\0\0\x08\3" + b"\xff" * 12, r"claims \d+ bytes"),
            ("images-idx3", idx(np.zeros((3, 28, 28)))[:-1], "2351 bytes, expected 2352"),
            ("images-idx3", idx(np.zeros((3, 28, 28))) + b"x", "more bytes, expected 2352"),
            ("images-idx3", idx(np.zeros((3, 28, 27))), r"\(3, 28, 27\), expected \(N, 28, 28\)"),
            ("labels-idx1", idx(np.zeros(3)), "expected a label for each of the 100 images"),
            ("labels-idx1", idx(np.full(100, 10)), "label 10, expected 0 to 9"),
            ("labels-idx1", b"\x1f\x8b damaged", "is damaged, or no IDX file"),
            ("labels-idx1", b"<html>404</html>", "is damaged, or no IDX file"),
        ],
    )
    def test_damaged_files_are_named(self, tmp_path: Path, rng, name, content, message) -> None:
        write_mnist(tmp_path, rng, compressed=False)
        (tmp_path / f"train-{name}-ubyte").write_bytes(content)
        with pytest.raises(DataError, match=f"train-{name}-ubyte.*{message}"):
            mnist(tmp_path)

    def test_a_small_file_that_unpacks_to_much_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb.gz"
        path.write_bytes(gzip.compress(idx(np.zeros(10)) + bytes(50 * 2**20)))
        with pytest.raises(DataError, match="more bytes, expected 10"):
            read_idx(path)

    def test_what_is_missing_is_named(self, tmp_path: Path, rng) -> None:
        with pytest.raises(FileNotFoundError, match=r"MNIST is not in .*cnnlite data fetch mnist"):
            mnist(tmp_path)
        write_mnist(tmp_path, rng)
        (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
        with pytest.raises(FileNotFoundError, match=r"t10k-labels-idx1-ubyte\.gz is missing"):
            mnist(tmp_path)


class TestCifar100:
    @pytest.mark.parametrize("binary", [False, True])
    @pytest.mark.parametrize("inner", [False, True])
    def test_both_versions(self, tmp_path: Path, rng, binary: bool, inner: bool) -> None:
        parts = write_cifar100(tmp_path, rng, binary)
        data = cifar100(next(tmp_path.iterdir()) if inner else tmp_path, val=0.34)
        assert data.class_names == tuple(FINE)
        assert_holds(data, parts["train"], parts["test"])

    @pytest.mark.parametrize("protocol", [2, 3, 4, 5])
    def test_pickles_of_any_protocol(self, tmp_path: Path, rng, protocol: int) -> None:
        parts = write_cifar100(tmp_path, rng, protocol=protocol)
        np.testing.assert_array_equal(cifar100(tmp_path)["y_test"], parts["test"][1])

    def test_a_file_of_the_official_size_is_not_too_long(self, tmp_path: Path, rng) -> None:
        """It has five times the instructions of one of CIFAR-10's batches."""
        number = 50_000
        content = {
            "filenames": [f"p_{i:06d}.png" for i in range(number)],
            "fine_labels": [i % 100 for i in range(number)],
            "coarse_labels": [i % 20 for i in range(number)],
            "data": np.zeros((number, 3072), np.uint8),
        }
        (tmp_path / "train").write_bytes(pickle.dumps(content, 2))
        images, labels = read_part(tmp_path / "train")
        assert images.shape == (number, 3, 32, 32)
        assert labels.max() == 99

    @pytest.mark.parametrize("binary", [False, True])
    @pytest.mark.parametrize("cache", [False, True])
    def test_in_its_archive(self, tmp_path: Path, rng, binary: bool, cache: bool) -> None:
        parts = write_cifar100(tmp_path / "x", rng, binary)
        version = "binary" if binary else "python"
        box = tmp_path / "box"
        box.mkdir()
        with tarfile.open(box / f"cifar-100-{version}.tar.gz", "w:gz") as tar:
            tar.add(tmp_path / "x" / f"cifar-100-{version}", f"cifar-100-{version}")
        data = cifar100(box, cache=cache)
        np.testing.assert_array_equal(data["X_test"].reshape(-1, 3072), parts["test"][0])

    def test_code_in_a_pickle_is_refused_and_not_run(self, tmp_path: Path, rng) -> None:
        write_cifar100(tmp_path, rng)
        path = tmp_path / "cifar-100-python" / "train"
        path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path).encode() + b"/ran'\ntR.")
        with pytest.raises(DataError, match=r"train is damaged, or no CIFAR file"):
            cifar100(tmp_path)
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"fine_labels": None}, "'fine_labels' is no list of integers"),
            ({"fine_labels": ["a"] * 100}, "'fine_labels' is no list of integers"),
            ({"fine_labels": [100] * 100}, "labels 100 to 100, expected 0 to 99"),
            ({"fine_labels": [1]}, "100 images and 1 labels"),
            ({"data": np.zeros((100, 3071), np.uint8)}, r"'data' is \(100, 3071\)"),
            ({"data": []}, "'data' is list"),
        ],
    )
    def test_other_contents_are_refused(self, tmp_path: Path, rng, change, message) -> None:
        parts = write_cifar100(tmp_path, rng)
        content = {"fine_labels": parts["test"][1].tolist(), "data": parts["test"][0], **change}
        (tmp_path / "cifar-100-python" / "test").write_bytes(pickle.dumps(content, 2))
        with pytest.raises(DataError, match=f"test.*{message}"):
            cifar100(tmp_path)

    @pytest.mark.parametrize("names", [None, [], FINE[:99], [*FINE[:99], FINE[0]], [3] * 100])
    def test_odd_names_of_classes_are_refused(self, tmp_path: Path, rng, names) -> None:
        write_cifar100(tmp_path, rng)
        meta = tmp_path / "cifar-100-python" / "meta"
        meta.write_bytes(pickle.dumps({"fine_label_names": names}, 2))
        with pytest.raises(DataError, match="meta "):
            cifar100(tmp_path)

    def test_a_binary_file_that_is_cut_off(self, tmp_path: Path, rng) -> None:
        write_cifar100(tmp_path, rng, binary=True)
        path = tmp_path / "cifar-100-binary" / "train.bin"
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(DataError, match=r"train\.bin.*whole number of records of 3074"):
            cifar100(tmp_path)

    def test_what_is_missing_is_named(self, tmp_path: Path, rng) -> None:
        with pytest.raises(FileNotFoundError, match=r"CIFAR-100 is not in .*fetch cifar100"):
            cifar100(tmp_path)
        write_cifar100(tmp_path, rng)
        (tmp_path / "cifar-100-python" / "meta").unlink()
        with pytest.raises(FileNotFoundError, match="meta is missing"):
            cifar100(tmp_path)


class TestSvhn:
    @pytest.mark.parametrize("place", ["", "svhn"])
    @pytest.mark.parametrize("form", [{}, {"compressed": False}, {"order": ">"}])
    def test_wherever_it_lies(self, tmp_path: Path, rng, place: str, form) -> None:
        content = write_svhn(tmp_path / place, rng, **form)
        data = svhn(tmp_path)
        (X, y), (X_test, y_test) = content["train"], content["test"]
        assert_holds(
            data,
            (X.transpose(3, 2, 0, 1), y[:, 0] % 10),
            (X_test.transpose(3, 2, 0, 1), y_test[:, 0] % 10),
        )

    @pytest.mark.parametrize("stored", ["", "u1", "u2", "i4"])
    @pytest.mark.parametrize("order", ["<", ">"])
    def test_numbers_are_stored_in_fewer_bytes_than_they_are_of(self, tmp_path, stored, order):
        arrays = {"a": np.arange(6.0).reshape(2, 3), "long_name": np.array([[7.0]])}
        (tmp_path / "x.mat").write_bytes(mat(arrays, order=order, stored=stored))
        found = read_mat(tmp_path / "x.mat", 10_000)
        assert found.keys() == arrays.keys()
        for name in arrays:
            np.testing.assert_array_equal(found[name], arrays[name])

    def test_agrees_with_scipy(self, tmp_path: Path, rng) -> None:
        io = pytest.importorskip("scipy.io")
        X, y = rng.integers(0, 256, (32, 32, 3, 9), dtype=np.uint8), np.arange(9.0)[:, None]
        for compressed in (False, True):
            io.savemat(tmp_path / "x.mat", {"X": X, "y": y}, do_compression=compressed)
            found = read_mat(tmp_path / "x.mat", 10**6)
            np.testing.assert_array_equal(found["X"], X)
            np.testing.assert_array_equal(found["y"], y)

    def test_damaged_files_are_named(self, tmp_path: Path, rng) -> None:
        write_svhn(tmp_path, rng)
        path = tmp_path / "train_32x32.mat"
        whole = path.read_bytes()
        contents = (b"", b"x" * 200, whole[:200], whole[:-9], whole[:140] + b"x" * 20 + whole[160:])
        for content in contents:
            path.write_bytes(content)
            with pytest.raises(DataError, match=r"train_32x32\.mat (is damaged|holds)"):
                svhn(tmp_path)

    def test_any_single_byte_may_be_wrong(self, tmp_path: Path, rng) -> None:
        arrays = {"X": np.zeros((2, 2), np.uint8), "y": np.ones((2, 1))}
        for compressed in (False, True):
            whole = mat(arrays, compressed)
            for position in range(124, len(whole)):
                content = bytearray(whole)
                content[position] ^= int(rng.integers(1, 256))
                (tmp_path / "x.mat").write_bytes(content)
                with contextlib.suppress(DataError):
                    read_mat(tmp_path / "x.mat", 10_000)

    def test_a_small_file_that_unpacks_to_much_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "x.mat").write_bytes(mat({"X": np.zeros((1000, 1000), np.uint8)}))
        with pytest.raises(DataError, match="far more than it should"):
            read_mat(tmp_path / "x.mat", 100_000)

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            ({"X": np.zeros((32, 32, 3, 2), np.uint8)}, r"holds \['X'\], expected 'X' and 'y'"),
            ({"X": np.zeros((32, 32, 3, 2)), "y": np.ones((2, 1))}, "X is float64"),
            ({"X": np.zeros((2, 32, 32, 3), np.uint8), "y": np.ones((2, 1))}, r"X is .*\(2, 32"),
            ({"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.ones((3, 1))}, "y is no label"),
            ({"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.zeros((2, 1))}, "y is no label"),
        ],
    )
    def test_other_contents_are_refused(self, tmp_path: Path, rng, arrays, message) -> None:
        write_svhn(tmp_path, rng)
        (tmp_path / "test_32x32.mat").write_bytes(mat(arrays))
        with pytest.raises(DataError, match=rf"test_32x32\.mat.*{message}"):
            svhn(tmp_path)

    def test_newer_files_are_called_by_their_version(self, tmp_path: Path) -> None:
        (tmp_path / "x.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(200))
        with pytest.raises(DataError, match=r"version 7\.3, expected 5"):
            read_mat(tmp_path / "x.mat", 1000)

    def test_what_is_missing_is_named(self, tmp_path: Path, rng) -> None:
        with pytest.raises(FileNotFoundError, match=r"SVHN is not in .*: svhn is not there.*fetch"):
            svhn(tmp_path)
        write_svhn(tmp_path, rng)
        (tmp_path / "test_32x32.mat").unlink()
        with pytest.raises(FileNotFoundError, match=r"test_32x32\.mat is missing"):
            svhn(tmp_path)


WRITERS: dict[str, Callable] = {
    "mnist": lambda root, rng: write_mnist(root / "mnist", rng),
    "fashion-mnist": lambda root, rng: write_mnist(root / "fashion-mnist", rng),
    "cifar100": write_cifar100,
    "svhn": lambda root, rng: write_svhn(root / "svhn", rng),
}


@pytest.mark.parametrize("name", WRITERS)
class TestAll:
    def test_by_name_and_environment(self, tmp_path: Path, rng, monkeypatch, name: str) -> None:
        WRITERS[name](tmp_path, rng)
        monkeypatch.setenv("CNNLITE_DATA", str(tmp_path))
        assert load(name).name == name
        assert load(name, tmp_path).settings["kind"] == name

    def test_the_second_call_maps_the_arrays(self, tmp_path: Path, rng, name: str) -> None:
        WRITERS[name](tmp_path, rng)
        first = {key: np.array(array) for key, array in load(name, tmp_path).items()}
        second = load(name, tmp_path)
        assert isinstance(second["X_train"], np.memmap)
        for key in first:
            np.testing.assert_array_equal(first[key], second[key])

    def test_changed_files_are_read_again(self, tmp_path: Path, rng, name: str) -> None:
        WRITERS[name](tmp_path, rng)
        first = np.array(load(name, tmp_path)["X_test"])
        shutil.rmtree(next(tmp_path.iterdir()), ignore_errors=True)
        WRITERS[name](tmp_path, rng)
        for path in tmp_path.rglob("*"):
            os.utime(path, ns=(1, 1))
        assert not np.array_equal(load(name, tmp_path)["X_test"], first)

    @pytest.mark.parametrize("val", [0, 1, -0.1, float("nan")])
    def test_wrong_shares_are_refused(self, tmp_path: Path, name: str, val: float) -> None:
        function = {"mnist": mnist, "fashion-mnist": fashion_mnist, "cifar100": cifar100}.get(
            name, svhn
        )
        with pytest.raises(ValueError, match="val is"):
            function(tmp_path, val=val)

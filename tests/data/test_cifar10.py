"""CIFAR-10 is read from both versions, and what is wrong with its files is said by name."""

import os
import pickle
import shutil
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from cnnlite.data import DataError, Normalization, cifar10, find, load
from cnnlite.data.cifar10 import CLASS_NAMES, read_binary_batch, read_python_batch
from tests.data.conftest import BATCHES, ROWS, batch_content, python2_pickle

PY = "cifar-10-batches-py"
BIN = "cifar-10-batches-bin"


def expected(rows) -> tuple[np.ndarray, np.ndarray]:
    data = np.concatenate([rows[name][0] for name in BATCHES[:5]]).reshape(-1, 3, 32, 32)
    return data, np.concatenate([rows[name][1] for name in BATCHES[:5]])


@pytest.mark.parametrize("cache", [True, False])
def test_reads_both_versions(python_root: Path, binary_root: Path, rows, cache: bool) -> None:
    images, labels = expected(rows)
    for root in (python_root, python_root / PY, binary_root, binary_root / BIN):
        data = cifar10(root, num_validation=10, cache=cache)
        np.testing.assert_array_equal(data["X_train"], images[:-10])
        np.testing.assert_array_equal(data["y_train"], labels[:-10])
        np.testing.assert_array_equal(data["X_val"], images[-10:])
        np.testing.assert_array_equal(data["y_val"], labels[-10:])
        np.testing.assert_array_equal(data["X_test"].reshape(-1, 3072), rows["test_batch"][0])
        np.testing.assert_array_equal(data["y_test"], rows["test_batch"][1])
        assert data["X_train"].dtype == np.uint8
        assert data["y_train"].dtype == np.int64
        assert data.class_names == CLASS_NAMES
        assert data.name == "cifar10"


def test_reads_every_form(write_python, form, rows) -> None:
    data = cifar10(write_python(form), num_validation=0)
    np.testing.assert_array_equal(data["X_train"], expected(rows)[0])
    assert data["X_val"].shape == (0, 3, 32, 32)
    assert data["y_val"].shape == (0,)


def test_normalization_is_measured_on_the_training_images_alone(python_root: Path, rows) -> None:
    images, _ = expected(rows)
    for kind in ("channel", "image"):
        found = cifar10(python_root, 20, normalize=kind).normalization
        alone = Normalization.from_images(images[:-20], kind)
        np.testing.assert_array_equal(found.scale, alone.scale)
        np.testing.assert_array_equal(found.shift, alone.shift)
    assert cifar10(python_root, 20, normalize=None).normalization is None


def test_the_environment_names_the_folder(python_root: Path, monkeypatch) -> None:
    monkeypatch.setenv("CNNLITE_DATA", str(python_root))
    assert find().folder == python_root / PY
    assert len(cifar10(num_validation=1)["X_train"]) == 5 * ROWS - 1


def test_a_missing_folder_says_how_to_get_the_data(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere.*cnnlite data fetch cifar10"):
        cifar10(tmp_path / "nowhere")


@pytest.mark.parametrize("name", BATCHES)
def test_a_missing_batch_is_named(python_root: Path, name: str) -> None:
    (python_root / PY / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        cifar10(python_root)


def test_a_missing_binary_batch_is_named(binary_root: Path) -> None:
    (binary_root / BIN / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_3\.bin"):
        cifar10(binary_root)


def test_the_file_of_names_may_be_missing(python_root: Path, binary_root: Path) -> None:
    (python_root / PY / "batches.meta").unlink()
    (binary_root / BIN / "batches.meta.txt").unlink()
    for root in (python_root, binary_root):
        assert cifar10(root, 1).class_names == CLASS_NAMES


def test_other_classes_are_refused(python_root: Path, binary_root: Path) -> None:
    names = [*CLASS_NAMES[1:], CLASS_NAMES[0]]
    (python_root / PY / "batches.meta").write_bytes(python2_pickle({"label_names": names}))
    (binary_root / BIN / "batches.meta.txt").write_text("\n".join(names))
    for root in (python_root, binary_root):
        with pytest.raises(DataError, match=r"batches\.meta.*ten classes"):
            cifar10(root, 1)


@pytest.mark.parametrize(
    "names", [None, 3, [], np.zeros((2, 2), np.uint8), [np.zeros((2, 2), np.uint8)] * 10, [3] * 10]
)
def test_odd_names_of_classes_are_refused(python_root: Path, names: object) -> None:
    (python_root / PY / "batches.meta").write_bytes(pickle.dumps({"label_names": names}, 2))
    with pytest.raises(DataError, match=r"batches\.meta.*ten classes"):
        cifar10(python_root, 1)


@pytest.mark.parametrize("cut", [1, 100, 3073, 5 * 3073])
def test_a_truncated_binary_batch_is_named(binary_root: Path, cut: int) -> None:
    """Even when it ends between two records."""
    path = binary_root / BIN / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match=r"data_batch_2\.bin.*cut off"):
        cifar10(binary_root, 1)


def test_a_truncated_python_batch_is_named(python_root: Path, own_cache: Path) -> None:
    path = python_root / PY / "data_batch_4"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match="data_batch_4 is damaged"):
        cifar10(python_root, 1)
    assert not own_cache.exists(), "nothing half-written may be left behind"


@pytest.mark.parametrize("label", [10, 255])
def test_labels_outside_0_to_9_are_refused(binary_root: Path, tmp_path: Path, label: int) -> None:
    path = binary_root / BIN / "test_batch.bin"
    content = bytearray(path.read_bytes())
    content[3073 * 7] = label
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"test_batch\.bin: record 7 has the label {label}"):
        read_binary_batch(path)
    batch = batch_content(np.zeros((2, 3072), np.uint8), np.array([1, label]))
    (tmp_path / "batch").write_bytes(python2_pickle(batch))
    with pytest.raises(DataError, match=r"batch: 'labels'.*0 to 9"):
        read_python_batch(tmp_path / "batch")


WRONG = {
    "no data": ({"labels": [1]}, "'data' is NoneType"),
    "data that is no array": ({"data": "x", "labels": [1]}, "'data' is bytes"),
    "other images": ({"data": np.zeros((1, 3071), np.uint8), "labels": [1]}, r"\(1, 3071\)"),
    "no labels": ({"data": np.zeros((1, 3072), np.uint8)}, "'labels' is NoneType"),
    "too few labels": ({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, "'labels' is 1,"),
    "names as labels": ({"data": np.zeros((1, 3072), np.uint8), "labels": ["cat"]}, "0 to 9"),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG.keys())
def test_other_contents_are_refused(tmp_path: Path, content, message: str) -> None:
    path = tmp_path / "data_batch_1"
    path.write_bytes(python2_pickle(content))
    with pytest.raises(DataError, match=rf"data_batch_1: .*{message}"):
        read_python_batch(path)


def test_an_empty_binary_batch_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.bin").write_bytes(b"")
    with pytest.raises(DataError, match=r"empty\.bin has 0 bytes"):
        read_binary_batch(tmp_path / "empty.bin")


def test_a_folder_in_place_of_a_file_is_refused(python_root: Path) -> None:
    path = python_root / PY / "data_batch_1"
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="data_batch_1 is not a regular file"):
        cifar10(python_root, 1)


@pytest.mark.parametrize("num_validation", [-1, 5 * ROWS, 10**6])
def test_too_many_validation_images_are_refused(python_root: Path, num_validation: int) -> None:
    with pytest.raises(ValueError, match=f"num_validation is {num_validation}, expected 0 to 59"):
        cifar10(python_root, num_validation)


def test_wrong_arguments_are_refused(python_root: Path) -> None:
    with pytest.raises(TypeError, match=r"num_validation is 1\.5, expected an integer"):
        cifar10(python_root, 1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="normalize is 'pixel'"):
        cifar10(python_root, normalize="pixel")
    with pytest.raises(ValueError, match=r"'mnits' is no folder.*did you mean mnist\?"):
        load("mnits")


def test_load_takes_the_embedded_set_only_where_no_place_is_named(
    python_root: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("cnnlite.data.cache._users_folder", lambda name: tmp_path / "empty")
    for unset in ("", None):
        monkeypatch.setenv("CNNLITE_DATA", "") if unset == "" else monkeypatch.delenv(
            "CNNLITE_DATA"
        )
        assert load().name == "embedded"
        with pytest.raises(FileNotFoundError):
            load("cifar10")
    with pytest.raises(FileNotFoundError):
        load("auto", tmp_path / "nowhere")
    with pytest.raises(ValueError, match="num_validation is 1000"):
        load("auto", python_root)  # it was found: it has 60 images


class TestNamedPlaces:
    """A place that somebody named and that does not hold the data is an error, never embedded."""

    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (lambda path: None, "there is no such folder"),
            (lambda path: path.touch(), "that is a file, expected a folder"),
            (lambda path: path.mkdir(), "neither cifar-10-batches-py nor cifar-10-batches-bin"),
            (lambda path: path.symlink_to("nothing"), "that link leads nowhere"),
        ],
    )
    @pytest.mark.parametrize("name", ["auto", "cifar10"])
    def test_by_the_environment(self, tmp_path, monkeypatch, make, reason, name) -> None:
        monkeypatch.setenv("CNNLITE_DATA", str(tmp_path / "typo"))
        make(tmp_path / "typo")
        with pytest.raises(FileNotFoundError, match=reason) as raised:
            load(name)
        assert f"{tmp_path / 'typo'} (named by CNNLITE_DATA)" in str(raised.value)
        assert load("embedded").name == "embedded"

    def test_by_a_relative_name(self, tmp_path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        for root in ("typo", "./typo", Path("typo")):
            with pytest.raises(FileNotFoundError, match=r"CIFAR-10 is not in typo: there is no"):
                load("auto", root)

    def test_an_empty_name(self) -> None:
        for function in (cifar10, find, lambda root: load("auto", root)):
            with pytest.raises(ValueError, match="folder that holds CIFAR-10 is empty"):
                function("")

    def test_a_path_in_the_place_of_a_name(self) -> None:
        with pytest.raises(ValueError, match="'/data/cifar' is no folder, no file and no data set"):
            load("/data/cifar")

    def test_a_folder_that_cannot_be_read(self, tmp_path, monkeypatch) -> None:
        def denied(path: Path) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "iterdir", denied)
        with pytest.raises(PermissionError, match=tmp_path.name):
            load("auto", tmp_path)

    def test_a_download_that_broke_off(self, tmp_path: Path) -> None:
        (tmp_path / "cifar-10-python.tar.gz.part").touch()
        with pytest.raises(
            FileNotFoundError, match=r"interrupted \(cifar-10-python\.tar\.gz\.part"
        ):
            find(tmp_path)

    def test_the_home_folder_is_put_in(self, python_root: Path, monkeypatch) -> None:
        monkeypatch.setenv("HOME", str(python_root.parent))
        monkeypatch.setenv("USERPROFILE", str(python_root.parent))
        assert find(f"~/{python_root.name}").folder == python_root / PY
        monkeypatch.setenv("CNNLITE_DATA", f"~/{python_root.name}")
        assert find().folder == python_root / PY


class TestNotQuiteWhereItWasLookedFor:
    @pytest.mark.parametrize("inner", [True, False])
    def test_one_folder_deeper(self, python_root: Path, rows, inner: bool) -> None:
        deep = python_root.parent / "above" / "the data"
        deep.parent.mkdir()
        shutil.move(python_root / PY if inner else python_root, deep)
        source = find(deep.parent)
        assert str(source.folder) in source.note
        assert "one folder deeper" in source.note
        data = cifar10(deep.parent, num_validation=0)
        np.testing.assert_array_equal(data["X_train"], expected(rows)[0])

    def test_what_is_near_is_taken_before_what_is_deep(self, python_root: Path) -> None:
        shutil.copytree(python_root, python_root / "a copy")
        source = find(python_root)
        assert (source.folder, source.note) == (python_root / PY, "")

    @pytest.mark.parametrize(
        ("name", "place", "cache"),
        [
            ("cifar-10-python.tar.gz", "folder", True),
            ("cifar-10-python.tar.gz", "folder", False),
            ("cifar-10-python.tgz", "deeper", True),
            ("cifar-10-python.tar", "itself", True),
            ("cifar-10-binary.tar.gz", "folder", True),
            ("cifar-10-binary.tar.gz", "itself", False),
        ],
    )
    def test_in_its_archive(
        self, python_root, binary_root, tmp_path, own_cache, rows, name, place, cache
    ) -> None:
        root = binary_root if "binary" in name else python_root
        box = tmp_path / "box"
        archive = (box / "inner" if place == "deeper" else box) / name
        archive.parent.mkdir(parents=True)
        with tarfile.open(archive, "w" if name.endswith(".tar") else "w:gz") as tar:
            tar.add(root / (BIN if "binary" in name else PY), BIN if "binary" in name else PY)
        where = archive if place == "itself" else box
        assert "still in its archive" in find(where).note
        assert str(archive) in find(where).note
        data = cifar10(where, num_validation=0, cache=cache)
        np.testing.assert_array_equal(data["X_train"], expected(rows)[0])
        np.testing.assert_array_equal(data["y_train"], expected(rows)[1])
        assert [path.name for path in archive.parent.iterdir()] == [name], "it may be read-only"

    def test_a_damaged_archive_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"<html>not found</html>")
        with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz is damaged or no archive"):
            cifar10(tmp_path)


def test_a_read_only_source_is_enough(python_root: Path) -> None:
    folder = python_root / PY
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]}
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        cifar10(python_root, 1)
    finally:
        folder.chmod(0o755)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_changed_files_are_read_again(python_root: Path, rows) -> None:
    first = cifar10(python_root, 1)["X_test"][0].copy()
    path = python_root / PY / "test_batch"
    data, labels = rows["test_batch"]
    path.write_bytes(python2_pickle(batch_content(255 - data, labels)))
    os.utime(path, ns=(1, 1))
    np.testing.assert_array_equal(cifar10(python_root, 1)["X_test"][0], 255 - first)


def test_the_second_run_does_not_need_to_decode(python_root: Path, monkeypatch) -> None:
    first = cifar10(python_root, 1)
    monkeypatch.setattr(sys.modules["cnnlite.data.cifar10"], "read_python_batch", None)
    second = cifar10(python_root, 1)
    assert isinstance(second["X_train"], np.memmap)
    assert not second["X_train"].flags.writeable
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])
    shutil.rmtree(python_root)
    with pytest.raises(FileNotFoundError):
        cifar10(python_root, 1)


@pytest.mark.cifar10
def test_the_real_data_set(cifar10_root: Path) -> None:
    data = cifar10(cifar10_root, cache=False)
    assert [len(data[f"X_{split}"]) for split in ("train", "val", "test")] == [49000, 1000, 10000]
    counts = sum(np.bincount(data[f"y_{split}"]) for split in ("train", "val"))
    assert counts.tolist() == [5000] * 10
    assert np.bincount(data["y_test"]).tolist() == [1000] * 10
    mean = -data.normalization.shift.ravel() / data.normalization.scale.ravel() / 255
    np.testing.assert_allclose(mean, [0.4914, 0.4822, 0.4465], atol=3e-3)  # as published
    deviation = 1 / data.normalization.scale.ravel() / 255
    np.testing.assert_allclose(deviation, [0.2470, 0.2435, 0.2616], atol=5e-3)

"""Arrays in an .npz file are checked, and what to do is said."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.data import DataError, load
from cnnlite.data.npz import npz


@pytest.fixture
def X(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (40, 3, 8, 10), dtype=np.uint8)


@pytest.fixture
def y() -> np.ndarray:
    return np.arange(40) % 4


def saved(folder: Path, **arrays: Any) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


class TestKeys:
    @pytest.mark.parametrize(
        ("images", "labels"),
        [
            ("X_train", "y_train"), ("x_train", "y_train"), ("X", "y"), ("images", "labels"),
            ("train_images", "train_labels"),
        ],
    )  # fmt: skip
    def test_of_many_kinds(self, tmp_path: Path, X, y, images: str, labels: str) -> None:
        data = npz(saved(tmp_path, **{images: X, labels: y}), val=0.2)
        assert data["X_train"].shape == (32, 3, 8, 10)
        assert np.bincount(data["y_val"]).tolist() == [2, 2, 2, 2]
        assert data.class_names == ("0", "1", "2", "3")
        assert data.settings["size"] == [8, 10]
        assert data.settings["kind"] == "npz"
        assert "X_test" not in data
        everything = np.concatenate([data["X_train"], data["X_val"]])
        assert {image.tobytes() for image in everything} == {image.tobytes() for image in X}

    def test_all_parts(self, tmp_path: Path, X, y) -> None:
        """As MedMNIST has them: labels (N, 1), grey images (N, H, W)."""
        arrays = {}
        for part in ("train", "val", "test"):
            arrays |= {f"{part}_images": X[:, 0], f"{part}_labels": y[:, None]}
        data = npz(saved(tmp_path, **arrays))
        for part in ("train", "val", "test"):
            np.testing.assert_array_equal(data[f"X_{part}"], X[:, :1])
            np.testing.assert_array_equal(data[f"y_{part}"], y)
        assert data.image_shape == (1, 8, 10)
        assert data.settings["grey"]

    @pytest.mark.parametrize("cache", [True, False])
    def test_names_of_classes(self, tmp_path: Path, X, y, cache: bool) -> None:
        names = ["a", "b b", "ü", "d\n"]
        data = npz(saved(tmp_path, X=X, y=y, class_names=names), cache=cache)
        assert data.class_names == ("a", "b b", "ü", "d\\n")

    def test_the_second_call_maps_the_arrays(self, tmp_path: Path, X, y, monkeypatch) -> None:
        path = saved(tmp_path, X=X, y=y)
        first = npz(path)
        monkeypatch.setattr(sys.modules["cnnlite.data.npz"], "_read", None)
        second = load(path)
        assert isinstance(second["X_train"], np.memmap)
        for key in first:
            np.testing.assert_array_equal(first[key], second[key])


class TestImages:
    def test_floats_from_0_to_1_become_pixels(self, tmp_path: Path, X, y) -> None:
        for dtype in (np.float32, np.float64):
            data = npz(saved(tmp_path, X=X.astype(dtype) / 255, y=y), cache=False)
            expected = npz(saved(tmp_path, X=X, y=y), cache=False)
            np.testing.assert_array_equal(data["X_train"], expected["X_train"])

    @pytest.mark.parametrize("dtype", [np.int64, np.int16, ">u2"])
    def test_other_integers(self, tmp_path: Path, X, y, dtype) -> None:
        data = npz(saved(tmp_path, X=X.astype(dtype), y=y))
        assert data["X_train"].dtype == np.uint8

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda X: X.transpose(0, 2, 3, 1), r"channels last.*X\.transpose\(0, 3, 1, 2\)"),
            (lambda X: X.astype(np.float32), "floats from 0 to 255, expected 0 to 1: divide"),
            (
                lambda X: X / 127.5 - 1.0,
                r"floats from -1 to 1, expected 0 to 1: \(X - X",
            ),
            (
                lambda X: np.where(np.equal(X, X.max()), np.nan, X / 255),
                "NaN in it, expected",
            ),
            (
                lambda X: X.astype(np.int64) * 3,
                r"integers from 0 to 765, expected 0 to 255: .*X /= X",
            ),
            (lambda X: X.astype(np.int64) - 1, r"integers from -1 to .* - X\.min\(\); X /= X\.max"),
            (lambda X: X.reshape(40, -1), r"shape \(40, 240\), expected \(N, C, H, W\)"),
            (lambda X: X.astype(complex), "complex128, expected numbers"),
            (lambda X: np.full(X.shape, "x"), "<U1, expected numbers"),
            (lambda X: X[:0], "there are no images"),
        ],
    )
    def test_of_other_kinds(self, tmp_path: Path, X, y, change, message: str) -> None:
        with pytest.raises(DataError, match=rf"data\.npz: X .*{message}"):
            npz(saved(tmp_path, X=change(X), y=y))


class TestLabels:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda y: y + 1, "labels from 1 to 4, expected 0 on: y - 1"),
            (lambda y: np.eye(4)[y], r"one-hot: y\.argmax\(axis=1\)"),
            (lambda y: np.eye(4, dtype=bool)[y], r"one-hot: y\.argmax\(axis=1\)"),
            (lambda y: np.eye(4)[y] * 0.5, "are no integers"),
            (lambda y: np.array(["cat", "dog", "elk", "fox"])[y], r"names of classes.*np\.unique"),
            (lambda y: np.array([b"cat", b"dog", b"elk", b"fox"])[y], "names of classes"),
            (lambda y: y.astype(np.float64), r"float64, expected integers: y\.astype\(int\)"),
            (lambda y: y + 0.5, "float64, expected integers: a class for each image"),
            (lambda y: y * 2, r"labels up to 6, but none is 1: np\.unique"),
            (lambda y: y - 1, r"labels from -1 to 2, expected 0 on: np\.unique"),
            (lambda y: y * 0, "has one class: there must be two"),
            (lambda y: y[:30], r"shape \(30,\), expected \(40,\)"),
            (lambda y: y * 333_333, "labels up to 999999, expected fewer than 65,536 classes"),
        ],
    )
    def test_of_other_kinds(self, tmp_path: Path, X, y, change, message: str) -> None:
        with pytest.raises(DataError, match=rf"data\.npz: y .*{message}"):
            npz(saved(tmp_path, X=X, y=change(y)))

    def test_that_the_training_part_lacks(self, tmp_path: Path, X, y) -> None:
        with pytest.raises(DataError, match="y_test has the label 4, y_train has 0 to 3"):
            npz(saved(tmp_path, X_train=X, y_train=y, X_test=X, y_test=y + 1))

    def test_one_image_of_each_class(self, tmp_path: Path, X) -> None:
        with pytest.raises(DataError, match="none is left to validate with"):
            npz(saved(tmp_path, X=X, y=np.arange(40)))


class TestFiles:
    def test_parts_of_another_shape(self, tmp_path: Path, X, y) -> None:
        with pytest.raises(DataError, match=r"X_test has images \(3, 4, 10\), X_train \(3, 8, 10"):
            npz(saved(tmp_path, X_train=X, y_train=y, X_test=X[:, :, :4], y_test=y))

    def test_what_is_missing(self, tmp_path: Path, X, y) -> None:
        with pytest.raises(DataError, match="has X, but no labels"):
            npz(saved(tmp_path, X=X))
        with pytest.raises(DataError, match="has y_test, but no images"):
            npz(saved(tmp_path, X=X, y=y, y_test=y))
        with pytest.raises(DataError, match="has a, expected X_train and y_train, or X and y"):
            npz(saved(tmp_path, a=X))

    def test_python_objects_are_not_read(self, tmp_path: Path, X, y) -> None:
        path = saved(tmp_path, X=np.array([{"a": 1}, None], dtype=object), y=y)
        with pytest.raises(DataError, match="X cannot be read: holds Python objects"):
            npz(path)

    def test_a_damaged_file_is_never_a_reason_to_trust_a_pickle(self, tmp_path: Path) -> None:
        (tmp_path / "text.npz").write_text("text")
        with pytest.raises(DataError) as caught:
            npz(tmp_path / "text.npz")
        assert "pickle" not in str(caught.value)

    def test_two_classes_of_one_name(self, tmp_path: Path, X, y) -> None:
        """In a table by the names, one of them would be lost."""
        with pytest.raises(DataError, match="two classes are called b"):
            npz(saved(tmp_path, X=X, y=y, class_names=["a", "b", "c", "b"]))

    def test_an_empty_name_is_not_the_folder_one_is_in(self) -> None:
        with pytest.raises(ValueError, match="load: name is empty"):
            load("")

    def test_no_npz(self, tmp_path: Path, X) -> None:
        np.save(tmp_path / "x.npy", X)
        for name, content in (("text.npz", b"text"), ("empty.npz", b""), ("x.npz", b"PK\3\4xx")):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(DataError, match=rf"{name} is no \.npz file"):
                npz(tmp_path / name)
        with pytest.raises(DataError, match=r"is one array.*np\.savez"):
            npz(tmp_path / "x.npy")
        with pytest.raises(DataError, match="there is no such file"):
            npz(tmp_path / "nowhere.npz")
        with pytest.raises(DataError, match="is a folder"):
            npz(tmp_path)

    def test_a_file_that_is_cut_off_or_damaged(self, tmp_path: Path, X, y) -> None:
        path = saved(tmp_path, X=X, y=y)
        whole = path.read_bytes()
        for content in (whole[:3000], whole[:200] + b"xxxx" + whole[204:], whole[:-30]):
            path.write_bytes(content)
            with pytest.raises(DataError, match=r"data\.npz"):
                npz(path)

    def test_names_that_do_not_fit(self, tmp_path: Path, X, y) -> None:
        for names in (["a"], [1, 2, 3, 4]):
            with pytest.raises(DataError, match="expected 4 strings"):
                npz(saved(tmp_path, X=X, y=y, class_names=names))

    def test_wrong_arguments(self, tmp_path: Path, X, y) -> None:
        path = saved(tmp_path, X=X, y=y)
        with pytest.raises(ValueError, match="npz: val is 2"):
            npz(path, val=2)
        with pytest.raises(TypeError, match="npz: seed is None"):
            npz(path, seed=None)  # type: ignore[arg-type]

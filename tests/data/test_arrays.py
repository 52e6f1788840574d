"""Folders of .npy files and zarr groups as data sets: the arrays of an .npz file, not copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import Solver, data
from cnnlite.data import DataError
from cnnlite.data.stored import StoredArray
from cnnlite.models import softmax_classifier

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def made(rng: np.random.Generator) -> dict[str, np.ndarray]:
    X = rng.integers(0, 256, (60, 3, 6, 6), dtype=np.uint8)
    return {"X": X, "y": np.arange(60) % 3, "class_names": np.array(["a", "b", "c"])}


def npy(folder: Path, arrays: dict[str, Any]) -> Path:
    folder.mkdir()
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def zarr_group(folder: Path, arrays: dict[str, Any], form: int = 3) -> Path:
    zarr = pytest.importorskip("zarr")
    group = zarr.create_group(folder, zarr_format=form)
    for name, array in arrays.items():
        if name == "class_names":
            group.attrs[name] = array.tolist()
            continue
        chunks = (7, *array.shape[1:])
        group.create_array(name, shape=array.shape, chunks=chunks, dtype=array.dtype)[...] = array
    return folder


FORMS = {
    "npy": npy,
    "zarr": zarr_group,
    "zarr 2": lambda folder, arrays: zarr_group(folder, arrays, 2),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("split", [False, True], ids=["X", "X_train and X_val"])
def test_they_are_those_of_an_npz_file(
    form: str, split: bool, tmp_path: Path, made: dict[str, np.ndarray]
) -> None:
    if split:
        X, y = made.pop("X"), made.pop("y")
        made |= {"X_train": X[:40], "y_train": y[:40], "X_val": X[40:], "y_val": y[40:]}
    np.savez(tmp_path / "set.npz", **made)
    path = FORMS[form](tmp_path / "set", made)
    expected, found = data.load(tmp_path / "set.npz"), data.load(path)
    assert found.class_names == expected.class_names
    assert found.settings["kind"] == form.split()[0]
    for key in expected:
        np.testing.assert_array_equal(found[key][:], expected[key])
    assert found.mean == expected.mean
    assert found.std == expected.std
    losses = []
    for images in (expected, found):
        model = softmax_classifier(3, (3, 6, 6), rng=0)
        solver = Solver(model, images, batch_size=8, num_epochs=2, verbose=False)
        solver.train()
        losses.append([*solver.loss_history, *solver.val_loss_history])
    assert losses[0] == losses[1]


def test_nothing_is_copied(tmp_path: Path, made: dict[str, np.ndarray]) -> None:
    path = npy(tmp_path / "set", made)
    assert isinstance(data.arrays(path)["X_train"], StoredArray)
    np.save(path / "X_val.npy", made["X"][:9])
    np.save(path / "y_val.npy", made["y"][:9])
    found = data.arrays(path)
    assert isinstance(found["X_train"], np.memmap)
    assert not found["X_train"].flags.writeable


def test_floats_are_taken_as_they_are(tmp_path: Path, made: dict[str, np.ndarray]) -> None:
    made["X"] = made["X"].astype(np.float32) / 100
    found = data.arrays(npy(tmp_path / "set", made))
    assert found.normalization is None
    assert found["X_train"].dtype == np.float32


@pytest.mark.parametrize("form", ["npy", "zarr"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((60, 3, 6, 6), np.int32)}, r"X is int32 \(60, 3, 6, 6\), expected images"),
        ({"X": np.zeros((60, 36), np.uint8)}, r"X is uint8 \(60, 36\), expected images \(N, C,"),
        ({"y": np.arange(59) % 3}, r"y has the shape \(59,\), expected \(60,\)"),
        ({"y": np.arange(60) % 3 + 1}, "has labels from 1 to 3, expected 0 on"),
        ({"class_names": np.array(["a", "b"])}, "expected 3 strings"),
        ({"X_val": np.zeros((3, 3, 6, 6), np.uint8)}, "X_val, but no labels, y_val"),
    ],
)
def test_what_is_wrong_is_said(
    form: str, change: Any, message: str, tmp_path: Path, made: dict[str, np.ndarray]
) -> None:
    path = FORMS[form](tmp_path / "set", made | change)
    with pytest.raises(DataError, match=message):
        data.arrays(path)


def test_damaged_files_are_named(tmp_path: Path, made: dict[str, np.ndarray]) -> None:
    path = npy(tmp_path / "set", made)
    whole = (path / "X.npy").read_bytes()
    (path / "X.npy").write_bytes(whole[:500])
    with pytest.raises(DataError, match=r"X\.npy cannot be mapped"):
        data.arrays(path)
    np.save(path / "X.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match=r"X\.npy cannot be mapped: .*Python objects"):
        data.arrays(path)
    with pytest.raises(DataError, match=r"has no X_train\.npy, and is no zarr group"):
        data.arrays(tmp_path)
    broken = tmp_path / "broken.zarr"
    broken.mkdir()
    (broken / "zarr.json").write_text("{")
    pytest.importorskip("zarr")
    with pytest.raises(DataError, match=r"broken\.zarr is no zarr group, or damaged"):
        data.arrays(broken)


def test_zarr_is_asked_for_where_it_is_needed(
    tmp_path: Path, made: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zarr_group(tmp_path / "set", made)
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(ImportError, match=r'reading it needs zarr: pip install "cnnlite\[zarr\]"'):
        data.arrays(path)

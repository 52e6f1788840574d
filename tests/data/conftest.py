"""Small copies of CIFAR-10's files, in the forms in which they are found."""

import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cnnlite.data.cifar10 import CLASS_NAMES

BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
ROWS = 12


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the tests away from the user's folders."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("CNNLITE_CACHE", str(folder))
    return folder


def python2_pickle(content: dict[str, object], memo: bool = True) -> bytes:
    """Write what Python 2's cPickle wrote at protocol 2; the official files have memo puts."""
    count = 0

    def put() -> bytes:
        nonlocal count
        count += 1
        if not memo:
            return b""
        return b"q" + bytes([count]) if count < 256 else b"r" + struct.pack("<I", count)

    def string(text: str) -> bytes:
        return b"U" + bytes([len(text)]) + text.encode() + put()

    def value(item: object) -> bytes:
        if isinstance(item, str):
            return string(item)
        if isinstance(item, int):
            return b"K" + bytes([item]) if item < 256 else b"M" + struct.pack("<H", item)
        if isinstance(item, list):
            return b"]" + put() + b"(" + b"".join(map(value, item)) + b"e"
        assert isinstance(item, np.ndarray)
        rows, columns = item.shape
        return b"".join(
            [
                b"cnumpy.core.multiarray\n_reconstruct\n", put(), b"cnumpy\nndarray\n", put(),
                b"K\x00\x85", put(), b"U\x01b", put(), b"\x87", put(), b"R", put(),
                b"(K\x01", value(rows), value(columns), b"\x86", put(),
                b"cnumpy\ndtype\n", put(), b"U\x02u1", put(), b"K\x00K\x01\x87", put(), b"R", put(),
                b"(K\x03U\x01|", put(), b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t", put(), b"b",
                b"\x89T", struct.pack("<I", item.nbytes), item.tobytes(), put(), b"t", put(), b"b",
            ]
        )  # fmt: skip

    items = b"".join(string(key) + value(item) for key, item in content.items())
    return b"\x80\x02}" + put() + b"(" + items + b"u."


Rows = dict[str, tuple[np.ndarray, np.ndarray]]


@pytest.fixture
def rows(rng: np.random.Generator) -> Rows:
    """What the files hold: for each batch, uint8 (N, 3072) and labels."""
    return {
        name: (
            rng.integers(0, 256, (ROWS, 3072), dtype=np.uint8),
            rng.integers(0, 10, ROWS),
        )
        for name in BATCHES
    }


def batch_content(data: np.ndarray, labels: np.ndarray) -> dict[str, object]:
    return {
        "batch_label": "training batch 1 of 5",
        "labels": labels.tolist(),
        "data": data,
        "filenames": [f"leptodactylus_s_{i:06d}.png" for i in range(len(labels))],
    }


Form = Callable[[dict[str, object]], bytes]


def resaved(protocol: int, keys: type = str) -> Form:
    """Save again by this Python, with keys as text or as bytes."""

    def form(content: dict[str, object]) -> bytes:
        if keys is bytes:
            content = {key.encode(): value for key, value in content.items()}  # type: ignore[misc]
        return pickle.dumps(content, protocol)

    return form


FORMS: dict[str, Form] = {
    "as published": python2_pickle,
    "without memo puts": lambda content: python2_pickle(content, memo=False),
    "protocol 2": resaved(2),
    "protocol 3, bytes keys": resaved(3, bytes),
    "protocol 4": resaved(4),
    "protocol 5, bytes keys": resaved(5, bytes),
}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Form:
    return FORMS[request.param]


@pytest.fixture
def write_python(tmp_path: Path, rows: Rows) -> Callable[..., Path]:
    """Write the python version; returns the root that holds its folder."""

    def write(form: Form = python2_pickle, root: Path = tmp_path / "data") -> Path:
        folder = root / "cifar-10-batches-py"
        folder.mkdir(parents=True)
        for name, (data, labels) in rows.items():
            (folder / name).write_bytes(form(batch_content(data, labels)))
        meta = {"num_cases_per_batch": 10000, "label_names": list(CLASS_NAMES), "num_vis": 3072}
        (folder / "batches.meta").write_bytes(form(meta))
        return root

    return write


@pytest.fixture
def python_root(write_python: Callable[..., Path]) -> Path:
    return write_python()


@pytest.fixture
def binary_root(tmp_path: Path, rows: Rows) -> Path:
    folder = tmp_path / "binary" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, (data, labels) in rows.items():
        records = np.concatenate([labels[:, None].astype(np.uint8), data], axis=1)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(CLASS_NAMES) + "\n\n")
    return folder.parent

"""Whatever a file holds, it is read or refused: nothing runs, hangs, bursts or writes elsewhere."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlite.checkpoint import CheckpointError, load_weights
from cnnlite.cli import runs
from cnnlite.cli.config import ConfigError, TrainConfig, options
from cnnlite.cli.config_file import read
from cnnlite.data.archive import unpack
from cnnlite.data.cifar10 import LAYOUT, read_binary_batch, read_python_batch
from cnnlite.data.errors import DataError
from cnnlite.data.pictures import read_picture
from cnnlite.evaluation import scores_of_batches
from cnnlite.report import history
from cnnlite.storage import read_arrays, write_arrays
from tests import trainings
from tests.data.conftest import FORMS, batch_content
from tests.data.test_archive import BIN, PY, archive_of, member, official
from tests.fuzz import JSON, damaged, fuzzed, watched

pytestmark = pytest.mark.usefixtures("one_thread")


def write(path: Path, content: bytes) -> int:
    path.write_bytes(content)
    return len(content)


# CIFAR-10

RNG = np.random.default_rng(0)
PIXELS, LABELS = RNG.integers(0, 256, (3, 3072), dtype=np.uint8), RNG.integers(0, 10, 3)
PICKLES = [form(batch_content(PIXELS, LABELS)) for form in FORMS.values()]
BINARY = np.concatenate([LABELS[:, None].astype(np.uint8), PIXELS], axis=1).tobytes()


@fuzzed(150)
@given(st.sampled_from(PICKLES).flatmap(damaged) | st.binary(max_size=300))
def test_python_batches(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "data_batch_1"
    size = write(path, content)
    with watched("python batches", path, size, (DataError,)):
        images, labels = read_python_batch(path)
        assert (images.dtype, images.shape) == (np.uint8, (len(labels), 3, 32, 32))


@fuzzed(100)
@given(damaged(BINARY) | st.binary(max_size=300))
def test_binary_batches(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "data_batch_1.bin"
    size = write(path, content)
    with watched("binary batches", path, size, (DataError,)):
        images, labels = read_binary_batch(path)
        assert (images.dtype, images.shape) == (np.uint8, (len(labels), 3, 32, 32))
        assert 0 <= labels.min() <= labels.max() <= 9


# Archives: damaged ones, before and after compression, and ones with members of any name and kind.

ARCHIVES = [archive_of(official(PY)), archive_of(official(BIN), format=tarfile.GNU_FORMAT)]
NAMES = st.sampled_from(
    [
        *("../escaped", "/escaped", f"{PY}/../escaped", f"{PY}/./data_batch_1", f"{PY}//x"),
        *("", ".", "..", PY, f"{PY}/", f"{PY}/data_batch_1", f"{PY}/readme.html", "a" * 5000),
        *(f"{BIN}/data_batch_1.bin", f"{PY}/data_batch_1/x", "C:\\escaped", f"{PY}/\udcff"),
    ]
) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
KINDS = st.sampled_from([bytes([kind]) for kind in b"0\x001234567LKSxgX"])
MEMBERS = st.tuples(NAMES, KINDS, st.binary(max_size=50), st.integers(-(2**40), 2**40), NAMES)


def _member(row: tuple[str, bytes, bytes, int, str]) -> bytes:
    name, kind, content, size, link = row
    info, _ = member(name, content, type=kind, linkname=link)
    block = info.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape")
    if size % 3 == 0:  # a header that claims another size
        info.size = abs(size)
        block = info.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape")
    return block + content.ljust(512, b"\0")


@fuzzed(150)
@given(
    st.sampled_from(ARCHIVES).flatmap(damaged)
    | st.sampled_from([gzip.decompress(a) for a in ARCHIVES]).flatmap(damaged).map(gzip.compress)
    | st.lists(MEMBERS, max_size=4).map(lambda rows: gzip.compress(b"".join(map(_member, rows))))
)
def test_archives(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    outside = tmp_path_factory.mktemp("outside")
    size = write(outside / "archive.tar.gz", content)
    box = outside / "box"
    box.mkdir()
    with watched("archives", box, size, (DataError,)):
        unpack(outside / "archive.tar.gz", box, LAYOUT)
    assert sorted(path.name for path in outside.iterdir()) == ["archive.tar.gz", "box"]
    assert {path.name for path in box.iterdir()} <= {PY, BIN}
    assert not any(path.is_symlink() for path in box.rglob("*"))


# Checkpoints: damaged ones, and ones of a program with evil intent, whose digest is right.


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "training.safetensors"
    trainings.solver(checkpoint=path, num_epochs=1).train()
    return path


def load(path: Path) -> None:
    """A file is refused with the solver as it was, or it can be trained on."""
    solver = trainings.solver(checkpoint=path, num_epochs=2)
    before = trainings.fingerprint(solver)
    refused = True
    try:
        with (
            watched("checkpoints", path.parent, path.stat().st_size, (CheckpointError,)),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            solver.checkpoint.load(solver)  # type: ignore[union-attr]
            refused = False
    finally:
        assert not refused or trainings.fingerprint(solver) == before
    if not refused:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            solver.train_step(np.zeros((4, 3, 8, 8), np.float32), np.zeros(4, np.int64))


@fuzzed(100)
@given(data=st.data())
def test_damaged_checkpoints(checkpoint: Path, data: st.DataObject) -> None:
    path = checkpoint.with_name("damaged.safetensors")
    path.write_bytes(data.draw(damaged(checkpoint.read_bytes())))
    load(path)
    with watched("weights", path.parent, path.stat().st_size, (CheckpointError,)):
        load_weights(path)


ARRAYS = st.builds(
    lambda shape, dtype: np.ones(shape, dtype),
    st.lists(st.integers(0, 5), max_size=4),
    st.sampled_from(["f2", "f4", "f8", "i1", "i8", "u1", "?"]),
)


@fuzzed(150)
@given(data=st.data())
def test_forged_checkpoints(checkpoint: Path, data: st.DataObject) -> None:
    arrays, metadata = read_arrays(checkpoint)
    assert metadata is not None
    for _ in range(data.draw(st.integers(1, 3))):
        if data.draw(st.booleans()):
            metadata[data.draw(st.sampled_from(sorted(metadata)))] = data.draw(JSON)
        else:
            arrays[data.draw(st.sampled_from(sorted(arrays)) | st.text(max_size=9))] = data.draw(
                ARRAYS
            )
    path = checkpoint.with_name("forged.safetensors")
    try:
        write_arrays(path, arrays, metadata)
    except ValueError:  # Python does not write a number of so many digits
        return
    load(path)


# Configurations: keys with values of all kinds, and any text.


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value) if value > 10**300 else str(value)
    return json.dumps(value).replace("null", "1979-05-27T07:32:00Z").lower()


CONFIGS = st.dictionaries(
    st.sampled_from([option.name for option in options()]) | st.text(max_size=5), JSON, max_size=4
).map(lambda pairs: "\n".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in pairs.items()).encode())
EXAMPLE = b'model = "small_vgg"\nlr = 0.1  # text\n[nothing]\na.b = [1, {c = 2020-01-01}]\n'


@fuzzed(200)
@given(CONFIGS | damaged(EXAMPLE) | st.text("a.=[]{}\"'\\\n019xe_-#", max_size=300).map(str.encode))
def test_configurations(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "config.toml"
    size = write(path, content)
    with watched("configurations", path, size, (ConfigError,)):
        assert isinstance(read(path), TrainConfig)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = " + "9" * 5000, "is not a TOML file: Exceeds the limit"),
        ("seed = 0x" + "f" * 9000, "'seed' in .* must be at most 9223372036854775807, and is far"),
        ("lr = 1" + "0" * 400, "'lr' in .* must be at most"),
        (".".join("a" * 50_000) + " = 1", "has more than the 16384 bytes"),
        ("threads = 2000000000", "'threads' in .* must be a whole number from 1 to 1024"),
    ],
    ids=["too many digits", "not printable", "not a float", "a key of many parts", "threads"],
)
def test_configurations_that_once_did_harm(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read(path)


# Run folders: each of its files damaged, and records with values of all kinds.


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cnnlite.cli import main

    path = tmp_path_factory.mktemp("hostile") / "run"
    command = "train --model softmax_classifier --data embedded --overfit 100 --epochs 1 --lr 0.01"
    assert main([*command.split(), "--threads", "1", "--quiet", "--out", str(path)]) == 0
    return path


FILES = [runs.CONFIG, runs.RECORD, runs.WEIGHTS, runs.HISTORY]


@fuzzed(150)
@given(data=st.data())
def test_run_folders(run_folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(FILES))
    path = run_folder / name
    content = path.read_bytes()
    if name == runs.RECORD and data.draw(st.booleans()):
        record = json.loads(content)
        place = record["normalization"] if data.draw(st.booleans()) else record
        place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
        try:
            bad = json.dumps(record).encode()
        except ValueError:
            return
    else:
        bad = data.draw(damaged(content))
    try:
        size = write(path, bad)
        size += sum(file.stat().st_size for file in run_folder.iterdir() if file != path)
        refusals = (OSError, ValueError)
        with watched("run folders", run_folder, size, refusals), np.errstate(all="ignore"):
            run = runs.open_run(run_folder)
            assert all(name.isprintable() for name in run.class_names)
            model = run.model()
            images = np.zeros((1, 3, 32, 32), np.uint8)
            next(scores_of_batches(model, images, run.normalization))
            history.load(run_folder / runs.HISTORY)
    finally:
        path.write_bytes(content)


# Pictures


def _pictures() -> list[bytes]:
    Image = pytest.importorskip("PIL.Image")
    noise = Image.fromarray(RNG.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    found = []
    for kind in ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP"):
        buffer = io.BytesIO()
        noise.save(buffer, kind)
        found.append(buffer.getvalue())
    return found


@fuzzed(150)
@given(data=st.data())
def test_pictures(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "picture"
    size = write(path, data.draw(st.sampled_from(_pictures()).flatmap(damaged)))
    refusals = (DataError,)
    with watched("pictures", path, size, refusals):
        assert read_picture(path).shape == (3, 32, 32)

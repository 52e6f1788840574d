"""Run folders that somebody forged: an error names the file, and memory stays bounded."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.report import events, history, kept
from cnnlite.report.inside.graph import as_plain, graph
from cnnlite.storage import StorageError, read_arrays, write_arrays
from cnnlite.training.kept import epoch_file, read_kept, write_kept
from tests.report import pages

HEADER = ",".join(history.COLUMNS)
HUGE = 2**40  # bytes of a file with holes


def made_huge(path: Path) -> None:
    with open(path, "ab") as file:
        file.truncate(HUGE)


@pytest.mark.parametrize(
    "row",
    [
        f"{'9' * 400},1,1,1,1,1,1,1",  # no double
        f"1,{2**53 + 1},1,1,1,1,1,1",
        f"1,1,{'1' * 200_000},1,1,1,1,1",  # csv.Error was no ValueError
        '"1,1,1',
    ],
)
def test_a_history_with_a_row_that_no_training_writes_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "history.csv"
    path.write_text(f"{HEADER}\n{row}\n")
    with pytest.raises(ValueError, match=r"history\.csv, line 2: expected 8 numbers"):
        history.load(path)


@pytest.mark.parametrize("load", [history.load, history.load_losses, events.load])
def test_a_file_that_is_too_large_or_never_ends_is_not_read(
    tmp_path: Path, load: Callable[[Path], Any]
) -> None:
    made_huge(tmp_path / "huge")
    with pytest.raises(ValueError, match=r"huge has more than the \d+ bytes"):
        load(tmp_path / "huge")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ValueError, match="pipe is not a regular file"):
            load(tmp_path / "pipe")


@pytest.mark.parametrize("load", [history.load, history.load_losses])
def test_a_file_that_is_no_text_is_named(tmp_path: Path, load: Callable[[Path], Any]) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="bytes is no text in UTF-8"):
        load(tmp_path / "bytes")


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [("pause", math.nan, None), ("stop", None, {"a": []}), ("back", "<b>", 1), ("back", 1, None)],
)
def test_an_event_with_values_that_it_does_not_have_is_named(
    tmp_path: Path, what: str, old: Any, new: Any
) -> None:
    """A page could not be sent them."""
    row = {"step": 1, "time": "now", "what": what, "old": old, "new": new}
    (tmp_path / "events.jsonl").write_text(json.dumps(row))
    with pytest.raises(ValueError, match=r"events\.jsonl, line 1: expected one of"):
        events.load(tmp_path / "events.jsonl")


@pytest.fixture
def epoch(tmp_path: Path) -> Path:
    """A kept epoch's file."""
    folder = tmp_path / "kept"
    folder.mkdir()
    whole = dataclasses.replace(
        pages.kept(1),
        maps={"0": np.zeros((2, 4, 8, 8), np.uint8)},
        ranges={"0": np.zeros((2, 4, 2), np.float32)},
        filters=np.zeros((4, 3, 3, 3), np.float32),
    )
    path = write_kept(folder, whole)
    assert read_kept(path).maps["0"].shape == (2, 4, 8, 8)
    return path


def forge(path: Path, key: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    arrays, metadata = read_arrays(path)
    assert metadata is not None
    name = next(name for name in arrays if name.startswith(key))
    write_arrays(path, {**arrays, name: change(arrays[name])}, metadata)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("statistics/mean", lambda a: np.stack([a, a], 1)),
        ("statistics/mean", lambda a: a.sum()),
        ("statistics/mean", lambda a: a[:-1]),
        ("scores", lambda a: a > 0),
        ("scores", lambda a: a[:-1]),
        ("maps/", lambda a: a[..., :0]),
        ("maps/", lambda a: a[:-1]),
        ("ranges/", lambda a: a > 0),
        ("filters", lambda a: a.ravel()),
        ("filters", lambda a: a[:0]),
        ("filters", lambda a: a > 0),
    ],
)
def test_a_kept_epoch_whose_arrays_do_not_fit_is_named(
    epoch: Path, key: str, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    forge(epoch, key, change)
    with pytest.raises(StorageError, match=r"epoch-0001\.safetensors is damaged"):
        read_kept(epoch)


def test_a_kept_epoch_under_another_name_is_named(epoch: Path) -> None:
    other = epoch.rename(epoch.with_name(epoch_file(7)))
    with pytest.raises(StorageError, match=r"epoch-0007\.safetensors is damaged: it holds epoch 1"):
        read_kept(other)


def test_kept_epochs_take_so_much_memory_and_no_more(
    epoch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 12):
        write_kept(epoch.parent, pages.kept(number))
    size = epoch.stat().st_size + (epoch.parent / "images.safetensors").stat().st_size
    monkeypatch.setattr(kept, "MOST", 4 * size)
    found, (note,) = kept.read_run(epoch.parent.parent)
    assert [one.epoch for one in found] == [2, 5, 8, 11]
    assert "has 11 epochs, of which one in 3 is shown" in note
    made_huge(epoch.with_name(epoch_file(12)))
    monkeypatch.undo()
    found, (note,) = kept.read_run(epoch.parent.parent)
    assert [one.epoch for one in found] == list(range(1, 12))
    assert "epoch-0012.safetensors has more than the" in note


def test_the_windows_of_a_long_signal_are_not_cut_to_16_bits() -> None:
    from cnnlite.layers import Conv1d
    from cnnlite.layers.trace import trace

    x = np.zeros((1, 1, 40_000), np.float32)
    layer = Conv1d(1, 1, 1, rng=0)
    (_, node) = as_plain(graph(x, trace(layer, x)))
    assert node["rule"]["columns"]["dtype"] == "int32"

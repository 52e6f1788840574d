"""Files that are always whole: nothing half-written, nothing left behind, every fault named."""

from __future__ import annotations

import json
import os
import stat
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cnnlite.checkpoint import CheckpointError, load_weights, save_weights
from cnnlite.files import remove_drafts, replace_file
from cnnlite.storage import StorageError, read_arrays, write_arrays


def some() -> dict[str, np.ndarray]:
    return {"a": np.arange(12, dtype=np.float32).reshape(3, 4), "n": np.array(7)}


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    """safetensors copies raw memory: strided arrays used to come back scrambled."""
    whole = np.arange(24.0).reshape(4, 6)
    arrays = {
        "strided": whole[::2, 1::2],
        "turned": whole.T,
        "fortran": np.asfortranarray(whole),
        "backwards": whole[::-1, ::-1],
        "swapped bytes": np.arange(5, dtype=">f4"),
        "no axes": np.array(3),
        "empty": np.zeros((0, 3), np.float32),
        "half": np.ones(3, np.float16),
        "truth": np.array([True, False]),
        "nan": np.array([np.nan, -np.inf, -0.0, 5e-324]),
    }
    write_arrays(tmp_path / "x", arrays, {"text": 'ä "quoted"\n', "pi": 3.141592653589793})
    back, metadata = read_arrays(tmp_path / "x")
    assert metadata == {"text": 'ä "quoted"\n', "pi": 3.141592653589793}
    assert set(back) == set(arrays)
    for key, array in arrays.items():
        assert back[key].shape == array.shape
        assert back[key].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(back[key], array)
        assert back[key].astype(array.dtype).tobytes() == array.tobytes()


def test_weights_are_plain_safetensors(tmp_path: Path, torch: Any) -> None:
    from safetensors.torch import load_file, save_file

    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    save_file(model.state_dict(), tmp_path / "torch.safetensors")
    state = load_weights(tmp_path / "torch.safetensors")
    assert state["1.num_batches_tracked"].shape == ()
    save_weights(tmp_path / "ours.safetensors", state)
    model.load_state_dict(load_file(tmp_path / "ours.safetensors"))


def test_objects_are_not_stored(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a is object, expected numbers"):
        write_arrays(tmp_path / "x", {"a": np.array([{}])}, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions and links")
def test_permissions_and_links_are_those_of_an_ordinary_write(tmp_path: Path) -> None:
    ordinary, ours = tmp_path / "ordinary", tmp_path / "ours"
    ordinary.write_bytes(b"")
    replace_file(ours, b"1")
    assert stat.S_IMODE(ours.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
    (tmp_path / "link").symlink_to(ours)
    replace_file(tmp_path / "link", b"2")
    assert (tmp_path / "link").is_symlink()
    assert ours.read_bytes() == b"2"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_is_not_replaced_by_a_file() -> None:
    with pytest.raises(OSError, match="/dev/full is not a regular file"):
        replace_file(Path("/dev/full"), b"1")
    assert not Path("/dev/full").is_file()


@pytest.mark.parametrize("fault", ["write", "fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    path = tmp_path / "x"
    write_arrays(path, some(), {})
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    if fault == "write":
        real = open

        def broken(*arguments: Any, **options: Any) -> Any:
            file = real(*arguments, **options)
            file.write(b"half")
            file.close()
            full()

        monkeypatch.setattr("builtins.open", broken)
    else:
        monkeypatch.setattr(os, fault, full)
    with pytest.raises(
        StorageError,
        match="x cannot be written: No space left on device; the file that was there is",
    ):
        write_arrays(path, {"a": np.ones(3)}, {})
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_FSIZE")
def test_a_file_above_the_limit_of_its_size(tmp_path: Path) -> None:
    """What a full disk does, done by the kernel: a process that may write 4096 bytes."""
    path = tmp_path / "x"
    write_arrays(path, some(), {})
    before = path.read_bytes()
    program = """
import resource, sys
import numpy as np
from cnnlite.checkpoint import CheckpointError, save_weights
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    save_weights(sys.argv[1], {"a": np.ones(100000)})
except CheckpointError as error:
    print(error)
"""
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, cwd=root, check=True
    )
    assert (
        "x cannot be written: File too large; the file that was there is untouched" in done.stdout
    )
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_drafts_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "a[b].safetensors"
    for name in (".a[b].safetensors.123.tmp", ".other.123.tmp"):
        (tmp_path / name).write_bytes(b"half")
    remove_drafts(path)
    assert [file.name for file in tmp_path.iterdir()] == [".other.123.tmp"]


# Damaged files


def read_or_complaint(path: Path) -> tuple[dict[str, np.ndarray], Any] | str:
    try:
        return read_arrays(path)
    except StorageError as error:
        return str(error)


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_arrays(path, some(), {"key": 1})
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x01]) + whole[position + 1 :])
        read = read_or_complaint(path)
        if isinstance(read, str):
            assert str(path) in read
        else:  # the mark of cnnlite itself was hit: then it counts as somebody else's file
            assert read[1] is None
            np.testing.assert_equal(read[0], some())


def test_every_truncation_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_arrays(path, some(), {"key": 1})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(StorageError, match="x is damaged, or no safetensors file"):
            read_arrays(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(StorageError, match="x is damaged"):
        read_arrays(path)


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=200),
    header=st.none()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["a", "__metadata__", "dtype", "shape", "data_offsets", "cnnlite"]),
                inner | st.sampled_from(["F32", "BF16", "F8_E4M3"]),
                max_size=4,
            )
        ),
    ),
)
@example(data=b"\x00" * 8, header={"a": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}})
@example(data=b"", header={"a": {"dtype": "F32", "shape": [2**62], "data_offsets": [0, 2**64]}})
@example(data=b"", header={"__metadata__": {"cnnlite": " " + "[" * 50}})
@example(data=b"\x80\x04cos\nsystem\n(S'true'\ntR.", header=None)
def test_strange_files_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, header: Any
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "x"
    if header is not None:
        text = json.dumps(header).encode()
        data = struct.pack("<Q", len(text)) + text + data
    path.write_bytes(data)
    read = read_or_complaint(path)
    if isinstance(read, str):
        assert str(path) in read
    else:
        assert sum(array.nbytes for array in read[0].values()) <= len(data)


def test_equal_weights_give_equal_files_every_time(tmp_path: Path) -> None:
    for _ in range(20):
        save_weights(tmp_path / "a", some())
        save_weights(tmp_path / "b", some())
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_metadata_that_is_no_json_is_named(tmp_path: Path) -> None:
    import cnnlite.storage as storage

    text = "[" * 100_000
    header = {"cnnlite": f"{storage._digest({}, text)} {text}"}
    from safetensors.numpy import save

    (tmp_path / "x").write_bytes(save({}, header))
    with pytest.raises(StorageError, match="x is damaged: its metadata is no JSON"):
        read_arrays(tmp_path / "x")


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nowhere does not exist"):
        load_weights(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"is not a file"):
        load_weights(tmp_path)
    with pytest.raises(CheckpointError, match=r"cannot be written: No such file or directory$"):
        save_weights(tmp_path / "no" / "x", some())

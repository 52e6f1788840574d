"""The reader of pickles admits CIFAR-10's files and refuses everything else, at little cost."""

import contextlib
import os
import pickle
import struct
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnlite.data import DataError
from cnnlite.data.unpickle import MAX_BYTES, MAX_INSTRUCTIONS, loads, read_pickle, read_regular_file

DATA = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072)
CONTENT = {"batch_label": "x", "labels": [3, 9], "data": DATA, "filenames": ["a.png", "b.png"]}


def test_reads_every_form(form) -> None:
    result = loads(form(dict(CONTENT)), "file")
    assert set(result) == set(CONTENT)
    assert result["labels"] == [3, 9]
    np.testing.assert_array_equal(result["data"], DATA)
    assert result["data"].dtype == np.uint8


def test_agrees_with_pickle(form) -> None:
    payload = form(dict(CONTENT))
    expected = pickle.loads(payload, encoding="latin1")
    expected = {k.decode() if isinstance(k, bytes) else k: v for k, v in expected.items()}
    np.testing.assert_array_equal(loads(payload, "file")["data"], expected["data"])


class Runs:
    """Pickles to a call of os.system, as an attacker would have it."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(6))
def test_a_call_of_os_system_is_refused_and_not_made(tmp_path: Path, protocol: int) -> None:
    witness = tmp_path / "witness"
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps({"data": Runs(f"touch {witness}")}, protocol))
    with pytest.raises(DataError, match="data_batch_1"):
        read_pickle(path)
    assert not witness.exists()


def array_state(shape: bytes, dtype: bytes = b"U\x02u1", raw: bytes = b"U\x01x") -> bytes:
    """A dict with one array, its shape, dtype and bytes as given."""
    return (
        b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b"
        b"\x87R(K\x01" + shape + b"cnumpy\ndtype\n" + dtype + b"K\x00K\x01\x87R\x89" + raw + b"tbs."
    )


HUGE = b"J\xff\xff\xff\x7f"
HOSTILE = {
    "a terabyte by its shape": array_state(HUGE + HUGE + b"\x86"),
    "a negative shape": array_state(b"J\xff\xff\xff\xffJ\xff\xff\xff\xff\x86"),
    "a terabyte by its dtype": array_state(b"K\x01\x85", b"U\x0eV1000000000000"),
    "an array of objects": array_state(b"K\x01\x85", b"U\x01O"),
    "many axes": array_state(b"(" + b"K\x01" * 100 + b"t"),
    "a shape that is no tuple": array_state(b"K\x01"),
    "an array as the dtype's name": array_state(b"K\x01\x85").replace(b"U\x02u1", b"]"),
    "a string of 4 GB": b"\x80\x02T\xff\xff\xff\xff.",
    "bytes of 2^63": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.",
    "a bytearray of a terabyte": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".",
    "an integer of any length": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b".",
    "a frame of a terabyte": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"}.}",
    "a memo index of 2^32": b"\x80\x02}r\xff\xff\xff\xffj\xfe\xff\xff\xff.",
    "an empty stack": b"\x80\x02s.",
    "no mark": b"\x80\x02}u.",
    "no end": b"\x80\x02}",
    "nothing": b"",
    "two objects": b"\x80\x02}}.",
    "bytes after the end": b"\x80\x02}.}",
    "a list": b"\x80\x02].",
    "an odd number of items": b"\x80\x02}(U\x01au.",
    "a key that is no string": b"\x80\x02}K\x01K\x01s.",
    "a key that is not ASCII": b"\x80\x02}U\x01\xffK\x01s.",
    "an append to a dict": b"\x80\x02}K\x01a.",
    "text that is not UTF-8": b"\x80\x04\x8c\x01\xff.",
    "a name without an end": b"\x80\x02c" + b"a" * 1000,
    "a name that is not text": b"\x80\x04K\x01K\x01\x93.",
    "a state for a dict": b"\x80\x02})b.",
    "a state that is no tuple": b"\x80\x02}}b.",
    "a call without arguments": b"\x80\x02cnumpy\ndtype\n)R.",
    "a call of a list": b"\x80\x02])R.",
    "arguments that are no tuple": b"\x80\x02cnumpy\ndtype\n]R.",
    "persistent names": b"\x80\x02Pxyz\n.",
    "an instance": b"\x80\x02(ios\nsystem\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "an unknown instruction": b"\x80\x02\xff.",
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_pickles_are_refused_at_once(payload: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="bad file is damaged"):
            loads(payload, "bad file")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_arrays_in_odd_places_are_refused() -> None:
    """Their == is an array, whose truth is an error of another kind."""
    array = array_state(b"K\x01\x85")[3:-2].partition(b"cnumpy.core")  # the array alone
    payload = b"\x80\x02" + array[1] + array[2] + b"q\x01"
    for rest in (b"\x85R.", b"cnumpy\ndtype\nh\x01\x85R.", b"c_codecs\nencode\nh\x01h\x01\x86R."):
        with pytest.raises(DataError):
            loads(payload + rest, "file")


def test_text_encoded_again_and_again_does_not_fill_the_memory() -> None:
    text = b"X" + struct.pack("<I", 2**20) + b"a" * 2**20 + b"q\x00"
    once = b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R"
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="too often"):
            loads(b"\x80\x02" + text + once * 1000, "file")
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_millions_of_containers_do_not_fill_the_memory() -> None:
    with pytest.raises(DataError, match=f"more than {MAX_INSTRUCTIONS} instructions"):
        loads(b"\x80\x02" + b"]" * 10_000_000, "file")


def test_a_tower_of_tuples_takes_no_time_as_a_key() -> None:
    """Hashing it would take 2^100 steps."""
    payload = b"\x80\x02})" + b"2\x86".replace(b"2", b"q\x00h\x00") * 100 + b"K\x01s."
    start = time.perf_counter()
    with pytest.raises(DataError, match="key"):
        loads(payload, "file")
    assert time.perf_counter() - start < 60


def test_deep_nesting_does_not_crash() -> None:
    with pytest.raises(DataError):
        loads(b"\x80\x02)" + b"\x85" * (MAX_INSTRUCTIONS - 3) + b".", "file")


GOOD = pickle.dumps(CONTENT, 2)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=8))
def test_damaged_files_give_a_dict_or_a_data_error(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(GOOD)
    for position, byte in changes:
        damaged[position] = byte
    with contextlib.suppress(DataError):
        assert type(loads(bytes(damaged), "file")) is dict


INSTRUCTIONS = [bytes([code]) for code in b"}](.ue)\x85\x86\x87tNRbsa\x88\x89\x94\x93"] + [
    b"K\x01", b"q\x00", b"h\x00", b"U\x02u1", b"U\x01b", b"\x8c\x05numpy", b"\x8c\x05dtype",
    b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"cnumpy.core.multiarray\n_reconstruct\n",
    b"c_codecs\nencode\n", b"cnumpy.core.numeric\n_frombuffer\n", b"X\x06\x00\x00\x00latin1",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(INSTRUCTIONS), max_size=40))
def test_any_program_gives_a_dict_or_a_data_error(program: list[bytes]) -> None:
    with contextlib.suppress(DataError):
        assert type(loads(b"\x80\x02" + b"".join(program) + b".", "file")) is dict


def test_every_truncation_is_refused() -> None:
    for end in range(0, len(GOOD), 37):
        with pytest.raises(DataError):
            loads(GOOD[:end], "file")


def test_a_file_that_never_ends_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a regular file"):
        read_regular_file(Path(os.devnull), 100)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(DataError, match="pipe"):
            read_regular_file(tmp_path / "pipe", 100)


def test_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    """Room for the largest file that is allowed was made for every file."""
    (tmp_path / "small").write_bytes(b"1")
    tracemalloc.start()
    try:
        assert read_regular_file(tmp_path / "small", MAX_BYTES) == b"1"
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(101))
    with pytest.raises(DataError, match="more than the 100 bytes"):
        read_regular_file(tmp_path / "large", 100)
    assert read_regular_file(tmp_path / "large", 101) == bytes(101)

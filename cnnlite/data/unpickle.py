"""Reads the pickles of CIFAR's python versions without unpickling.

A pickle is a program for a small stack machine, and Python's own machine will call any function
that the program names.  This one knows only the instructions that those files are made of, and
calls nothing: the few names that a file may mention are recognised and done by hand, for arrays of
bytes only.  So the worst that a hostile file can do is to be refused.

Time and memory are bounded by the file's size.  Payloads are slices of the file, sizes are checked
against what is left of it, the number of instructions is limited, and whatever could copy one
payload many times is charged to a budget of the file's size.

Source: the instructions are those of Lib/pickletools.py, protocols 2 to 5.
"""

import os
import pickle
import stat
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite.data.errors import DataError

__all__ = ["MAX_BYTES", "loads", "read_pickle", "read_regular_file"]

MAX_BYTES = 64 * 2**20
"""A batch has 31 MB; saved again by a newer Python, up to 46."""

MAX_INSTRUCTIONS = 200_000
"""A batch has 10,000 labels and 10,000 file names, and at most two instructions for each."""

# What a file may name, and what stands on the stack for it; nothing is ever imported.
_RECONSTRUCT, _NDARRAY, _DTYPE, _ENCODE, _FROMBUFFER = (object() for _ in range(5))
_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy.core.numeric", "_frombuffer"): _FROMBUFFER,
    ("numpy._core.numeric", "_frombuffer"): _FROMBUFFER,
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _DTYPE,
    ("_codecs", "encode"): _ENCODE,
}
_UINT8, _EMPTY_ARRAY = object(), object()  # what dtype("u1") and _reconstruct(...) leave behind


def read_regular_file(path: Path, max_bytes: int) -> bytes:
    """Read a whole file that has at most `max_bytes` bytes.

    Raises:
        DataError: it is larger, or no regular file (a pipe or a device might never end).
        OSError: it is missing or cannot be read.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path} is not a regular file")
    if found.st_size > max_bytes:
        raise DataError(f"{path} has more than the {max_bytes} bytes that such a file may have")
    with open(path, "rb") as file:  # room is made for what is asked for: not for max_bytes
        return file.read(found.st_size)


def read_pickle(path: Path, batches: int = 1) -> dict[str, object]:
    """Read one of CIFAR's pickles: a dict of lists, strings, integers and uint8 arrays.

    Args:
        path: the file.
        batches: how many of CIFAR-10's batches it may be as large as.

    Returns:
        The dict; Python 2's strings come as bytes, but keys always as str.

    Raises:
        DataError: the file is damaged, or holds anything that CIFAR's files do not.
    """
    return loads(read_regular_file(path, batches * MAX_BYTES), str(path), batches)


def loads(data: bytes, name: str, batches: int = 1) -> dict[str, object]:
    """Read such a pickle from memory; `name` is what errors call it."""
    machine = _Machine(data, batches * MAX_INSTRUCTIONS)
    try:
        result = machine.run()
        if type(result) is not dict:
            raise DataError("it holds no dict")
    except (DataError, UnicodeError, IndexError, KeyError) as error:
        reason = error if isinstance(error, DataError) else f"malformed ({type(error).__name__})"
        raise DataError(
            f"{name} is damaged, or no CIFAR file: {reason}, at byte {machine.position}. "
            "Nothing in it was run. Fetch the data again."
        ) from None
    return result


class _Machine:
    def __init__(self, data: bytes, instructions: int) -> None:
        self.data = data
        self.instructions = instructions
        self.position = 0
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}
        self.budget = len(data)

    def run(self) -> object:
        for _ in range(self.instructions):
            code = self.take(1)
            if code == pickle.STOP:
                if self.position != len(self.data) or len(self.stack) != 1:
                    raise DataError("something is left over after its end")
                return self.stack.pop()
            if code not in _INSTRUCTIONS:
                raise DataError(f"instruction {code!r} is not one of those that CIFAR needs")
            _INSTRUCTIONS[code](self)
        raise DataError(f"more than {self.instructions} instructions")

    def take(self, count: int) -> bytes:
        piece = self.data[self.position : self.position + count]
        if len(piece) != count:
            raise DataError(f"{count} bytes expected, {len(piece)} left")
        self.position += count
        return piece

    def number(self, size: int, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def line(self) -> str:
        end = self.data.find(b"\n", self.position, self.position + 100)
        if end < 0:
            raise DataError("a name without an end")
        return self.take(end + 1 - self.position)[:-1].decode("ascii")

    def push(self, value: object) -> None:
        self.stack.append(value)

    def pop_to_mark(self) -> list[object]:
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def pop_tuple(self, count: int) -> None:
        if len(self.stack) < count:
            raise DataError("the stack is empty")
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.push(items)

    def extend(self, items: list[object]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise DataError("something is appended to what is no list")
        target.extend(items)

    def set_items(self, items: list[object]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise DataError("items are put into what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Only strings: hashing a tuple of tuples of tuples can take for ever.
            if type(key) is bytes:
                key = key.decode("ascii")
            if type(key) is not str:
                raise DataError("a key is not a string")
            target[key] = value

    def find(self, module: object, name: object) -> None:
        if type(module) is not str or type(name) is not str or (module, name) not in _GLOBALS:
            what = f"{module}.{name}" if type(module) is type(name) is str else "something odd"
            raise DataError(f"it asks for {what[:100]!r}, which no CIFAR file does")
        self.push(_GLOBALS[module, name])

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.find(module, name)

    def reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(arguments) is not tuple:
            raise DataError("a call without arguments")
        if function is _RECONSTRUCT and arguments[0] is _NDARRAY:
            self.push(_EMPTY_ARRAY)
        elif function is _DTYPE and _is_text(arguments[0], "u1", "|u1"):
            self.push(_UINT8)
        elif function is _ENCODE and type(arguments[0]) is str:
            self.budget -= len(arguments[0])
            if self.budget < 0 or not _is_text(arguments[1], "latin1"):
                raise DataError("text is encoded too often or oddly")
            self.push(arguments[0].encode("latin-1"))
        elif function is _FROMBUFFER and len(arguments) == 4 and _is_text(arguments[3], "C"):
            raw, dtype, shape, _ = arguments
            self.push(_array(raw, dtype, shape))
        else:
            raise DataError("a call that no CIFAR file makes (arrays must be uint8)")

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack.pop()
        if type(state) is not tuple:
            raise DataError("a state that is no tuple")
        if target is _UINT8:  # its state is byte order and the like: nothing, for a byte
            self.push(_UINT8)
        elif target is _EMPTY_ARRAY and len(state) == 5 and state[3] is False:
            _, shape, dtype, _, raw = state
            self.push(_array(raw, dtype, shape))
        else:
            raise DataError("a state that no CIFAR file has")


def _is_text(value: object, *allowed: str) -> bool:
    """Compare strings and nothing else: what else a file may put here has an == of its own."""
    if type(value) is bytes:
        value = value.decode("latin-1")
    return type(value) is str and value in allowed


def _array(raw: Any, dtype: object, shape: Any) -> np.ndarray:
    """View the bytes as an array; the sizes must agree to the byte, so nothing is allocated."""
    sound = (
        type(raw) in (bytes, bytearray)
        and dtype is _UINT8
        and type(shape) is tuple
        and 1 <= len(shape) <= 2
        and all(type(length) is int and 0 <= length <= MAX_BYTES for length in shape)
    )
    if not sound or prod(shape) != len(raw):
        raise DataError("an array whose shape, type and bytes do not agree")
    return np.frombuffer(raw, dtype=np.uint8).reshape(shape)


def _text(machine: _Machine, size: int) -> None:
    machine.push(machine.take(machine.number(size)).decode("utf-8", "surrogatepass"))


def _bytes(machine: _Machine, size: int) -> None:
    machine.push(machine.take(machine.number(size)))


def _put(machine: _Machine, key: int) -> None:
    machine.memo[key] = machine.stack[-1]


# Everything that a file may do: the files as published, and copies saved again by Python 3.
_INSTRUCTIONS: dict[bytes, Callable[[_Machine], object]] = {
    pickle.PROTO: lambda m: m.take(1),
    pickle.FRAME: lambda m: m.take(8),
    pickle.MARK: lambda m: m.marks.append(len(m.stack)),
    pickle.NONE: lambda m: m.push(None),
    pickle.NEWTRUE: lambda m: m.push(True),
    pickle.NEWFALSE: lambda m: m.push(False),
    pickle.BININT: lambda m: m.push(m.number(4, signed=True)),
    pickle.BININT1: lambda m: m.push(m.number(1)),
    pickle.BININT2: lambda m: m.push(m.number(2)),
    pickle.SHORT_BINSTRING: lambda m: _bytes(m, 1),
    pickle.BINSTRING: lambda m: _bytes(m, 4),
    pickle.SHORT_BINBYTES: lambda m: _bytes(m, 1),
    pickle.BINBYTES: lambda m: _bytes(m, 4),
    pickle.BINBYTES8: lambda m: _bytes(m, 8),
    pickle.BYTEARRAY8: lambda m: _bytes(m, 8),
    pickle.SHORT_BINUNICODE: lambda m: _text(m, 1),
    pickle.BINUNICODE: lambda m: _text(m, 4),
    pickle.EMPTY_LIST: lambda m: m.push([]),
    pickle.APPEND: lambda m: m.extend([m.stack.pop()]),
    pickle.APPENDS: lambda m: m.extend(m.pop_to_mark()),
    pickle.EMPTY_DICT: lambda m: m.push({}),
    pickle.SETITEM: lambda m: m.set_items([m.stack.pop(-2), m.stack.pop()]),
    pickle.SETITEMS: lambda m: m.set_items(m.pop_to_mark()),
    pickle.EMPTY_TUPLE: lambda m: m.push(()),
    pickle.TUPLE: lambda m: m.push(tuple(m.pop_to_mark())),
    pickle.TUPLE1: lambda m: m.pop_tuple(1),
    pickle.TUPLE2: lambda m: m.pop_tuple(2),
    pickle.TUPLE3: lambda m: m.pop_tuple(3),
    pickle.BINPUT: lambda m: _put(m, m.number(1)),
    pickle.LONG_BINPUT: lambda m: _put(m, m.number(4)),
    pickle.MEMOIZE: lambda m: _put(m, len(m.memo)),
    pickle.BINGET: lambda m: m.push(m.memo[m.number(1)]),
    pickle.LONG_BINGET: lambda m: m.push(m.memo[m.number(4)]),
    pickle.GLOBAL: lambda m: m.find(m.line(), m.line()),
    pickle.STACK_GLOBAL: _Machine.stack_global,
    pickle.REDUCE: _Machine.reduce,
    pickle.BUILD: _Machine.build,
}

"""What parent and child send each other: JSON with plain arrays, one frame after the other."""

import base64
import json
import os
from typing import Any

import numpy as np

LARGEST = 2**26  # bytes of one array
LONGEST = 2**28  # bytes of one frame
HEAD = 8  # bytes that say how long a frame is
Plain = Any  # what JSON knows


def write_frame(descriptor: int, message: Plain) -> None:
    """Write one message, its length first."""
    body = json.dumps(message).encode()
    rest = memoryview(len(body).to_bytes(HEAD, "big") + body)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read_frame(descriptor: int) -> Plain:
    """Read one message.

    Raises:
        EOFError: the other side is gone.
        ValueError, RecursionError: what came is not a message.
    """
    length = int.from_bytes(_exactly(descriptor, HEAD), "big")
    if length > LONGEST:
        raise ValueError(f"a message of {length} bytes")
    return json.loads(_exactly(descriptor, length))


def _exactly(descriptor: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(descriptor, min(count, 2**20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


class Other:
    """Stands for something that cannot be sent.

    Attributes:
        what: a few words about it.
    """

    def __init__(self, what: str) -> None:
        self.what = what[:200]


def encode(value: Any, depth: int = 0) -> Plain:
    """Turn numbers, arrays, tuples, lists and dicts into what JSON can hold."""
    if value is None or (isinstance(value, bool | float) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return int(value)
    if isinstance(value, str):
        return {"text": value[:200]}
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.kind in "biuf" and array.dtype.itemsize <= 8 and array.nbytes <= LARGEST:
            data = base64.b64encode(array.tobytes()).decode()
            return {"array": data, "dtype": array.dtype.name, "shape": list(array.shape)}
        return {"other": f"an array of shape {array.shape} and dtype {array.dtype}"}
    if depth < 4 and isinstance(value, tuple | list) and len(value) <= 10_000:
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [encode(item, depth + 1) for item in value]}
    if depth < 4 and isinstance(value, dict) and len(value) <= 10_000:
        return {"dict": {str(key): encode(item, depth + 1) for key, item in value.items()}}
    return {"other": f"an object of type {str(type(value).__name__)[:80]}"}


def decode(value: Plain) -> Any:
    """Turn it back.

    Raises:
        ValueError, TypeError, KeyError: it is not what `encode` makes.
    """
    if not isinstance(value, dict):
        small = isinstance(value, int) and abs(value) < 2**63
        if value is None or small or isinstance(value, float):
            return value
        raise ValueError(f"{type(value).__name__} stands for nothing")
    if "array" in value:
        dtype = np.dtype(str(value["dtype"]))
        if dtype.kind not in "biuf" or dtype.itemsize > 8:
            raise ValueError(f"an array of {dtype}")
        shape = [int(size) for size in value["shape"]]
        if any(size < 0 for size in shape):
            raise ValueError(f"an array of shape {shape}")
        return np.frombuffer(base64.b64decode(value["array"]), dtype).reshape(shape).copy()
    if "tuple" in value:
        return tuple(decode(item) for item in value["tuple"])
    if "list" in value:
        return [decode(item) for item in value["list"]]
    if "dict" in value:
        return {key: decode(item) for key, item in value["dict"].items()}
    return str(value["text"]) if "text" in value else Other(str(value["other"]))


FORGED = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)
"""What `decode`, and looking into a reply, may raise where the child has forged it."""


def plain(text: Any) -> str:
    """Return text from someone else's file as one line that cannot control the terminal."""
    return "".join(c if c.isprintable() else " " for c in str(text)[:300])

"""The child process: runs a student's file on given inputs, and writes down what comes back.

It is started as a script by process.py and imports nothing of cnnlite.  It knows the calls and
their inputs, never what is expected: nothing that happens in here can make a result right.
"""

from __future__ import annotations

import base64
import importlib.abc
import json
import linecache
import os
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

ANSWERS = ("cnnlite", "torch", "tensorflow", "jax")  # libraries that have the functions ready
LARGEST = 2**22  # bytes of an array that is sent back; right ones are far smaller
Plain = Any  # what JSON knows


def run(job: dict[str, Plain]) -> dict[str, Plain]:
    """Load the file, make the calls.

    Args:
        job: "file", "helpers" (source), "calls": a list of {"call", "inputs"}.

    Returns:
        {"error": ...} if the file cannot be loaded; else {"names": its functions, "results": ...},
        one for each call up to the first that raised something.
    """
    file = str(job["file"])
    try:
        names = load(file)
    except BaseException as error:  # SystemExit too: it is the student's, not ours
        return {"error": explain(error, file)}
    exec(compile(job["helpers"], "the checker's helpers", "exec"), names)
    results: list[Plain] = []
    for call in job["calls"]:
        inputs = decode(call["inputs"])
        try:
            result = eval(call["call"], {**names, **inputs})
            results.append(
                {
                    "result": encode(result),
                    "inputs": encode(inputs),
                    "alias": shared_memory(result, inputs),
                }
            )
        except BaseException as error:
            results.append({"error": explain(error, file)})
            break
    functions = [name for name, value in names.items() if callable(value)]
    return {"names": functions, "results": results}


def load(file: str) -> dict[str, Any]:
    """Run the file as a module that is not __main__; return its names."""
    module = types.ModuleType(Path(file).stem)
    module.__file__ = file
    sys.modules[module.__name__] = module  # where dataclasses look for it
    sys.path.insert(0, str(Path(file).resolve().parent))  # its neighbours, as if it were run itself
    exec(compile(Path(file).read_bytes(), file, "exec"), module.__dict__)
    return module.__dict__


def explain(error: BaseException, file: str) -> dict[str, Plain]:
    """What was raised, and the last line of the student's file that had a part in it."""
    number = None
    if isinstance(error, SyntaxError) and error.filename == file:
        number = error.lineno
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            number = trace.tb_lineno
        trace = trace.tb_next
    try:
        text = str(error.msg if isinstance(error, SyntaxError) else error)
    except Exception:
        text = ""
    return {
        "type": type(error).__name__,
        "text": " ".join(text.split())[:300],
        "line": number,
        "code": linecache.getline(file, number).strip()[:120] if number else "",
    }


def encode(value: Any, depth: int = 0) -> Plain:
    """Turn numbers, arrays, tuples, lists and dicts into what JSON can hold."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
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
    if depth < 4 and isinstance(value, dict) and len(value) <= 100:
        return {"dict": {str(key): encode(item, depth + 1) for key, item in value.items()}}
    return {"other": f"an object of type {type(value).__name__}"}


def decode(value: Plain) -> Any:
    """Turn it back.

    Raises:
        ValueError, TypeError, KeyError: it is not what `encode` makes.
    """
    if not isinstance(value, dict):
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int) and abs(value) < 2**63:
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


class Other:
    """Stands for something that cannot be sent.

    Attributes:
        what: a few words about it.
    """

    def __init__(self, what: str) -> None:
        self.what = what[:200]


def shared_memory(result: Any, inputs: dict[str, Any]) -> list[Plain]:
    """Return [[place in the result, name of the input]] of arrays that are one memory."""
    parts = list(result) if isinstance(result, tuple | list) else [result]
    found: list[Plain] = []
    for place, part in enumerate(parts):
        for name, given in inputs.items():
            arrays = isinstance(part, np.ndarray) and isinstance(given, np.ndarray)
            if arrays and np.may_share_memory(part, given):
                found.append([place, name])
        if isinstance(part, np.ndarray):
            found += [[place, k] for k in range(place) if parts[k] is part]
    return found


class NoAnswers(importlib.abc.MetaPathFinder):
    """Refuses the libraries in which the exercise is solved already."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in ANSWERS:
            raise ImportError(f"{name} has it ready; this exercise is to be done without")


def limit(megabytes: int, seconds: float) -> None:
    """Keep memory, processor time and files small, where the system can (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    for kind, most in (
        (resource.RLIMIT_AS, megabytes * 2**20),
        (resource.RLIMIT_CPU, int(seconds) + 5),  # outlives the parent's own limit, ends the lost
        (resource.RLIMIT_FSIZE, 2**26),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (most, most))
        except (OSError, ValueError):
            continue  # macOS knows RLIMIT_AS and refuses it


def main() -> None:
    """Read a job from stdin, write the reply to what was stdout when we began."""
    job = json.loads(sys.stdin.buffer.read())
    reply_to = os.dup(1)
    for stream in (0, 1, 2):  # what the student prints goes nowhere, input() finds an end
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    limit(job["megabytes"], job["seconds"])
    sys.meta_path.insert(0, NoAnswers())
    reply = json.dumps(run(job)).encode()
    with open(reply_to, "wb") as out:
        out.write(reply)
    os._exit(0)  # past threads and exit handlers that the student's file may have left


if __name__ == "__main__":
    main()

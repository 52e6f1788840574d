"""In the child: calls functions of the file on given inputs, and writes down what comes back."""

from typing import Any

import numpy as np

from .loaded import Loaded
from .wire import Plain, decode, encode

MOST_FAILED = 100  # cells that are told of


class Calls:
    """Answers {"load": ...}, and then any number of {"calls": ...}."""

    def __init__(self) -> None:
        self.file: Loaded

    def answer(self, request: dict[str, Plain]) -> dict[str, Plain]:
        """Do what is asked.

        Args:
            request: {"load": its source in base64, "shown", "place", "path", "helpers"};
                or {"calls": a list of {"call", "inputs"}}.

        Returns:
            {"error": ...} if the file cannot be loaded; {"names": its functions, "failed": what
            cells of a notebook raised}; or {"results": ...}, one for each call up to the first that
            raised an exception.
        """
        if "load" in request:
            return self._load(request)
        results: list[Plain] = []
        for call in request["calls"]:
            results.append(self._result(call))
            if "error" in results[-1]:
                break
        return {"results": results}

    def _load(self, request: dict[str, Plain]) -> dict[str, Plain]:
        self.file = Loaded(request)
        try:
            self.file.run()
            functions = [name for name, value in self.file.names.items() if callable(value)]
            helpers = compile(request["helpers"], "the checker's helpers", "exec")
            exec(helpers, self.file.names)
        except BaseException as error:  # SystemExit too: it is the file's, not ours
            return {"error": self.file.explain(error)}
        return {"names": functions, "failed": self.file.failed[:MOST_FAILED]}

    def _result(self, call: dict[str, Plain]) -> dict[str, Plain]:
        inputs = decode(call["inputs"])
        try:
            result = eval(call["call"], {**self.file.names, **inputs})
            alias = shared_memory(result, inputs)
            return {"result": encode(result), "inputs": encode(inputs), "alias": alias}
        except BaseException as error:
            return {"error": self.file.explain(error)}


def shared_memory(result: Any, inputs: dict[str, Any]) -> list[Plain]:
    """Return [[place in the result, name of the input]] of arrays that share memory."""
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

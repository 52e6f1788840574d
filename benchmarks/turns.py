"""Turns: the sides of the comparison work one after the other, and medians are taken."""

import multiprocessing
import os
import statistics
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

import numpy as np

from benchmarks.pytorch import TORCH
from benchmarks.runtimes import RUNTIMES
from benchmarks.sides import PREDICTED
from benchmarks.workers import PREDICTING, TRAINING, serve

TURN = 0.15  # seconds that a side works before the next one does
LEAST_STEPS = 2  # of a turn
PREDICTION_TURN = 0.04
ROUNDS = (3, 15)  # at least, at most
PREDICTION_ROUNDS = 10
SLOW_ROUNDS = 3  # of the sides that are only there to compare with
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CNNLITE_NUM_THREADS")


@dataclass
class Measured:
    """What all sides did with one network. Seconds are medians; a side that failed is missing."""

    network: str
    threads: int
    step: dict[str, float] = field(default_factory=dict)  # side: seconds of a training step
    predict: dict[int, dict[str, float]] = field(default_factory=dict)  # images: side: seconds
    memory: dict[str, int] = field(default_factory=dict)  # side: bytes, where they are known
    differences: dict[str, float] = field(default_factory=dict)  # dtype: relative, of losses
    scores: dict[str, float] = field(default_factory=dict)  # runtime: relative, of scores
    missing: dict[str, str] = field(default_factory=dict)  # side: why


class Sides(AbstractContextManager["Sides"]):
    """A process for each side, which end with the `with` block.

    Args:
        network: a key of NETWORKS.
        threads: threads of each side.
        names: keys of SIDES.
    """

    def __init__(self, network: str, threads: int, names: Sequence[str]) -> None:
        self._start = network, threads, names
        self.pipes: dict[str, Connection] = {}
        self.missing: dict[str, str] = {}

    def __enter__(self) -> Self:
        network, threads, names = self._start
        spawn = multiprocessing.get_context("spawn")
        # Read by every thread library when it loads, so before a process starts.
        os.environ.update(dict.fromkeys(THREADS, str(threads)))
        self.workers = []
        for name in names:
            self.pipes[name], theirs = spawn.Pipe()
            arguments = (name, network, threads, theirs)
            self.workers.append(spawn.Process(target=serve, args=arguments, daemon=True))
            self.workers[-1].start()
            theirs.close()  # so that a worker that dies is an EOFError here, not a wait for ever
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pipe in self.pipes.values():
            with suppress(OSError):  # that side has ended by itself
                pipe.send(None)
        for worker in self.workers:
            if kind is not None:
                worker.terminate()
            worker.join()

    def ask(self, name: str, method: str, *arguments: object) -> Any:
        """Let one side work, and return its answer; None if it cannot, and it is asked no more."""
        self.pipes[name].send((method, arguments))
        return self._answer(name)

    def ask_all(self, method: str, *arguments: object) -> dict[str, Any]:
        """Let all sides work at the same time; return the answers."""
        for pipe in self.pipes.values():
            pipe.send((method, arguments))
        answers = {name: self._answer(name) for name in list(self.pipes)}
        return {name: answer for name, answer in answers.items() if name in self.pipes}

    def _answer(self, name: str) -> Any:
        answer = self.pipes[name].recv()
        if isinstance(answer, RuntimeError):
            if name == "cnnlite":  # without it there is nothing to compare
                raise SystemExit(f"benchmarks.versus: cnnlite failed: {answer}")
            self.missing[name] = f"{name}: {answer}"
            self.pipes.pop(name).send(None)
            return None
        return answer


def measure(
    network: str,
    threads: int,
    names: Sequence[str],
    seconds: float,
    compare: bool,
    only: str | None = None,
) -> Measured:
    """Measure all sides on one network.

    Args:
        network: a key of NETWORKS.
        threads: threads of each side.
        names: keys of SIDES.
        seconds: about how long to time training steps.
        compare: whether to compare losses and scores too.
        only: "steps" or "predictions"; None is both.
    """
    steps, predictions = only != "predictions", only != "steps"
    result = Measured(network, threads)
    with Sides(network, threads, names) as sides:
        memory = sides.ask_all("prepare")
        result.memory = {name: size for name, size in memory.items() if size is not None}
        if steps:
            result.step = _steps(sides, seconds)
        if predictions:
            for images in PREDICTED:
                result.predict[images] = _predictions(sides, images)
        if compare and steps:
            for dtype in (np.float64, np.float32):
                result.differences[dtype.__name__] = _difference(sides, dtype)
        if compare and predictions:
            result.scores = _scores(sides)
        result.missing = sides.missing
    return result


def _steps(sides: Sides, seconds: float) -> dict[str, float]:
    names = [name for name in sides.pipes if name in TRAINING]
    first = {name: sides.ask(name, "train", 1) for name in names}
    steps = {name: max(LEAST_STEPS, round(TURN / first[name])) for name in first}
    main = [name for name in first if name not in ("im2col", "sgemm")]
    rounds = int(seconds / sum(first[name] * (steps[name] + 1) for name in main))
    times: dict[str, list[float]] = {name: [] for name in first}
    for turn in range(min(max(rounds, ROUNDS[0]), ROUNDS[1])):
        for name in _from(turn, list(first)):
            if name != "im2col" or turn < SLOW_ROUNDS:
                times[name].append(sides.ask(name, "train", steps[name]))
    return {name: statistics.median(times[name]) for name in times}


def _predictions(sides: Sides, images: int) -> dict[str, float]:
    names = [name for name in sides.pipes if name in PREDICTING]
    first = {name: sides.ask(name, "predict", images, 1) for name in names}
    calls = {name: max(1, round(PREDICTION_TURN / first[name])) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(PREDICTION_ROUNDS):
        for name in _from(turn, names):
            times[name].append(sides.ask(name, "predict", images, calls[name]))
    return {name: statistics.median(times[name]) for name in names}


def _from(turn: int, names: list[str]) -> list[str]:
    """Return the names beginning with another one each turn, so that none has a fixed neighbour."""
    start = turn % len(names)
    return names[start:] + names[:start]


def _difference(sides: Sides, dtype: type) -> float:
    """The largest relative difference of cnnlite's losses to PyTorch's, both of its orders."""
    names = [name for name in ("cnnlite", "im2col", "NCHW", "NHWC") if name in sides.pipes]
    losses = {name: np.array(sides.ask(name, "losses", dtype)) for name in names}
    return max(
        float(np.abs(losses[ours] / losses[theirs] - 1).max())
        for ours in names if ours not in TORCH
        for theirs in names if theirs in TORCH
    )  # fmt: skip


def _scores(sides: Sides) -> dict[str, float]:
    """How far the scores of each runtime are from cnnlite's, relative to the largest."""
    names = [name for name in sides.pipes if name in RUNTIMES]
    ours = sides.ask("cnnlite", "scores")
    scores = {name: sides.ask(name, "scores") for name in names}
    return {name: float(np.abs(scores[name] - ours).max() / np.abs(ours).max()) for name in names}

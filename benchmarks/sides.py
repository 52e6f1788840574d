"""What a side of the comparison is: a framework that predicts, or trains too, and is timed.

All have the same network with the same first weights, and the same batches.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from benchmarks.networks import IMAGE, Network
from benchmarks.resident import Peak

LR, MOMENTUM, WEIGHT_DECAY = 0.01, 0.9, 5e-4
COMPARED_STEPS = 20  # how many losses are compared
COMPARED_IMAGES = 32  # in each of these steps
MEMORY_STEPS = 3  # from the second step on, memory is used again
PREDICTED = (1, 128)  # images in a prediction
SCORED = 8  # images whose scores are compared

Batch = tuple[np.ndarray, np.ndarray]
Step = Callable[[Batch], float]


def batches(images: int, count: int, dtype: type = np.float32) -> list[Batch]:
    """The batches that all sides train on: noise with random labels."""
    rng = np.random.default_rng(0)
    return [
        (rng.standard_normal((images, *IMAGE)).astype(dtype), rng.integers(0, 10, images))
        for _ in range(count)
    ]


class Side(ABC):
    """One framework in one of its modes.

    Args:
        network: what it runs.
        threads: how many it may use.
    """

    predicted: ClassVar[tuple[int, ...]] = PREDICTED

    def __init__(self, network: Network, threads: int) -> None:
        self.network = network
        self.load(threads)
        self.data = batches(network.batch, 4)  # as many as are predicted, or more

    @abstractmethod
    def load(self, threads: int) -> None:
        """Import the framework, and tell it the number of threads."""

    @abstractmethod
    def predictor(self, x: np.ndarray) -> Callable[[], Any]:
        """Return a function that computes the scores of x, as in inference."""

    @abstractmethod
    def fresh(self) -> None:
        """Make the network anew, with its first weights."""

    def prepare(self) -> int | None:
        """Make the network, and predict once; the memory of a training step is None: unknown."""
        self.fresh()
        self.prepare_predictors()
        return None

    def prepare_predictors(self) -> None:
        """Make what predicts each number of images, and predict once."""
        self.predictors = {n: self.predictor(self.data[0][0][:n]) for n in self.predicted}
        for images in self.predicted:
            self.predict(images, 1)

    def scores(self) -> np.ndarray:
        """Return the scores of a few images by the first weights."""
        self.fresh()
        return np.asarray(self.predictor(self.data[0][0][:SCORED])())

    def predict(self, images: int, calls: int) -> float:
        """Predict that many images, that many times; return the seconds of each."""
        predict = self.predictors[images]
        predict()
        start = time.perf_counter()
        for _ in range(calls):
            predict()
        return (time.perf_counter() - start) / calls


class TrainingSide(Side):
    """One that trains, too."""

    taken = 0

    @abstractmethod
    def trainer(self, dtype: type) -> Step:
        """Make the network anew; return a function that takes a step and returns the loss."""

    def fresh(self) -> None:
        self.trainer(np.float32)

    def prepare(self) -> int | None:
        """Take the first steps, and return how far resident memory rises, None if unknown.

        It rises from what imports, data and a step on a few images have left: that step loads
        what is loaded late.
        """
        self.trainer(np.float32)((self.data[0][0][:2], self.data[0][1][:2]))
        with Peak() as peak:
            self.step = self.trainer(np.float32)
            self.train(MEMORY_STEPS)
        self.prepare_predictors()
        return peak.above

    def losses(self, dtype: type) -> list[float]:
        """Train a new network a little, and return the losses."""
        step = self.trainer(dtype)
        return [step(batch) for batch in batches(COMPARED_IMAGES, COMPARED_STEPS, dtype)]

    def train(self, steps: int) -> float:
        """Take steps, after one that wakes threads and fills caches; return seconds a step."""
        self.step(self.data[-1])
        start = time.perf_counter()
        for _ in range(steps):
            self.step(self.data[self.taken % len(self.data)])
            self.taken += 1
        return (time.perf_counter() - start) / steps

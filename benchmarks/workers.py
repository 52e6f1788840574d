"""The sides of the comparison: processes that do what they are told and say how long it took.

All have the same network with the same first weights, and the same batches. Processes are apart so
that thread pools and memory do not mix.
"""

import time
import traceback
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from benchmarks.networks import IMAGE, NETWORKS, Network
from benchmarks.resident import Peak

LR, MOMENTUM, WEIGHT_DECAY = 0.01, 0.9, 5e-4
COMPARED_STEPS = 20  # how many losses are compared
COMPARED_IMAGES = 32  # in each of these steps
MEMORY_STEPS = 3  # from the second step on, memory is used again
PREDICTED = (1, 128)  # images in a prediction
REST = 0.05  # seconds, so that other sides' threads, which spin when they have nothing to do, sleep

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
        network: what it trains.
        threads: how many it may use.
    """

    def __init__(self, network: Network, threads: int) -> None:
        self.network = network
        self.load(threads)
        self.data = batches(network.batch, 4)
        self.taken = 0

    @abstractmethod
    def load(self, threads: int) -> None:
        """Import the framework, and tell it the number of threads."""

    @abstractmethod
    def trainer(self, dtype: type) -> Step:
        """Make the network anew; return a function that takes a step and returns the loss."""

    @abstractmethod
    def predictor(self, x: np.ndarray) -> Callable[[], object]:
        """Return a function that computes the scores of x, as in inference."""

    def prepare(self) -> int | None:
        """Take the first steps, and return how far resident memory rises, None if unknown.

        It rises from what imports, data and a step on a few images have left: that step loads
        what is loaded late.
        """
        self.trainer(np.float32)((self.data[0][0][:2], self.data[0][1][:2]))
        with Peak() as peak:
            self.step = self.trainer(np.float32)
            self.train(MEMORY_STEPS)
        self.predictors = {n: self.predictor(self.data[0][0][:n]) for n in PREDICTED}
        for images in PREDICTED:
            self.predict(images, 1)
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

    def predict(self, images: int, calls: int) -> float:
        """Predict that many images, that many times; return the seconds of each."""
        predict = self.predictors[images]
        predict()
        start = time.perf_counter()
        for _ in range(calls):
            predict()
        return (time.perf_counter() - start) / calls


class Cnnlite(Side):
    """This framework."""

    algorithm = "auto"

    def load(self, threads: int) -> None:
        import cnnlite

        cnnlite.set_num_threads(threads)

    def trainer(self, dtype: type) -> Step:
        import cnnlite

        self.model = model = self.network.make(dtype=dtype, rng=0)
        for _, layer in model.leaves():
            if isinstance(layer, cnnlite.Conv2d):
                layer.algorithm = self.algorithm
        loss = cnnlite.CrossEntropyLoss()
        optimizer = cnnlite.SGD(LR, MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True)

        def step(batch: Batch) -> float:
            x, targets = batch
            scores, cache = model.forward(x)
            value, loss_cache = loss.forward(scores, targets)
            _, grads = model.backward(loss.backward(loss_cache), cache, need_dx=False)
            optimizer.step(model.params, grads)
            return float(value)

        return step

    def predictor(self, x: np.ndarray) -> Callable[[], object]:
        model = self.model
        return lambda: model(x)


class Im2col(Cnnlite):
    """The classic of the course: every convolution as im2col and a matrix product per image."""

    algorithm = "im2col"


class Torch(Side):
    """PyTorch as it comes, images in the order of their axes: NCHW."""

    channels_last = False
    compiled = False

    def load(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.order = torch.channels_last if self.channels_last else torch.contiguous_format

    def trainer(self, dtype: type) -> Step:
        import torch

        from cnnlite.interop.torch import to_torch

        model = to_torch(self.network.make(dtype=dtype, rng=0)).to(memory_format=self.order)
        run: Any = torch.compile(model, dynamic=False) if self.compiled else model
        self.model, self.run = model, run
        optimizer = torch.optim.SGD(
            model.parameters(), LR, MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
        )

        def step(batch: Batch) -> float:
            model.train()
            images = torch.from_numpy(batch[0]).to(memory_format=self.order)
            optimizer.zero_grad()
            value = torch.nn.functional.cross_entropy(run(images), torch.from_numpy(batch[1]))
            value.backward()
            optimizer.step()
            return value.item()

        return step

    def predictor(self, x: np.ndarray) -> Callable[[], object]:
        import torch

        images = torch.from_numpy(x).to(memory_format=self.order)
        model, run = self.model, self.run

        def predict() -> object:
            model.eval()
            with torch.no_grad():
                return run(images)

        return predict


class ChannelsLast(Torch):
    """PyTorch in its other order of memory, NHWC."""

    channels_last = True


class Compiled(Torch):
    """PyTorch with kernels that torch.compile generates and a C++ compiler builds."""

    compiled = True

    def prepare(self) -> None:
        """Compile; memory is not measured, because the compiler lives in this process."""
        self.step = self.trainer(np.float32)
        self.train(1)
        self.predictors = {n: self.predictor(self.data[0][0][:n]) for n in PREDICTED}
        for images in PREDICTED:
            self.predict(images, 1)


class Sgemm:
    """NumPy's product of two float32 matrices of 2048x2048: the machine's own rate."""

    flops = 2 * 2048**3

    def __init__(self, _network: Network, _threads: int) -> None:
        self.a = np.ones((2048, 2048), np.float32)
        self.out = np.empty_like(self.a)

    def prepare(self) -> None:
        """Touch the memory."""
        self.train(1)

    def train(self, steps: int) -> float:
        """Return the seconds of one product; steps are the networks' business."""
        start = time.perf_counter()
        np.matmul(self.a, self.a, out=self.out)
        return time.perf_counter() - start


SIDES = {
    "cnnlite": Cnnlite,
    "im2col": Im2col,
    "NCHW": Torch,
    "NHWC": ChannelsLast,
    "compiled": Compiled,
    "sgemm": Sgemm,
}
TORCH = ("NCHW", "NHWC", "compiled")


def serve(side: str, network: str, threads: int, pipe: Connection) -> None:
    """Be one side: answer each (method, arguments) with what it returns, or with the error's text.

    Args:
        side: a key of SIDES.
        network: a key of NETWORKS.
        threads: threads that this side may use; the parent has set the environment's variables.
        pipe: where requests come from and answers go to; None ends the process.
    """
    warnings.simplefilter("ignore")  # PyTorch's, about itself
    worker = SIDES[side](NETWORKS[network], threads)
    while request := pipe.recv():
        method, arguments = request
        time.sleep(REST)
        try:
            answer = getattr(worker, method)(*arguments)
        except Exception as error:  # a compiler that is missing shall not end the comparison
            answer = RuntimeError(_last_line(error))
        pipe.send(answer)


def _last_line(error: Exception) -> str:
    lines = traceback.format_exception_only(error)[-1].strip().splitlines()
    return lines[0] if lines else type(error).__name__

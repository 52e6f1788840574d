"""The processes of the comparison, which do what they are told and say how long it took.

Processes are apart so that thread pools and memory do not mix.
"""

import signal
import time
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, ClassVar

import numpy as np

from benchmarks.networks import NETWORKS, Network
from benchmarks.pytorch import BFLOAT16, TORCH
from benchmarks.runtimes import RUNTIMES
from benchmarks.sides import LR, MOMENTUM, WEIGHT_DECAY, Batch, Step, TrainingSide
from cnnlite.freezing import freeze
from cnnlite.layers import Layer

REST = 0.05  # seconds, so that other sides' threads, which spin when they have nothing to do, sleep


class Cnnlite(TrainingSide):
    """This framework."""

    algorithm = "auto"
    multiply = "float32"
    recompute = False

    def load(self, threads: int) -> None:
        import cnnlite

        cnnlite.set_num_threads(threads)

    def trainer(self, dtype: type) -> Step:
        import cnnlite

        self.model = model = self.network.make(dtype=dtype, rng=0)
        model.recompute = self.recompute
        for _, layer in model.leaves():
            if isinstance(layer, cnnlite.Conv2d):
                layer.algorithm, layer.multiply = self.algorithm, self.multiply
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

    def predictor(self, x: np.ndarray) -> Callable[[], Any]:
        model = frozen(self.model)
        return lambda: model(x)


def frozen(model: Layer) -> Callable[[np.ndarray], np.ndarray]:
    """Return what predicts fastest as a network does."""
    return freeze(model)


class Recompute(Cnnlite):
    """With less memory: cheap outputs are computed again in backward."""

    recompute = True
    predicted: ClassVar = ()  # in inference nothing is kept


class Bfloat16Products(Cnnlite):
    """With products of 3x3 convolutions in bfloat16."""

    multiply = "bfloat16"
    predicted: ClassVar = ()


class Im2col(Cnnlite):
    """The classic of the course: every convolution as im2col and a matrix product per image."""

    algorithm = "im2col"


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
    "recompute": Recompute,
    "bfloat16": Bfloat16Products,
    "im2col": Im2col,
    **TORCH,
    **BFLOAT16,
    **RUNTIMES,
    "sgemm": Sgemm,
}
TRAINING = {name for name, side in SIDES.items() if hasattr(side, "train")}
PREDICTING = {name for name, side in SIDES.items() if getattr(side, "predicted", ())}


def serve(side: str, network: str, threads: int, pipe: Connection) -> None:
    """Be one side: answer each (method, arguments) with what it returns, or with the error's text.

    Args:
        side: a key of SIDES.
        network: a key of NETWORKS.
        threads: threads that this side may use; the parent has set the environment's variables.
        pipe: where requests come from and answers go to; None ends the process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C, and ends the sides
    warnings.simplefilter("ignore")  # PyTorch's, about itself
    worker = None
    while request := pipe.recv():
        method, arguments = request
        time.sleep(REST)
        try:
            worker = worker or SIDES[side](NETWORKS[network], threads)
            answer = getattr(worker, method)(*arguments)
        except Exception as error:  # a compiler that is missing shall not end the comparison
            answer = RuntimeError(_last_line(error))
        pipe.send(answer)


def _last_line(error: Exception) -> str:
    lines = traceback.format_exception_only(error)[-1].strip().splitlines()
    return lines[0] if lines else type(error).__name__

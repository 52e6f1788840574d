"""PyTorch in its modes: the order of images in memory, torch.compile, bfloat16 autocast."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from benchmarks.sides import LR, MOMENTUM, WEIGHT_DECAY, Batch, Step, TrainingSide


class Torch(TrainingSide):
    """PyTorch as it comes, images in the order of their axes: NCHW."""

    channels_last = False
    compiled = False
    bfloat16 = False

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
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
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
        self.prepare_predictors()

    def predictor(self, x: np.ndarray) -> Callable[[], Any]:
        """Compile anew for inference: weights are constants then, and batch-norm is folded in."""
        import torch
        import torch._inductor.config

        torch._inductor.config.freezing = True
        self.run = torch.compile(self.model, dynamic=False)
        return super().predictor(x)


class Bfloat16(Torch):
    """PyTorch's bfloat16 autocast: its products in bfloat16, weights and sums in float32."""

    bfloat16 = True
    predicted: ClassVar = ()  # inference is compared in float32


class Bfloat16ChannelsLast(Bfloat16):
    """The same in the other order of memory, NHWC."""

    channels_last = True


class Bfloat16Compiled(Bfloat16, Compiled):
    """The same compiled."""


TORCH = {"NCHW": Torch, "NHWC": ChannelsLast, "compiled": Compiled}
BFLOAT16 = {
    "bf16 NCHW": Bfloat16, "bf16 NHWC": Bfloat16ChannelsLast, "bf16 compiled": Bfloat16Compiled,
}  # fmt: skip

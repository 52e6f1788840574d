"""Depthwise 3x3 convolutions beside PyTorch's and beside the memory's limit.

    python -m benchmarks.depthwise                 # one thread, then two
    python -m benchmarks.depthwise --threads 1 --rounds 50 --batch 128

Prints milliseconds of the forward pass and of forward and backward together. PyTorch has the best
of two memory formats (contiguous and channels_last, oneDNN in both); all three take turns, and the
fastest turn counts, because other work on the machine only ever adds time. With one thread it is
the processor's time. The limit is what moving
each array once takes: x and y forwards; both again, dy, dx and weights backwards.
"""

import argparse
import time
from collections.abc import Callable

import torch

import cnnlite
from benchmarks.text import table
from cnnlite.functional import conv2d_backward, conv2d_forward
from cnnlite.rates import memory_rate

# channels, pixels of a side, stride
LAYERS = (
    (32, 32, 1), (64, 32, 1), (64, 16, 1), (128, 16, 1), (64, 8, 1), (128, 8, 1),
    (32, 32, 2), (64, 32, 2), (128, 16, 2), (128, 8, 2),
)  # fmt: skip

Works = dict[str, Callable[[], object]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    memory = memory_rate(5)
    for threads in arguments.threads:
        cnnlite.set_num_threads(threads)
        torch.set_num_threads(threads)
        rows = [
            row
            for layer in LAYERS
            for row in _measure(layer, arguments.batch, arguments.rounds, memory)
        ]
        header = ["layer", "pass", "cnnlite", "contiguous", "channels_last", "times", "of limit"]
        print(f"{threads} threads, batch {arguments.batch}, memory {memory:.0f} GB/s (one thread)")
        print(table(header, rows))


def _measure(
    layer: tuple[int, int, int], batch: int, rounds: int, memory: float
) -> list[list[str]]:
    """Return the rows of a layer."""
    channels, size, stride = layer
    x = torch.randn(batch, channels, size, size)
    weight, bias = torch.randn(channels, 1, 3, 3), torch.randn(channels)
    with torch.no_grad():
        dy = torch.randn_like(torch.conv2d(x, weight, bias, stride, 1, 1, channels))
    rows = []
    for name, backwards in (("forward", False), ("and backward", True)):
        works: Works = {"cnnlite": _ours(x, weight, bias, dy, stride, backwards)}
        for form in ("contiguous_format", "channels_last"):
            layout = [a.to(memory_format=getattr(torch, form)) for a in (x, weight, dy)]
            works[form] = _theirs(layout[0], layout[1], bias, layout[2], stride, backwards)
        times = _fastest(works, rounds)
        ours, *theirs = times.values()
        moved = 4 * (x.numel() + dy.numel()) * (3 if backwards else 1)
        rows.append([
            f"{channels} @{size}/{stride}", name, *(f"{t * 1e3:.2f}" for t in times.values()),
            f"{min(theirs) / ours:.2f}", f"{moved / memory / 1e9 / ours:.0%}",
        ])  # fmt: skip
    return rows


def _ours(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, dy: torch.Tensor, stride: int,
    backwards: bool,
) -> Callable[[], object]:  # fmt: skip
    arrays = [tensor.numpy() for tensor in (x, weight, bias)]
    gradient, groups = dy.numpy(), x.shape[1]

    def work() -> object:
        y, cache = conv2d_forward(*arrays, stride, 1, groups=groups)
        return conv2d_backward(gradient, cache) if backwards else y

    return work


def _theirs(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, dy: torch.Tensor, stride: int,
    backwards: bool,
) -> Callable[[], object]:  # fmt: skip
    leaves = [tensor.detach().clone().requires_grad_(backwards) for tensor in (x, weight, bias)]

    def work() -> object:
        with torch.set_grad_enabled(backwards):
            y = torch.conv2d(*leaves, stride, 1, 1, x.shape[1])
            return torch.autograd.grad(y, leaves, dy) if backwards else y

    return work


def _fastest(works: Works, rounds: int) -> dict[str, float]:
    """Return the seconds of each work's fastest turn."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times = dict.fromkeys(works, float("inf"))
    for turn in range(rounds + 1):
        for name, work in works.items():
            start = clock()
            work()
            if turn:  # the first one wakes threads and touches memory
                times[name] = min(times[name], clock() - start)
    return times


if __name__ == "__main__":
    main()

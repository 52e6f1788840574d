"""Resident memory while a training reads data that is larger than the memory may be.

    python -m benchmarks.streaming [--images 1000000] [--pictures 20000] [--kind zarr ...]

makes the data in a temporary folder (files with holes, which take no room), trains a softmax
classifier on each kind, and prints what the process has in memory (VmRSS) when its first 200 steps
are done, the most it has after that, and images per second. `slow` is a source that takes as long
for a batch as a step does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.resident import status
from cnnlite import Solver
from cnnlite.callbacks import Callback
from cnnlite.data import Dataset, Normalization, draw_folder, folder
from cnnlite.models import softmax_classifier, three_layer_convnet
from cnnlite.optim import SGD

BEGIN, BATCH = 200, 128
SHAPE = (3, 32, 32)
PLAIN = Normalization(np.ones((3, 1, 1), np.float32), np.zeros((3, 1, 1), np.float32))


class Watched(Callback):
    """Ends a training after so many steps; notes its memory after BEGIN steps, and the most."""

    def __init__(self, steps: int) -> None:
        self.last, self.begin, self.most = steps, 0, 0

    def after_step(self, solver: Any) -> None:
        here = status("VmRSS") or 0
        if solver.step == BEGIN:
            self.begin, self.clock = here, time.perf_counter()
        self.most = max(self.most, here)
        if solver.step == self.last:
            self.rate = BATCH * (self.last - BEGIN) / (time.perf_counter() - self.clock)
            solver.control.stop()


def mapped(place: Path, images: int) -> Any:
    """A memory map of a file that is one hole."""
    return np.memmap(place / "images", np.uint8, "w+", shape=(images, *SHAPE))


def zarr_array(place: Path, images: int) -> Any:
    """Chunks of 250 images; every eighth one is there, and the others are holes."""
    import zarr

    form = {"shape": (images, *SHAPE), "chunks": (250, *SHAPE), "dtype": "u1"}
    kept = zarr.create_array(place / "images.zarr", **form)
    noise = np.random.default_rng(0).integers(0, 256, (250, *SHAPE), dtype=np.uint8)
    for start in range(0, images - 249, 2000):
        kept[start : start + 250] = noise
    return kept


class Slow:
    """Waits before it gives a batch, as a disk does."""

    def __init__(self, images: int, seconds: float) -> None:
        self.shape, self.dtype = (images, *SHAPE), np.dtype(np.uint8)
        self.seconds = seconds

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        time.sleep(self.seconds)
        return np.zeros((len(index), *self.shape[1:]), np.uint8)


def of_images(X: Any) -> Dataset:
    """Return a data set of two classes; its first 1000 images validate."""
    y = (np.arange(X.shape[0]) % 2).astype(np.uint8)
    small = np.zeros((1000, *SHAPE), np.uint8)
    arrays = {"X_train": X, "y_train": y, "X_val": small, "y_val": y[:1000]}
    return Dataset(arrays, ["even", "odd"], PLAIN)


def pictures(place: Path, number: int) -> Dataset:
    """Return a folder of so many pictures, hard links to a few, that are decoded for each batch."""
    os.environ["CNNLITE_CACHE"] = str(place / "cache")
    drawn = draw_folder(place / "drawn", classes=2, per_class=20)
    files = sorted(drawn.glob("*/*"))
    for i in range(number):
        file = files[i % len(files)]
        there = place / "many" / file.parent.name
        there.mkdir(parents=True, exist_ok=True)
        os.link(file, there / f"{i:07d}{file.suffix}")
    return folder(place / "many", size=32, stream=True)


def report(name: str, data: Dataset, steps: int) -> None:
    """Train, and print a line."""
    watched = Watched(steps)
    model = softmax_classifier(2, SHAPE, rng=0)
    epochs = 1 + steps * BATCH // len(data["X_train"])
    Solver(
        model,
        data,
        batch_size=BATCH,
        num_epochs=epochs,
        optimizer=SGD(1e-6),
        callbacks=[watched],
        verbose=False,
    ).train()
    size = np.prod(data["X_train"].shape) / 1e6
    print(
        f"{name:24s} {len(data['X_train']):9,d} images {size:7.0f} MB"
        f"   memory {watched.begin / 1e6:5.0f} MB, most {watched.most / 1e6:5.0f} MB"
        f"   {watched.rate:8,.0f} images/s",
        flush=True,
    )


class Alone(Slow):
    """Lets no other thread read, so that nothing is read ahead."""

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("belongs to another thread")
        return super().__getitem__(index)


class Clock(Callback):
    """Notes when steps end."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def after_step(self, solver: Any) -> None:
        self.times.append(time.perf_counter())


def overlap() -> None:
    """Print the time of a step with a source as slow as a step, read ahead and not."""

    def step(kind: type[Slow], seconds: float) -> float:
        clock, source = Clock(), kind(60 * BATCH, seconds)
        Solver(
            three_layer_convnet(num_classes=2, rng=0), of_images(source), batch_size=BATCH,
            num_epochs=1, num_train_samples=1, callbacks=[clock], verbose=False,
        ).train()  # fmt: skip
        return statistics.median(np.diff(clock.times))

    once = step(Slow, 0)
    print(
        f"slow: a step takes {1e3 * once:.1f} ms, and so does reading a batch: one after the other "
        f"{1e3 * step(Alone, once):.1f} ms, read ahead {1e3 * step(Slow, once):.1f} ms"
    )


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=2000, help=f"more than {BEGIN}")
    kinds = ("map", "zarr", "pictures", "slow")
    parser.add_argument("--kind", choices=kinds, action="append", help="only this kind")
    asked = parser.parse_args()
    if asked.steps <= BEGIN:
        parser.error(f"--steps must be more than {BEGIN}")
    chosen = asked.kind or kinds
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        if "map" in chosen:
            report("memory map", of_images(mapped(place, asked.images)), asked.steps)
        if "zarr" in chosen:
            report("zarr, chunks of 250", of_images(zarr_array(place, asked.images)), asked.steps)
        if "pictures" in chosen:
            report("pictures, decoded", pictures(place, asked.pictures), asked.steps)
        if "slow" in chosen:
            overlap()


if __name__ == "__main__":
    main()

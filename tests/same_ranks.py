"""The same trainings on 1, 2 and 4 processes; all of them must end with the same bits.

    python -m tests.same_ranks              compare, print a table, exit status 1 if one differs
    mpirun -n 2 python -m tests.same_ranks train [NAME ...]
                                            train, and print the SHA-256 of each network

The SHA-256 is of the weights, of what the optimizer remembers and of the whole history, and each
rank must have it.  A training is killed, and continued with another number of ranks, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from cnnlite import Solver, layers, models
from cnnlite.callbacks import Callback
from cnnlite.checkpoint import Checkpoint
from cnnlite.data import RandomCropFlip, embedded
from cnnlite.optim import SGD
from cnnlite.schedules import Cosine
from tests import trainings

ROOT = Path(__file__).parents[1]
SHARDS = 4
LAST_STEP = 6


def _dropout_network() -> layers.Sequential:
    return layers.Sequential(
        layers.Conv2d(3, 16, 3, padding=1, rng=1),
        layers.ReLU(),
        layers.Dropout2d(0.2),
        layers.MaxPool2d(4),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Linear(1024, 10, rng=2),
    )


def _sync_network() -> layers.Layer:
    return layers.SyncBatchNorm.convert_sync_batchnorm(models.MODELS["small_vgg"](rng=0))


NETWORKS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "VGG with batch-norm": (lambda: models.MODELS["small_vgg"](rng=0), {}),
    "ResNet-20, augmented": (
        lambda: models.MODELS["resnet20"](rng=0), {"augment": RandomCropFlip()},
    ),
    "a net with dropout": (_dropout_network, {"clip_norm": 0.5}),
    "synchronised batch-norm": (_sync_network, {}),
    "small": (trainings.model, {"ema": 0.9}),
}  # fmt: skip


class KillAt(Callback):
    """Kills one rank, as the system does where memory is short."""

    def __init__(self, step: int, rank: int) -> None:
        self._step, self._rank = step, rank

    def after_step(self, solver: Any) -> None:
        if solver.step == self._step and solver.ranks.rank == self._rank:
            time.sleep(0.2)
            os.kill(os.getpid(), 9)


def solver(name: str, **given: Any) -> Solver:
    """Return a training of two short epochs; the last batch of each is short."""
    make, options = NETWORKS[name]
    data: Any = trainings.data(num_train=40) if name == "small" else _images()
    return Solver(
        make(),
        data,
        optimizer=SGD(0.05, momentum=0.9, weight_decay=5e-4, nesterov=True),
        schedule=Cosine(warmup=2),
        batch_size=16,
        num_epochs=LAST_STEP // 3,
        num_train_samples=20,
        verbose=False,
        **{"shards": SHARDS, **options, **given},
    )


def _images() -> Mapping[str, Any]:
    whole = embedded(num_train=38, num_validation=20, num_test=0)
    return {key: whole[key] for key in ("X_train", "y_train", "X_val", "y_val")}


def train(names: list[str], **given: Any) -> None:
    """Train each of these networks; the first rank prints its name and the SHA-256."""
    for name in names or NETWORKS:
        training = solver(name, **given)
        path = training.checkpoint and training.checkpoint.path
        training.resume() if path and path.exists() else training.train()
        found = set(training.ranks.texts(trainings.fingerprint(training)))
        if training.ranks.first:
            print(f"{name}: {found.pop() if len(found) == 1 else 'the ranks differ'}", flush=True)


def run(
    ranks: int, *words: str, threads: int = 1, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run this program on so many ranks."""
    command = [sys.executable, "-m", "tests.same_ranks", *words]
    if ranks > 1:
        command = ["mpirun", "-n", str(ranks), *command]
    variables = {**os.environ, "CNNLITE_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=check, timeout=200
    )


def compare() -> bool:
    """Compare numbers of ranks and threads; print, and return whether all agree."""
    found: dict[str, set[str]] = {}
    for ranks, threads in product((1, 2, 4), (1, 2)):
        for line in run(ranks, "train", threads=threads).stdout.splitlines():
            name, _, digest = line.partition(": ")
            print(f"{ranks} ranks, {threads} threads  {name:25}{digest}", flush=True)
            found.setdefault(name, set()).add(digest)
    for name in NETWORKS:
        for first, then in ((4, 2), (2, 1), (1, 4)):
            digest = killed_and_continued(name, first, then)
            print(f"killed on {first}, ended on {then}  {name:25}{digest}", flush=True)
            found[name].add(digest)
    same = set(found) == set(NETWORKS) and all(len(digests) == 1 for digests in found.values())
    print("the same bits" if same else "DIFFERENT bits")
    return same


def killed_and_continued(name: str, first: int, then: int) -> str:
    """Kill a rank in the middle; return the SHA-256 of what another number of ranks makes of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "x.safetensors"))
        killed = run(first, "kill", path, name, check=False)
        assert killed.returncode, killed.stdout
        assert Path(path).exists(), killed.stderr
        return run(then, "resume", path, name).stdout.strip().partition(": ")[2]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["train", *names]:
            train(names)
        case ["kill", path, name]:
            every = Checkpoint(path, every_steps=1)
            last = int(os.environ.get("PMI_SIZE", "1")) - 1
            train([name], checkpoint=every, callbacks=[KillAt(LAST_STEP - 2, last)])
        case ["resume", path, name]:
            train([name], checkpoint=Checkpoint(path, every_steps=1))
        case []:
            sys.exit(0 if compare() else 1)

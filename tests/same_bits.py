"""The same trainings in many ways; all of them must end with the same bits.

    python -m tests.same_bits                  compare, print tables, exit status 1 if one differs
    python -m tests.same_bits clang gcc-14     and with kernels that these compilers build
    python -m tests.same_bits train            train in this process, print build and SHA-256
    python -m tests.same_bits store            write tests/same_bits.json anew

The first training has all that could make a difference: batch-norm, dropout, crops and flips, every
rung that `auto` takes, a residual block, a short last batch, accuracy on the way.  The comparison
runs it with 1, 2, 3 and 4 threads, once more, and with kernels that are built for one thread.

Then each network of the zoo is trained with each instruction set that this machine has
(`zoo_bits.py`).  The hashes stand in tests/same_bits.json, and are those of every other machine.
"""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np

from cnnlite import Solver, layers
from cnnlite.backend import kernels
from cnnlite.data import RandomCropFlip
from cnnlite.environment import INSTRUCTION_SETS
from cnnlite.optim import SGD
from cnnlite.schedules import Cosine
from tests import trainings, zoo_bits
from tests.builds import ROOT, build, environment


def network() -> layers.Sequential:
    """About the shapes of the zoo's larger networks, with one of each kind of layer."""
    block = layers.Sequential(
        layers.Conv2d(32, 32, 3, padding=1, rng=2),
        layers.BatchNorm2d(32),
        layers.GELU(),
        layers.Conv2d(32, 32, 3, padding=1, groups=2, rng=3),
        layers.GroupNorm(4, 32),
    )
    return layers.Sequential(
        layers.Conv2d(3, 32, 3, padding=1, rng=0),
        layers.BatchNorm2d(32),
        layers.ReLU(),
        layers.Residual(block),
        layers.MaxPool2d(2),
        layers.Conv2d(32, 64, 3, padding=1, rng=4),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Conv2d(64, 64, 3, stride=2, padding=1, rng=5),
        layers.Dropout(0.3),
        layers.Conv2d(64, 64, 1, rng=6),
        layers.ReLU(),
        layers.MaxPool2d(3, stride=1, padding=1),
        layers.AvgPool2d(2),
        layers.Flatten(),
        layers.Dropout(0.2),
        layers.Linear(256, 10, rng=7),
    )


def train() -> str:
    """Train for two epochs of three steps; return the SHA-256 of weights and history."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (100, 3, 32, 32), dtype=np.uint8)
    labels = rng.integers(0, 10, 100)
    data = {"X_train": images, "y_train": labels, "X_val": images[:50], "y_val": labels[:50]}
    solver = Solver(
        network(),
        data,
        optimizer=SGD(0.05, momentum=0.9, weight_decay=5e-4, nesterov=True),
        schedule=Cosine(warmup=2),
        augment=RandomCropFlip(),
        batch_size=40,
        num_epochs=2,
        verbose=False,
    )
    solver.train()
    return trainings.fingerprint(solver)


def elsewhere(folder: Path, threads: int) -> list[str]:
    """Train with the build in `folder`, in a process of its own.

    Returns:
        What it says: the number of threads, parallel or serial, SHA-256.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.same_bits", "train"],
        cwd=folder,  # what is here comes before all else
        env={**environment(folder), "CNNLITE_NUM_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.split()


def compare_builds(serial: Path) -> bool:
    """Compare numbers of threads and the serial build; print, and return whether all agree."""
    with ThreadPoolExecutor(os.cpu_count()) as several:
        folders = [ROOT] * 5 + [serial]
        rows = list(several.map(elsewhere, folders, (1, 2, 3, 4, 4, 1)))
    for threads, name, digest in rows:
        print(f"{name:10}{threads:>2} threads   {digest}")
    if rows[-1][1] != "serial":
        print("the serial build is not serial")
        return False
    same = len({digest for *_, digest in rows}) == 1
    print(f"{len(rows)} trainings, {'the same bits' if same else 'DIFFERENT bits'}\n")
    return same


def compare_sets(folders: dict[str, Path]) -> bool:
    """Compare instruction sets and builds, by name, with what is stored; print, as above."""
    ways = list(product(folders, INSTRUCTION_SETS, (1, 2)))
    with ThreadPoolExecutor(os.cpu_count()) as several:
        results = several.map(lambda way: zoo_bits.elsewhere(folders[way[0]], *way[1:]), ways)
        found = dict(zip(ways, results, strict=True))
    tables = zoo_bits.tables()
    same = True
    for (name, isa, _), result in found.items():
        if result and result["rounding"] not in tables:
            print(f"{isa}, {name}: no table for machines {result['rounding']}")
            same = False
    for title, table in tables.items():
        print(title)
        for network, digest in table["networks"].items():
            print(f"  {network:32}{digest}")
        for (name, isa, threads), result in found.items():
            if result is None or result["rounding"] != title:
                continue
            differing = zoo_bits.differing(result, table)
            verdict = f"DIFFERENT bits: {', '.join(differing)}" if differing else "the same bits"
            print(f"  {isa}, {threads} threads, {name}: {verdict}")
            same = same and not differing
    return same


def store() -> None:
    """Write the hashes of the best instruction set of each kind."""
    tables = {}
    for isa in INSTRUCTION_SETS:
        if found := zoo_bits.elsewhere(ROOT, isa, 1):
            tables.setdefault(found.pop("rounding"), found)
    zoo_bits.FILE.write_text(json.dumps(tables, indent=1) + "\n")


def main(compilers: list[str]) -> int:
    """Compare; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        serial = build(Path(folder, "serial"), CNNLITE_SERIAL="1")
        folders = {"this build": ROOT}
        for name in compilers:
            linker = {"CC": name, "LDSHARED": f"{name} -shared"}
            folders[name] = build(Path(folder, str(len(folders))), **linker)
        same = compare_builds(serial)
        return 0 if compare_sets(folders) and same else 1


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["train"]:
            name = "parallel" if kernels.multithreaded() else "serial"
            print(kernels.get_num_threads(), name, train())
        case ["store"]:
            store()
        case compilers:
            sys.exit(main(compilers))

"""Each network of the zoo after an epoch of the embedded set, as one hash, on any machine.

`tests/same_bits.json` has the hashes: one table for machines with fused multiply-add, whatever
their vectors' width, and one for those without.

    python -m tests.zoo_bits                        hash them in this process, as JSON
    python -m tests.zoo_bits NETWORK avx512 avx2    name the first kernel that gives other bits
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from cnnlite import Solver, kernel_list, models
from cnnlite.backend import kernels
from cnnlite.data import RandomCropFlip, embedded
from cnnlite.environment import INSTRUCTION_SETS
from cnnlite.optim import SGD, Adam, Optimizer
from cnnlite.schedules import Cosine
from tests import kernel_bits, trainings
from tests.builds import environment

FILE = Path(__file__).with_suffix("").with_name("same_bits.json")
ADAM = " with Adam"
NETWORKS = (*models.MODELS, "three_layer_convnet" + ADAM, "resnet20" + ADAM)

Digests = dict[str, str]
Table = dict[str, Any]  # networks and kernels; found in a process, also its rounding


def train(name: str) -> Solver:
    """Train a network of NETWORKS for an epoch of two whole batches and a short one."""
    optimizer: Optimizer = SGD(0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    if name.endswith(ADAM):
        optimizer = Adam(0.003)
    solver = Solver(
        models.MODELS[name.removesuffix(ADAM)](rng=0),
        embedded(num_train=56, num_validation=24, num_test=0),
        optimizer=optimizer,
        schedule=Cosine(warmup=1),
        augment=RandomCropFlip(),
        batch_size=24,
        num_epochs=1,
        verbose=False,
    )
    solver.train()
    return solver


def networks() -> Digests:
    """Return the hashes of all networks."""
    return {name: trainings.fingerprint(train(name))[:16] for name in NETWORKS}


def rounding() -> str:
    """Return the name of the table that holds this machine's hashes."""
    return f"{'with' if kernels.fused_multiply_add() else 'without'} fused multiply-add"


def tables() -> dict[str, Table]:
    """Return the stored hashes, by rounding."""
    stored: dict[str, Table] = json.loads(FILE.read_text())
    return stored


def differing(found: Table, expected: Table) -> list[str]:
    """Return the names of the hashes that are not as they should be."""
    return [
        f"{kind} {case}"
        for kind in ("networks", "kernels")
        for case, digest in expected[kind].items()
        if found[kind].get(case) != digest
    ]


def elsewhere(folder: Path, isa: str, threads: int, *arguments: str) -> Any:
    """Return what this file prints in a process of its own; None where there is no such set."""
    settings = {"CNNLITE_ISA": isa, "CNNLITE_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.zoo_bits", *arguments],
        cwd=folder,
        env={**environment(folder), **settings},
        capture_output=True,
        text=True,
    )
    if done.returncode and f"CNNLITE_ISA is {isa!r}" in done.stderr:
        return None
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def trace(name: str) -> list[list[Any]]:
    """Train a network; return each kernel's name, hashes of what it wrote, and shapes."""
    calls: list[list[Any]] = []

    def watched(kernel: str) -> Any:
        function = getattr(kernels, kernel)

        def call(*given: Any, **named: Any) -> Any:
            both = {str(place): a for place, a in (*enumerate(given), *named.items())}
            arrays = {place: a for place, a in both.items() if isinstance(a, np.ndarray)}
            before = {place: a.tobytes() for place, a in arrays.items()}
            result = function(*given, **named)
            written = [place for place, a in arrays.items() if a.tobytes() != before[place]]
            hashes = {p: hashlib.sha256(arrays[p].tobytes()).hexdigest() for p in written}
            calls.append([kernel, hashes, [getattr(a, "shape", None) for a in given]])
            return result

        return call

    for kernel in (name for names in kernel_list.KERNELS.values() for name in names):
        setattr(kernels, kernel, watched(kernel))
    train(name)
    return calls


def compare(name: str, first: str, second: str) -> str:
    """Return a line that says where two instruction sets part."""
    here = Path.cwd()
    calls = (elsewhere(here, isa, 1, name, "trace") for isa in (first, second))
    for number, (one, other) in enumerate(zip(*calls, strict=True)):
        differing = [place for place, bits in one[1].items() if other[1].get(place) != bits]
        if differing:
            which = ", ".join(differing)
            return f"{name}: call {number}, {one[0]}{one[2]}, differs in argument {which}"
    return f"{name}: the same bits in all kernels"


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            found = {"networks": networks(), "kernels": kernel_bits.digests()}
            print(json.dumps({"rounding": rounding(), **found}))
        case [network, "trace"]:
            print(json.dumps(trace(network)))
        case [network, one, other] if {one, other} <= set(INSTRUCTION_SETS):
            print(compare(network, one, other))
        case _:
            sys.exit(__doc__)

"""A sweep of 16 small runs on 2 cores, against the same runs by hand.

    python -m benchmarks.sweep [ROUNDS]        default: 3 rounds

The sides take turns, in another order each round, and medians are compared:

    sweep      cnnlite sweep, 2 workers of one thread
    commands   16 times cnnlite train, two at a time, one thread each
    loops      2 processes, each of which calls `cnnlite.cli.main` for 8 of the runs, one thread

Each side starts with nothing and ends when the last run folder is whole.  Processor time is that of
all processes: where other programs use the machine, compare that.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MODEL = (
    "--model",
    "three_layer_convnet",
    "--data",
    "embedded",
    "--epochs",
    "2",
    "--overfit",
    "3000",
    "--keep",
    "0",
)
RATES = [0.002 * 1.3**number for number in range(16)]
CORES = 2
ENV = {**os.environ, "CNNLITE_NUM_THREADS": "1"}
FILE = f"""
[train]
model = "three_layer_convnet"
data = "embedded"
epochs = 2
overfit = 3000
[over]
lr = {RATES}
"""
LOOP = """
import sys
from cnnlite.cli import main
for number, rate in enumerate(sys.argv[2:]):
    out = f"{sys.argv[1]}-{number}"
    assert main(["train", *MODEL, "--lr", rate, "--quiet", "--out", out]) == 0
"""


def sweep(home: Path) -> None:
    (home / "sweep.toml").write_text(FILE)
    _run(home, "-m", "cnnlite", "sweep", "sweep.toml", "--workers", str(CORES), "--out", "sweep")


def commands(home: Path) -> None:
    def one(number: int) -> None:
        out = ("--quiet", "--out", f"run-{number}", "--lr", str(RATES[number]))
        _run(home, "-m", "cnnlite", "train", *MODEL, *out)

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(one, range(len(RATES))))


def loops(home: Path) -> None:
    def one(core: int) -> None:
        rates = map(str, RATES[core::CORES])
        _run(home, "-c", f"MODEL = {MODEL!r}\n{LOOP}", f"loop-{core}", *rates)

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(one, range(CORES)))


def _run(home: Path, *words: str) -> None:
    environment = ENV | {"PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run(
        [sys.executable, *words], cwd=home, env=environment, check=True, stdout=subprocess.DEVNULL
    )


SIDES: tuple[Callable[[Path], None], ...] = (sweep, commands, loops)


def main(rounds: int) -> None:
    """Print seconds of each side, and the sweep's throughput as a share of the others'."""
    seconds: dict[str, list[float]] = {side.__name__: [] for side in SIDES}
    worked: dict[str, list[float]] = {side.__name__: [] for side in SIDES}
    for turn in range(rounds):
        for place in range(len(SIDES)):
            side = SIDES[(turn + place) % len(SIDES)]
            with tempfile.TemporaryDirectory() as home:
                start, before = time.perf_counter(), _processor_time()
                side(Path(home))
                took, work = time.perf_counter() - start, _processor_time() - before
                seconds[side.__name__].append(took)
                worked[side.__name__].append(work)
                told = f"{took:6.1f} s, {work:6.1f} s of processor time"
                print(f"round {turn + 1}  {side.__name__:<9} {told}", flush=True)
    for what, taken in (("time", seconds), ("processor time", worked)):
        middle = {name: statistics.median(values) for name, values in taken.items()}
        for name in ("commands", "loops"):
            share = middle[name] / middle["sweep"]
            print(f"throughput of the sweep by {what}: {share:.0%} of {name} by hand")


def _processor_time() -> float:
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

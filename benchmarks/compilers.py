"""Speed by compiler and instruction set, as the table of docs/understand/engine.md.

    python -m benchmarks.compilers                      # gcc, and the newer compilers at hand
    python -m benchmarks.compilers gcc clang-16 clang-19 --rounds 7
    python -m benchmarks.compilers --sets avx2 --plain  # plain C, too

Each compiler builds the kernels into a folder of its own.  Then the sides take turns, each in a new
process with one thread, and the table has the medians: GFLOP/s of the three passes together, on two
layers and two rungs.  GFLOP/s count the multiplications of the definition.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.shapes import CONVOLUTIONS
from benchmarks.text import table
from cnnlite.cli import ladder
from cnnlite.environment import INSTRUCTION_SETS
from tests.builds import build, environment

LAYERS = ("vgg.conv5", "vgg.conv1")  # 64-128 channels at 8x8; 3-32 at 32x32
RUNGS = ("tiled", "winograd")
COMPILERS = ("gcc", "gcc-14", "clang-16", "clang-19")
PLAIN = "-DCNNLITE_PLAIN_C"


def measure() -> None:
    """Print as JSON what the kernels of this process reach."""
    rates = {}
    for layer in CONVOLUTIONS:
        if layer.name in LAYERS:
            for rung, passes in ladder.measure(layer, RUNGS, rounds=3).items():
                rates[f"{layer.name} {rung}"] = statistics.harmonic_mean(passes)
    print(json.dumps(rates))


def turn(package: Path, isa: str) -> dict[str, float] | None:
    """Measure a build with an instruction set, in a new process; None if it has no such set."""
    alone = {"CNNLITE_ISA": isa, "CNNLITE_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", "benchmarks.compilers", "--measure"]
    done = subprocess.run(
        command, env={**environment(package), **alone}, capture_output=True, text=True
    )
    if "CNNLITE_ISA is" in done.stderr:
        return None
    done.check_returncode()
    return dict(json.loads(done.stdout))


def compare(compilers: list[str], sets: list[str], rounds: int, plain: bool) -> str:
    """Build, measure in turns, return the table."""
    with tempfile.TemporaryDirectory(prefix="cnnlite-compilers-") as name:
        sides: dict[str, tuple[Path, str]] = {}
        for compiler in compilers:
            linker = {"LDSHARED": f"{compiler} -shared"} if platform.system() == "Linux" else {}
            package = build(Path(name) / str(len(sides)), CC=compiler, **linker)
            sides |= {f"{isa}, {compiler}": (package, isa) for isa in sets}
        if plain:
            flags = f"{os.environ.get('CFLAGS', '')} {PLAIN}".strip()
            package = build(Path(name) / "plain", CC=compilers[0], CFLAGS=flags)
            sides[f"plain C, {compilers[0]}"] = package, "baseline"
        turns: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side, (package, isa) in sides.items():
                rates = turn(package, isa)
                if rates is not None:
                    turns[side].append(rates)
    names = [f"{layer} {rung}" for layer in LAYERS for rung in RUNGS]
    rows = [
        [side, *(f"{statistics.median(rates[name] for rates in found):.0f}" for name in names)]
        for side, found in sorted(turns.items())
        if found
    ]
    return table(["GFLOP/s", *names], rows)


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("compilers", nargs="*")
    parser.add_argument("--sets", nargs="+", choices=INSTRUCTION_SETS, default=INSTRUCTION_SETS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help="plain C too, by the first compiler")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure()
        return
    compilers = arguments.compilers or [name for name in COMPILERS if shutil.which(name)]
    print(compare(compilers, list(arguments.sets), arguments.rounds, arguments.plain))


if __name__ == "__main__":
    main()

"""How long `cnnlite report` takes, and how large its page is, for a run of ten epochs.

    python -m benchmarks.page            train a small VGG on the embedded data set, then measure
    python -m benchmarks.page RUN        measure the page of a run that is there

The page is built three times, each in a process of its own; the fastest counts.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.text import table

SECONDS, MEGABYTES = 10, 12
"""What is promised of the run that is trained here, on two cores."""
ROUNDS = 3
RECIPE = Path(__file__).resolve().parents[1] / "examples/small_vgg.toml"


def main() -> int:
    """Print seconds and megabytes; the status is 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", nargs="?", type=Path, help="a run folder")
    run = parser.parse_args().run
    with tempfile.TemporaryDirectory() as folder:
        if run is None:
            run = Path(folder) / "run"
            train = ["train", "--config", RECIPE, "--data", "embedded", "--epochs", "10"]
            _cnnlite(*train, "--quiet", "--out", run)
        page = Path(folder) / "page.html"
        times = [_timed("report", run, "--out", page) for _ in range(ROUNDS)]
        seconds, processor = map(min, zip(*times, strict=True))
        megabytes = page.stat().st_size / 1e6
    rows = [
        ("seconds to build", f"{seconds:.1f}", str(SECONDS)),
        ("processor seconds, all cores", f"{processor:.1f}", ""),
        ("megabytes", f"{megabytes:.1f}", str(MEGABYTES)),
    ]
    print(table(("the page of a run", "measured", "promised at most"), rows))
    return int(seconds > SECONDS or megabytes > MEGABYTES)


def _timed(*words: object) -> tuple[float, float]:
    """Return the seconds that a command takes, and those of all processors."""
    before, start = os.times(), time.perf_counter()
    _cnnlite(*words)
    after = os.times()
    busy = after.children_user + after.children_system
    return time.perf_counter() - start, busy - before.children_user - before.children_system


def _cnnlite(*words: object) -> None:
    command = [sys.executable, "-m", "cnnlite", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())

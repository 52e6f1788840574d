"""What a live page costs its training, and how late it is.

    python -m benchmarks.watch                             # small VGG, an open page, a few minutes
    python -m benchmarks.watch --chromium                  # the page in a browser that draws it
    python -m benchmarks.watch --model resnet20 --epochs 6 --images 6000

Trainings take turns: without a page, with `Live` and nobody who looks, and with a page that is
open, from another process. Seconds are those of an epoch, its evaluation included, but for the
first of each training, in which the page is loaded; the median of the differences from the
training without a page, in the same round, is given. Processor time is that of the training's
process, so that of the page's server is in it, and that of a browser is not. Late is a page by the
seconds from the end of an epoch's evaluation until its row, and its drawn sections, are there.
"""

import argparse
import statistics
import subprocess
import sys
import time
from typing import Any

import cnnlite
from benchmarks.text import table
from cnnlite.callbacks import Callback, Keep
from cnnlite.data import embedded
from cnnlite.models import MODELS
from cnnlite.optim import SGD
from cnnlite.solver import Solver
from cnnlite.watch import Live

SIDES = ("no page", "nobody looks", "a page is open")

READER = """
import contextlib, json, sys, time
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
address = sys.argv[1]
origin = "/".join(address.split("/")[:3])
import urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address).read()
print("open", flush=True)
place = f"ws{address[4:]}live"
with (
    contextlib.suppress(ConnectionClosed),
    connect(place, origin=origin, max_size=None, proxy=None) as socket,
):
    for text in socket:
        now, message = time.time(), json.loads(text)
        if message["type"] == "state":
            for row in message["rows"]:
                print("row", row["epoch"], now, flush=True)
        elif message.get("id") == "curves":
            epochs = message["figures"]["curves"]["data"][2]["x"]
            print("section", len(epochs), now, flush=True)
"""
CHROMIUM = """
import sys, time
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    chromium = playwright.chromium.launch(
        executable_path="/usr/bin/chromium", args=["--no-sandbox"]
    )
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto(sys.argv[1])
    print("open", flush=True)
    try:
        page.wait_for_selector("[data-mood=ended]", timeout=3_600_000)
    finally:
        chromium.close()
"""


class Times(Callback):
    """Notes the seconds of each epoch, and when it ended."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.processor: list[float] = []
        self.ended: dict[int, float] = {}
        self._mark = (0.0, 0.0)

    def before_epoch(self, solver: Any) -> None:
        self._mark = (time.perf_counter(), time.process_time())

    def after_epoch(self, solver: Any) -> None:
        wall, processor = self._mark
        self.wall.append(time.perf_counter() - wall)
        self.processor.append(time.process_time() - processor)
        self.ended[solver.epoch] = time.time()


class Opens(Callback):
    """Opens the page before the first step, and waits until it is there."""

    def __init__(self, live: Live, program: str) -> None:
        self._live, self._program = live, program
        self.told: list[str] = []
        self._page: subprocess.Popen[str] | None = None

    def before_train(self, solver: Any) -> None:
        command = [sys.executable, "-c", self._program, str(self._live.address)]
        self._page = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._page.stdout is not None
        assert self._page.stdout.readline() == "open\n"

    def close(self) -> None:
        if self._page is not None:
            self.told = self._page.communicate(timeout=60)[0].splitlines()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=list(MODELS), default="small_vgg")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--chromium", action="store_true")
    options = parser.parse_args()
    cnnlite.set_num_threads(options.threads)
    program = CHROMIUM if options.chromium else READER
    wall: dict[str, list[float]] = {side: [] for side in SIDES}
    processor: dict[str, list[float]] = {side: [] for side in SIDES}
    late: dict[str, list[float]] = {"row": [], "section": []}
    for number in range(options.rounds):
        for side in SIDES[number % 3 :] + SIDES[: number % 3]:
            times, told = _train(side, options, program)
            wall[side].append(statistics.mean(times.wall[1:]))
            processor[side].append(statistics.mean(times.processor[1:]))
            for line in told:
                what, epoch, when = line.split()
                if int(epoch) > 1:
                    late[what].append(float(when) - times.ended[int(epoch)])
    rows = []
    for side in SIDES:
        row = [side]
        for seconds in (wall, processor):
            changes = [a / b - 1 for a, b in zip(seconds[side], seconds[SIDES[0]], strict=True)]
            row += [f"{statistics.median(seconds[side]):.2f}", f"{statistics.median(changes):+.1%}"]
        rows.append(row)
    print(table(["", "wall s", "more", "processor s", "more"], rows))
    for what, seconds in late.items():
        if seconds:
            text = f"{statistics.median(seconds):.2f} s late, at most {max(seconds):.2f} s"
            print(f"{what} of an epoch: {text}")


def _train(side: str, options: Any, program: str) -> tuple[Times, list[str]]:
    """Train once, and return its times and what the page has told."""
    times, callbacks = Times(), list[Any]()
    opens = None
    if side != SIDES[0]:
        live = Live(announce=lambda line: None)
        callbacks = [live]
        if side == SIDES[2]:
            opens = Opens(live, program)
            callbacks.append(opens)
    data = embedded()
    few = {**data, "X_train": data["X_train"][: options.images]}
    few["y_train"] = data["y_train"][: options.images]
    solver = Solver(
        MODELS[options.model](rng=0), few, optimizer=SGD(0.02, momentum=0.9),
        num_epochs=options.epochs, callbacks=[Keep(), times, *callbacks], verbose=False,
    )  # fmt: skip
    solver.train()
    if solver.interrupted:
        raise SystemExit(130)
    if opens is not None:
        opens.close()
    return times, [] if opens is None else opens.told


if __name__ == "__main__":
    main()

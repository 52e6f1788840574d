"""What a live page costs its training, and how late it is.

    python -m benchmarks.watch                             # small VGG, an open page, a few minutes
    python -m benchmarks.watch --chromium                  # the page in a browser that draws it
    python -m benchmarks.watch --model resnet20 --epochs 6 --images 6000

Trainings take turns: without a page, with `Live` and nobody who looks, and with a page that is
open, from another process. Each epoch, its evaluation included, is compared with the same epoch of
the training without a page in the same round: the work is the same. Of these changes the median
over the rounds is taken, which leaves out what else the computer did, and then the mean over the
epochs but for the first two, in which the page is loaded: some epochs are followed by more than
others. Processor time is that of the training's process, so that of the page's server is in it, and
that of a browser is not. The page's own threads are given apart, to the millisecond, where the
system can tell them apart. Late is a page by the seconds from the end of an epoch's evaluation
until its row, and its curves, are there.
"""

import argparse
import statistics
import subprocess
import sys
import threading
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
LOADED = 2  # epochs after which the page is there, with all its sections

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
    """Notes the seconds of each epoch, and when it ended.

    Attributes:
        seconds: by clock, of each epoch: "wall", "processor", and each thread of a page.
        ended: when each epoch ended, by `time.time`.
    """

    def __init__(self) -> None:
        self.seconds: list[dict[str, float]] = []
        self.ended: dict[int, float] = {}
        self._mark: dict[str, float] = {}

    def before_train(self, solver: Any) -> None:
        self._mark = _clocks()

    def after_epoch(self, solver: Any) -> None:
        before, self._mark = self._mark, _clocks()
        self.seconds.append({name: self._mark[name] - before.get(name, 0) for name in self._mark})
        self.ended[solver.epoch] = time.time()


def _clocks() -> dict[str, float]:
    """Return the seconds of this process so far, and those of its page's threads."""
    found = {"wall": time.perf_counter(), "processor": time.process_time()}
    if hasattr(time, "pthread_getcpuclockid"):
        for thread in threading.enumerate():
            if thread.ident is not None and thread.name.startswith("cnnlite live page"):
                clock = time.pthread_getcpuclockid(thread.ident)
                found[thread.name] = time.clock_gettime(clock)
    return found


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
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--chromium", action="store_true")
    options = parser.parse_args()
    if options.epochs <= LOADED:
        parser.error(f"argument --epochs: {options.epochs}, expected more than {LOADED}")
    cnnlite.set_num_threads(options.threads)
    program = CHROMIUM if options.chromium else READER
    rounds: list[dict[str, Times]] = []
    late: dict[str, list[float]] = {"row": [], "section": []}
    for number in range(options.rounds):
        rounds.append({})
        for side in SIDES[number % 3 :] + SIDES[: number % 3]:
            rounds[-1][side], told = _train(side, options, program)
            for line in told:
                what, epoch, when = line.split()
                if int(epoch) > 1:
                    late[what].append(float(when) - rounds[-1][side].ended[int(epoch)])
    print(table(["", "wall s", "more", "processor s", "more"], [_row(x, rounds) for x in SIDES]))
    for side in SIDES[1:]:
        for name, share in _threads(side, rounds).items():
            print(f"{side}: {name}: {share:.2%} of the processor time")
    for what, seconds in late.items():
        if seconds:
            text = f"{statistics.median(seconds):.2f} s late, at most {max(seconds):.2f} s"
            print(f"{what} of an epoch: {text}")


def _row(side: str, rounds: list[dict[str, Times]]) -> list[str]:
    """Return the seconds of a side's epochs, and how many more they are, see above."""
    row = [side]
    for clock in ("wall", "processor"):
        seconds, more = list[float](), list[float]()
        for epoch in range(LOADED, len(rounds[0][side].seconds)):
            here = [times[side].seconds[epoch][clock] for times in rounds]
            plain = [times[SIDES[0]].seconds[epoch][clock] for times in rounds]
            seconds.append(statistics.median(here))
            more.append(statistics.median(a / b - 1 for a, b in zip(here, plain, strict=True)))
        row += [f"{statistics.mean(seconds):.2f}", f"{statistics.mean(more):+.1%}"]
    return row


def _threads(side: str, rounds: list[dict[str, Times]]) -> dict[str, float]:
    """Return the share of each of the page's threads in the processor time."""
    epochs = [epoch for times in rounds for epoch in times[side].seconds[LOADED:]]
    total = sum(epoch["processor"] for epoch in epochs)
    names = [name for name in epochs[-1] if name not in ("wall", "processor")]
    return {name: sum(epoch.get(name, 0) for epoch in epochs) / total for name in names}


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

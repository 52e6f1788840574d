"""A training for each seed, as a process of its own that is timed."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.record.folders import NAME, ROOT, line_of, line_of_script
from benchmarks.record.lines import OURS, Times, Trained, append, read
from cnnlite import get_num_threads
from cnnlite.backend import kernels
from cnnlite.cli import recipes, runs
from cnnlite.models import MODELS
from cnnlite.rates import sgemm_rate

__all__ = ["machine", "record", "told", "words_of"]

FOLDER = Path("runs") / "record"
OWN = ("--data", "--seed", "--out", "--resume", "--recipe", "--config", "--smoke", "--overfit")
"""Options that the command gives itself, or with which nothing is reached."""
PRINTED = re.compile(r"^(\S+): .*?(\d+\.\d+)% test", re.M)


def record(
    what: str,
    example: bool,
    seeds: Sequence[int],
    options: Sequence[str],
    label: str | None,
    table: Path,
    again: bool,
) -> None:
    """Train with each seed that has no line yet, and add a line for each.

    Args:
        what: the recipe, or a script of examples/.
        example: whether it is a script.
        seeds: the seeds, which are trained with one after the other.
        options: texts such as "--epochs 4", given to the training besides.
        label: of the lines; None for the recipe's name and the options.
        table: the file that gets the lines.
        again: train also where there is a line, to see whether the bits are the same.
    """
    if not example and what not in recipes.names():
        sys.exit(f"record: there is no recipe {what}; there are {', '.join(recipes.names())}")
    words = words_of(options)
    given = " ".join(words)
    name = Path(what).stem if example else what
    if example and name not in MODELS:
        sys.exit(f"record: {what} trains no network of its name; there are {', '.join(MODELS)}")
    label = label or " ".join(filter(None, (name, given)))
    key = (label, Path(what).name if example else what, given)
    lines = [line for line in read(table, Trained) if line.framework == OURS]
    for seed in seeds:
        text = label if label.endswith(given) else f"{label} {given}"
        folder = FOLDER / re.sub(r"[^\w.]+", "-", text) / f"seed-{seed}"
        begun = (folder / runs.CHECKPOINT).is_file() and not (folder / runs.RESULT).is_file()
        there = [x for x in lines if (x.label, x.recipe, x.options, x.seed) == (*key, seed)]
        if there and not (again or begun):
            print(f"{label}, seed {seed}: recorded already ({told(there[-1])})")
            continue
        if (folder / runs.RESULT).is_file() and not there:  # finished, and killed before the line
            line = line_of(folder, label, given, None)
        elif example:
            line = _script(Path(what), folder, seed, words, label)
        else:
            line = _recipe(what, folder, seed, words, label, begun)
        append(table, line)
        same = {x.weights for x in there} == {line.weights}
        note = f", the {'same' if same else 'OTHER'} bits as before" if there else ""
        print(f"{label}, seed {seed}: {told(line)}{note}", flush=True)


def words_of(options: Sequence[str]) -> list[str]:
    """Return the words of texts such as "--epochs 4", none of which may be the record's own."""
    words = [word for text in options for word in shlex.split(text)]
    for word in words:
        if word.partition("=")[0] in OWN:
            sys.exit(f"record: {word} cannot be an option of a recorded run")
    return words


def machine() -> str:
    """Name the processor, and say how many of it there are."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    name = found[1].strip() if found else platform.processor() or platform.machine()
    return f"{name} ({kernels.instruction_set()}), {os.cpu_count()} CPUs"


def _recipe(
    recipe: str, folder: Path, seed: int, words: list[str], label: str, begun: bool
) -> Trained:
    command = ["-m", "cnnlite", "train", "--quiet"]
    if begun:  # it goes on where it was, but its times are in pieces
        _run([*command, "--resume", str(folder)], None)
        return line_of(folder, label, " ".join(words), None)
    if folder.exists():  # finished before, or killed in its first epoch
        shutil.rmtree(folder)
    command += ["--recipe", recipe, "--data", NAME, "--seed", str(seed), "--out", str(folder)]
    _, times = _run([*command, *words], words)
    return line_of(folder, label, " ".join(words), times)


def _script(script: Path, folder: Path, seed: int, words: list[str], label: str) -> Trained:
    if folder.exists():
        shutil.rmtree(folder)
    command = [str(script), "--data", NAME, "--seed", str(seed), "--out", str(folder), *words]
    text, times = _run(command, words)
    printed = PRINTED.search(text)
    if printed is None or times is None:
        sys.exit(f"record: {script} prints no test accuracy: {text}")
    test = round(float(printed[2]) / 100, 6)
    return line_of_script(script, folder, seed, test, " ".join(words), label, times)


def _run(command: list[str], words: list[str] | None) -> tuple[str, Times | None]:
    """Run Python with these arguments; return what it prints, and its times if `words` are given.

    The seconds of its steps are not known here, and 0.
    """
    threads = get_num_threads()
    for flag, value in zip(words or (), (words or [])[1:], strict=False):
        threads = int(value) if flag == "--threads" else threads
    before = sgemm_rate(threads) if words is not None else 0.0
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    busy, start = os.times(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        text, _ = process.communicate()
    except BaseException:  # its state is written; the same command goes on from there
        process.terminate()
        process.wait()
        raise
    whole, after = time.perf_counter() - start, os.times()
    if process.returncode:
        sys.exit(f"record: the training ended with status {process.returncode}; see above")
    if words is None:
        return text, None
    processor = after.children_user + after.children_system
    processor -= busy.children_user + busy.children_system
    rates = (round(before, 1), round(sgemm_rate(threads), 1))
    times = Times(0.0, round(whole, 2), round(processor, 2), threads, machine(), rates)
    return text, times


def told(line: Trained) -> str:
    """Say what a training has reached, and its times if they count."""
    text = f"{line.test:.2%} test"
    if line.test_tta is not None:
        text += f", {line.test_tta:.2%} with test-time augmentation"
    if line.times is not None:
        times = line.times
        text += f", {times.seconds:.0f} s of steps, {times.whole:.0f} s in all"
        text += f", {line.share:.0%} of sgemm on {times.threads} threads"
    return text

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

from benchmarks.record.configs import NAME, configured, digest, words_of
from benchmarks.record.folders import (
    ROOT,
    checked_data,
    copy_of,
    digest_of_script,
    line_of,
    line_of_script,
)
from benchmarks.record.lines import OURS, Times, Trained, append, read
from cnnlite import get_num_threads
from cnnlite.backend import kernels
from cnnlite.cli import recipes, runs
from cnnlite.models import MODELS
from cnnlite.rates import sgemm_rate

__all__ = ["check_recipe", "machine", "record", "told"]

FOLDER = Path("runs") / "record"
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
    words = words_of(options)
    given = shlex.join(words)
    name = Path(what).name if example else what
    threads = get_num_threads()
    if example:
        if Path(what).stem not in MODELS or not Path(what).is_file():
            raise ValueError(
                f"{what} is no script that trains the network of its name; there are "
                f"{', '.join(MODELS)}"
            )
        images, kind = checked_data(), digest_of_script(Path(what))
    else:
        check_recipe(what)
        images = checked_data()
        config = configured(what, words, images)
        kind, threads = digest(config), config.threads or threads
    label = label or " ".join(filter(None, (name, given)))
    key = (label, name, given, kind, copy_of(images))
    lines = [line for line in read(table, Trained) if line.framework == OURS]
    for seed in seeds:
        folder = FOLDER / _folder(name, label, given) / f"seed-{seed}"
        own = not example and _trains(folder, kind)
        finished = own and (folder / runs.RESULT).is_file()
        begun = own and not finished and (folder / runs.CHECKPOINT).is_file()
        there = [
            x for x in lines
            if (x.label, x.recipe, x.options, x.config, x.data, x.seed) == (*key, seed)
        ]  # fmt: skip
        if there and not (again or begun):
            print(f"{label}, seed {seed}: recorded already ({told(there[-1])})")
            continue
        if finished and not there:  # finished, and killed before the line
            line = line_of(folder, label, given, None)
        elif example:
            line = _script(Path(what), folder, seed, words, label, threads)
        else:
            line = _recipe(what, folder, seed, words, label, threads, begun)
        append(table, line)
        same = {x.weights for x in there} == {line.weights}
        note = f", the {'same' if same else 'OTHER'} bits as before" if there else ""
        print(f"{label}, seed {seed}: {told(line)}{note}", flush=True)


def check_recipe(name: str) -> None:
    """Raise ValueError if there is no recipe of that name."""
    if name not in recipes.names():
        raise ValueError(f"there is no recipe {name}; there are {', '.join(recipes.names())}")


def _folder(name: str, label: str, given: str) -> str:
    """Name the folder of a training, by what is trained, its label and its options."""
    text = label if label.startswith(name) else f"{name} {label}"
    return re.sub(r"[^\w.]+", "-", text if text.endswith(given) else f"{text} {given}")


def _trains(folder: Path, kind: str) -> bool:
    """Whether a run folder is of the configuration with a digest."""
    return (folder / runs.CONFIG).is_file() and digest(runs.read_config(folder)) == kind


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
    recipe: str, folder: Path, seed: int, words: list[str], label: str, threads: int, begun: bool
) -> Trained:
    command = ["-m", "cnnlite", "train", "--quiet"]
    if begun:  # it goes on where it was, but its times are in pieces
        _run([*command, "--resume", str(folder)], None)
        return line_of(folder, label, shlex.join(words), None)
    if folder.exists():  # finished before, killed in its first epoch, or of another configuration
        shutil.rmtree(folder)
    command += ["--recipe", recipe, "--data", NAME, "--seed", str(seed), "--out", str(folder)]
    _, times = _run([*command, *words], threads)
    return line_of(folder, label, shlex.join(words), times)


def _script(
    script: Path, folder: Path, seed: int, words: list[str], label: str, threads: int
) -> Trained:
    if folder.exists():
        shutil.rmtree(folder)
    command = [str(script), "--data", NAME, "--seed", str(seed), "--out", str(folder), *words]
    text, times = _run(command, threads)
    printed = PRINTED.search(text)
    if printed is None or times is None:
        sys.exit(f"record: {script} prints no test accuracy: {text}")
    test = round(float(printed[2]) / 100, 6)
    return line_of_script(script, folder, seed, test, shlex.join(words), label, times)


def _run(command: list[str], threads: int | None) -> tuple[str, Times | None]:
    """Run Python with these arguments; return what it prints, and its times if `threads` is given.

    The seconds of its steps are not known here, and 0.
    """
    before = sgemm_rate(threads) if threads is not None else 0.0
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
    if threads is None:
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

"""What the folder of a finished run says, as a line of the record."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.record import flops
from benchmarks.record.configs import (
    NAME,
    configured,
    differing,
    digest,
    multiply_of,
    words_of,
)
from benchmarks.record.lines import JPEG, OURS, Times, Trained
from cnnlite import data
from cnnlite.cli import runs
from cnnlite.cli.config import is_own
from cnnlite.data import Dataset
from cnnlite.evaluation import accuracy
from cnnlite.models import MODELS
from cnnlite.report import history

__all__ = [
    "ROOT",
    "checked_data",
    "commit",
    "copy_of",
    "digest_of_script",
    "line_of",
    "line_of_script",
    "today",
    "train_seconds",
]

ROOT = Path(__file__).resolve().parents[2]
JPEG_COPY = "12f8dfd385fadf8ec94e77c8de765d9b2dff30e56d893543bbef3118534efaaa"
"""Of the test images and labels of the copy that went through JPEG."""


def line_of(folder: Path, label: str | None, options: str, times: Times | None) -> Trained:
    """Return the line of a run folder of `cnnlite train`.

    Args:
        folder: the run folder.
        label: None for the recipe's name and the options.
        options: those that were given besides the recipe.
        times: what was measured around it, if anything was; its `seconds` are the folder's.

    Raises:
        ValueError, OSError: it is none, not finished, not of CIFAR-10, or was trained otherwise
            than its recipe and the options say.
    """
    run = runs.open_run(folder)
    config, rows = run.config, history.load(folder / runs.HISTORY)
    if config.data != NAME:
        raise ValueError(f"{folder} was trained on {config.data}; the record is of {NAME}")
    if is_own(config.model):
        raise ValueError(f"{folder} trains {config.model}; the record is of networks of the zoo")
    for name in ("smoke", "overfit", "init"):
        if getattr(config, name):
            raise ValueError(
                f"{folder} was trained with --{name}, which is no training of a recipe"
            )
    if config.recipe is None and label is None:
        raise ValueError(f"{folder} has no recipe: --label must name its lines")
    if len(rows) < config.epochs and config.patience is None:
        raise ValueError(f"{folder} has {len(rows)} of {config.epochs} epochs")
    images, steps = run.data(), int(rows[-1]["step"])
    if config.recipe is not None:
        wanted = configured(config.recipe, words_of([options]), images)
        if wrong := differing(config, wanted):
            raise ValueError(f"{folder} is not {config.recipe} {options}: {'; '.join(wrong)}")
    test, test_tta = _accuracies(run, images)
    count = len(images["X_train"])
    seen = steps // len(rows) * config.batch_size if config.drop_last else count
    return Trained(
        label=label or " ".join(filter(None, (config.recipe, options))),
        recipe=config.recipe or config.model,
        options=options,
        config=digest(config),
        multiply=multiply_of(runs.make_model(config, None, len(run.class_names), run.image_shape)),
        seed=config.seed,
        framework=OURS,
        test=test,
        test_tta=test_tta,
        epochs=len(rows),
        steps=steps,
        flops=flops.of_training(
            config, len(run.class_names), run.image_shape, seen, len(rows)
        ),
        data=copy_of(images),
        commit=commit(),
        date=today(),
        weights=_digest(folder / runs.LAST_WEIGHTS),
        times=times and _with_steps(times, train_seconds(rows, seen)),
    )  # fmt: skip


def line_of_script(
    script: Path, folder: Path, seed: int, test: float, options: str, label: str, times: Times
) -> Trained:
    """Return the line of a script of examples/ that has left its history and weights in a folder.

    Args:
        script: it trains the network of its own name.
        folder: where history and weights are.
        seed, test: its seed, and the accuracy that it printed.
        options, label, times: as of `line_of`.
    """
    rows, images = history.load(folder / runs.HISTORY), checked_data()
    count = len(images["X_train"])
    model = MODELS[script.stem](rng=0)
    return Trained(
        label, script.name, options, digest_of_script(script), multiply_of(model), seed,
        OURS, test, None, len(rows), int(rows[-1]["step"]),
        len(rows) * count * flops.of_image(model, images.image_shape), copy_of(images), commit(),
        today(), _digest(folder / runs.LAST_WEIGHTS),
        _with_steps(times, train_seconds(rows, count)),
    )  # fmt: skip


def digest_of_script(script: Path) -> str:
    """Return the digest of a script, which is its configuration, but for what it says of itself.

    Raises:
        ValueError: it is no Python.
    """
    text = script.read_text("utf-8").encode()
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        raise ValueError(f"{script} is no Python: {error}") from None
    if body and ast.get_docstring(ast.Module(body[:1], [])) is not None:
        line, column = body[0].end_lineno or 1, body[0].end_col_offset or 0
        text = b"\n".join(text.split(b"\n")[line - 1 :])[column:]
    return hashlib.sha256(text).hexdigest()[:12]


def checked_data() -> Dataset:
    """Return CIFAR-10, of the folder that CNNLITE_DATA names or the usual one."""
    return data.load(NAME)


def train_seconds(rows: list[dict[str, float]], images: int) -> float:
    """Return the seconds of all epochs' steps, each of which took so many images."""
    return sum(images / row["images_per_second"] for row in rows)


def commit() -> str:
    """Return the commit of this tree, with a + if files that git knows were changed."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(ROOT), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        table = ":!docs/results/record*"  # this command changes them
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", table)
        return git("rev-parse", "--short=12", "HEAD") + "+" * bool(changed)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def today() -> str:
    """Return the date, of Greenwich."""
    return datetime.now(UTC).date().isoformat()


def _accuracies(run: runs.Run, images: Dataset) -> tuple[float, float | None]:
    """Return the accuracies on the test images; measure them where the folder has none."""
    try:
        found = json.loads((run.path / runs.RESULT).read_text("utf-8"))
        return found["test_accuracy"], found.get("test_accuracy_tta")
    except FileNotFoundError:
        pass
    model, tta = run.model(), run.config.tta

    def measured(tta: str) -> float:
        X, y = images["X_test"], images["y_test"]
        return accuracy(model, X, y, run.normalization, run.config.batch_size, tta=tta)

    return measured("none"), None if tta == "none" else measured(tta)


def _with_steps(times: Times, seconds: float) -> Times:
    return replace(times, seconds=round(seconds, 4))


def copy_of(images: Dataset) -> str:
    """Name the data set, and the copy that it is by its test images and labels."""
    found = hashlib.sha256()
    for key in ("X_test", "y_test"):
        found.update(np.ascontiguousarray(images[key]))
    name = found.hexdigest()
    return f"{images.name}, {JPEG if name == JPEG_COPY else name[:12]}"


def _digest(file: Path) -> str | None:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None

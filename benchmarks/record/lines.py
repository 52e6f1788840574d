"""The lines of the record: what each says, and the file that has them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

__all__ = ["OURS", "TABLE", "Times", "Trained", "append", "read", "spread"]

TABLE = Path(__file__).resolve().parents[2] / "docs" / "results" / "record.jsonl"
OURS = "cnnlite"


@dataclass(frozen=True)
class Times:
    """What a training took, and on what.

    Fields:
        seconds: in training steps, their data and augmentation included; without evaluation.
        whole: from the start of the process to its end: start, data, evaluation, files.
        processor: those of all processors in that time.
        threads: how many it had.
        machine: the processor's name, and how many of them there are.
        sgemm: GFLOP/s of NumPy's float32 product with these threads, before and after.
    """

    seconds: float
    whole: float
    processor: float
    threads: int
    machine: str
    sgemm: tuple[float, float]


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Fields:
        label: under which lines of one kind stand together.
        recipe: the recipe, or the script of examples/.
        options: what was given besides.
        seed: the seed.
        framework: "cnnlite", or PyTorch with its mode.
        test: accuracy on the test images, of the weights of the best validation epoch (in a script:
            of the last).
        test_tta: the same with the recipe's test-time augmentation; None where it has none.
        epochs, steps: how many there were.
        flops: of all steps, counted by the definition of the layers.
        data: the data set, and which copy of it.
        commit: of the code; a + says that files were changed.
        date: when it was recorded.
        weights: SHA-256 of the file of the last weights; None where there is none.
        times: None where they were not measured: a run that was stopped and went on, or one that
            shared its processors.
    """

    label: str
    recipe: str
    options: str
    seed: int
    framework: str
    test: float
    test_tta: float | None
    epochs: int
    steps: int
    flops: float
    data: str
    commit: str
    date: str
    weights: str | None
    times: Times | None

    @property
    def best(self) -> float:
        """The accuracy that the recipe is after: with its test-time augmentation, if it has one."""
        return self.test if self.test_tta is None else self.test_tta

    @property
    def share(self) -> float | None:
        """The share of the machine's sgemm rate that the steps reached; None without times."""
        if self.times is None:
            return None
        return self.flops / self.times.seconds / 1e9 / statistics.mean(self.times.sgemm)


def append(table: Path, line: Trained) -> None:
    """Add a line at the end of a table."""
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(line)) + "\n")


def read(table: Path) -> list[Trained]:
    """Read all lines of a table; one that is not there has none.

    Raises:
        ValueError: a line is none; the message names file and line.
    """
    if not table.exists():
        return []
    found = []
    for number, text in enumerate(table.read_text("utf-8").splitlines(), 1):
        try:
            values = json.loads(text)
            times = values["times"]
            if times is not None:
                times = Times(**times | {"sgemm": tuple(times["sgemm"])})
            found.append(Trained(**values | {"times": times}))
        except (ValueError, TypeError, KeyError) as error:
            names = ", ".join(field.name for field in fields(Trained))
            raise ValueError(f"{table}, line {number}: expected {names}: {error}") from error
    return found


def spread(values: Iterable[float], form: str = ".2f") -> str:
    """Return "mean ± standard deviation" of the values; the value alone if there is one."""
    numbers: Sequence[float] = list(values)
    mean = format(statistics.mean(numbers), form)
    return f"{mean} ± {statistics.stdev(numbers):{form}}" if len(numbers) > 1 else mean

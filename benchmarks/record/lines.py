"""The lines of the record: what each says, and the file that has them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

__all__ = [
    "JPEG",
    "OURS",
    "STEPS",
    "TABLE",
    "Compared",
    "Side",
    "Times",
    "Trained",
    "append",
    "place",
    "read",
    "spread",
    "told_side",
]

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
TABLE, STEPS = RESULTS / "record.jsonl", RESULTS / "record-steps.jsonl"
OURS = "cnnlite"
JPEG = "JPEG copy"
"""What `data` says of the copy of CIFAR-10 that went through JPEG."""


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
        config: digest of all that decides the training but its seed, or of the script.
        multiply: "float32", or "bfloat16": in what its 3x3 convolutions multiply here, and what
            PyTorch's autocast is to.
        seed: the seed.
        framework: "cnnlite", or PyTorch with its mode.
        test: accuracy on the test images, of the weights of the best validation epoch (in a script:
            of the last).
        test_tta: the same with the recipe's test-time augmentation; None where it has none.
        epochs, steps: how many there were.
        flops: of all steps, counted by the definition of the layers.
        data: the data set, and which copy of it.
        commit: of the code that recorded it; a + says that files were changed.
        date: when it was recorded.
        weights: SHA-256 of the file of the last weights; None where there is none.
        times: None where they were not measured: a run that was stopped and went on, or one that
            shared its processors.
    """

    label: str
    recipe: str
    options: str
    config: str
    multiply: str
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
        return None if self.times is None else self._share_in(self.times.seconds)

    @property
    def whole_share(self) -> float | None:
        """The same of the whole run, whose start, evaluation and files count as time alone."""
        return None if self.times is None else self._share_in(self.times.whole)

    def _share_in(self, seconds: float) -> float:
        assert self.times is not None
        return self.flops / seconds / 1e9 / statistics.mean(self.times.sgemm)


@dataclass(frozen=True)
class Side:
    """All steps of a recipe, projected from those that were timed in each of its phases.

    Fields:
        framework, multiply: as in `Trained`.
        seconds: of the steps, without the making of batches.
        processor: the same of all processors.
    """

    framework: str
    multiply: str
    seconds: float
    processor: float


@dataclass(frozen=True)
class Compared:
    """Steps of a recipe here and in PyTorch, timed in turns.

    Fields:
        label, recipe, options, config: of the trainings that these are the steps of.
        sides: here as the recipe multiplies, and otherwise; PyTorch in float32 and with its
            autocast to bfloat16, each in its fastest mode.
        batches: seconds that making the batches takes, which are the same for all.
        epochs, steps: how many the recipe has.
        threads, machine, sgemm: as in `Times`.
        torch: PyTorch's version.
        commit, date: as in `Trained`.
    """

    label: str
    recipe: str
    options: str
    config: str
    sides: tuple[Side, ...]
    batches: float
    epochs: int
    steps: int
    threads: int
    machine: str
    sgemm: tuple[float, float]
    torch: str
    commit: str
    date: str

    def share_of(self, other: Side) -> float:
        """Return the time of the training here as a share of that on a side, batches included."""
        return (self.sides[0].seconds + self.batches) / (other.seconds + self.batches)


def place(threads: int, machine: str) -> str:
    """Say on what something ran."""
    return f"{threads} thread{'s' * (threads > 1)} of {machine}"


def told_side(framework: str, multiply: str) -> str:
    """Say in what a training ran, and in what it multiplied."""
    if multiply == "float32":
        return f"{framework}, float32"
    return f"{framework}, {'products in' if framework == OURS else 'autocast to'} {multiply}"


Line = TypeVar("Line", Trained, Compared)


def append(table: Path, line: Trained | Compared) -> None:
    """Add a line at the end of a table."""
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(line)) + "\n")


def read(table: Path, kind: type[Line]) -> list[Line]:
    """Read all lines of a table, of Trained or Compared; one that is not there has none.

    Raises:
        ValueError: a line is none; the message names file and line.
    """
    if not table.exists():
        return []
    found = []
    for number, text in enumerate(table.read_text("utf-8").splitlines(), 1):
        try:
            values = json.loads(text)
            if values.get("times") is not None:
                values["times"] = Times(**_with_tuple(values["times"]))
            if "sides" in values:
                values["sides"] = tuple(Side(**side) for side in values["sides"])
            found.append(kind(**_with_tuple(values)))
        except (ValueError, TypeError, AttributeError) as error:
            names = ", ".join(field.name for field in fields(kind))
            raise ValueError(f"{table}, line {number}: expected {names}: {error}") from error
    return found


def _with_tuple(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"sgemm": tuple(values["sgemm"])} if "sgemm" in values else values


def spread(values: Iterable[float], form: str = ".2f") -> str:
    """Return "mean ± standard deviation" of the values; the value alone if there is one."""
    numbers: Sequence[float] = list(values)
    mean = format(statistics.mean(numbers), form)
    return f"{mean} ± {statistics.stdev(numbers):{form}}" if len(numbers) > 1 else mean

"""What several lines of one kind say together: means, spreads, and the sentence of a recipe."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchmarks.record.configs import digest_of_recipe
from benchmarks.record.lines import JPEG, OURS, Times, Trained, place, spread

__all__ = ["Summary", "duration", "result_of", "summaries"]


@dataclass(frozen=True)
class Summary:
    """Trainings that differ in their seeds alone.

    Fields:
        lines: one a seed: the last that was timed, or the last.
        repeated: how many seeds were trained more than once, with the same bits each time.
        differing: how many with other bits.
    """

    lines: list[Trained]
    repeated: int
    differing: int

    @property
    def first(self) -> Trained:
        """A line, for what all have in common."""
        return self.lines[0]

    @property
    def times(self) -> list[Times]:
        """Of the lines that were timed."""
        return [line.times for line in self.lines if line.times is not None]

    @property
    def plain(self) -> str:
        """Mean and spread of the accuracy without test-time augmentation, in percent."""
        return _percent(line.test for line in self.lines)

    @property
    def augmented(self) -> str | None:
        """The same with it; None where there is none."""
        if self.first.test_tta is None:
            return None
        return _percent(line.best for line in self.lines)

    @property
    def best(self) -> float:
        """The mean of the accuracies that the recipe is after."""
        return statistics.mean(line.best for line in self.lines)

    @property
    def ends(self) -> str:
        """The lowest and the highest of them, in percent."""
        found = [line.best for line in self.lines]
        return f"{100 * min(found):.2f} to {100 * max(found):.2f}"

    @property
    def seconds(self) -> float | None:
        """The mean time of the steps; None where none was timed."""
        return _mean(times.seconds for times in self.times)

    @property
    def whole(self) -> float | None:
        """The mean time of everything; None where none was timed, or much of it is not its own."""
        return _mean(x.whole for x in self.times) if self.first.framework == OURS else None

    @property
    def images(self) -> str:
        """Which copy of CIFAR-10 it was."""
        copy = self.first.data.partition(", ")[2]
        return f"the {copy} of CIFAR-10" if copy == JPEG else f"CIFAR-10 ({copy})"

    @property
    def share(self) -> float | None:
        """The mean share of sgemm that the steps reached; None where none was timed."""
        return _mean(line.share for line in self.lines)

    @property
    def whole_share(self) -> float | None:
        """The same over whole runs; None where `whole` is."""
        return None if self.whole is None else _mean(line.whole_share for line in self.lines)

    @property
    def place(self) -> str:
        """On what the timed ones ran."""
        return "; ".join(sorted({place(times.threads, times.machine) for times in self.times}))

    def in_seeds_of(self, other: Summary) -> Summary:
        """Return the same of the seeds alone that another has, too; there may be none."""
        seeds = {line.seed for line in other.lines}
        return Summary([line for line in self.lines if line.seed in seeds], 0, 0)


def summaries(lines: Iterable[Trained]) -> list[Summary]:
    """Return a summary for each kind of training, in the order of their first lines."""
    kinds: dict[tuple[str, ...], dict[int, list[Trained]]] = {}
    for line in lines:
        key = (line.label, line.recipe, line.options, line.config, line.data, line.framework,
               line.multiply)  # fmt: skip
        kinds.setdefault(key, {}).setdefault(line.seed, []).append(line)
    found = []
    for seeds in kinds.values():
        chosen = [([x for x in seeds[n] if x.times] or seeds[n])[-1] for n in sorted(seeds)]
        again = [{x.weights for x in same} for same in seeds.values() if len(same) > 1]
        equal = sum(len(weights) == 1 for weights in again if None not in weights)
        found.append(Summary(chosen, equal, sum(len(weights) > 1 for weights in again)))
    return found


def result_of(recipe: str, lines: Iterable[Trained]) -> str | None:
    """Return the sentence of a recipe's file, by the lines that trained it; None without any."""
    kind = digest_of_recipe(recipe)
    own = [x for x in lines if (x.recipe, x.options, x.framework) == (recipe, "", OURS)]
    found = summaries(replace(x, label=recipe) for x in own if x.config == kind)
    if not found:
        return None
    last, count = found[-1], len(found[-1].lines)
    text = f"{last.augmented or last.plain}% on {last.images} ({count} seed{'s'[: count > 1]})"
    if last.augmented is not None:
        text += f", {last.plain}% without test-time augmentation"
    if last.seconds is None or last.whole is None:
        return f"{text}, its time not measured yet"
    times = f"{duration(last.seconds)} of steps, {duration(last.whole)} in all"
    return f"{text}, {times}, on {last.place}"


def duration(seconds: float) -> str:
    """Say a time in seconds, or in minutes if it is long."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} minutes"


def _mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are there, if any is."""
    there = [value for value in values if value is not None]
    return statistics.mean(there) if there else None


def _percent(values: Iterable[float]) -> str:
    return spread(100 * value for value in values)

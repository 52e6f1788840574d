"""What several lines of one kind say together: means, spreads, and the sentence of a recipe."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.record.lines import OURS, Times, Trained, spread

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
        return statistics.mean(times.seconds for times in self.times) if self.times else None

    @property
    def whole(self) -> float | None:
        """The mean time of everything."""
        return statistics.mean(times.whole for times in self.times) if self.times else None

    @property
    def place(self) -> str:
        """On what the timed ones ran."""
        found = {f"{times.threads} threads of {times.machine}" for times in self.times}
        return "; ".join(sorted(found)).replace("1 threads", "1 thread")


def summaries(lines: Iterable[Trained]) -> list[Summary]:
    """Return a summary for each label and framework, in the order of their first lines."""
    kinds: dict[tuple[str, str], dict[int, list[Trained]]] = {}
    for line in lines:
        kinds.setdefault((line.label, line.framework), {}).setdefault(line.seed, []).append(line)
    found = []
    for seeds in kinds.values():
        chosen = [([x for x in seeds[n] if x.times] or seeds[n])[-1] for n in sorted(seeds)]
        again = [{x.weights for x in same} for same in seeds.values() if len(same) > 1]
        equal = sum(len(weights) == 1 for weights in again if None not in weights)
        found.append(Summary(chosen, equal, sum(len(weights) > 1 for weights in again)))
    return found


def result_of(recipe: str, lines: Iterable[Trained]) -> str | None:
    """Return the sentence of a recipe's file, by the lines that have its name; None without any."""
    own = [each for each in summaries(lines) if each.first.label == recipe]
    own = [each for each in own if each.first.framework == OURS]
    if not own:
        return None
    found, count = own[0], len(own[0].lines)
    text = f"{found.augmented or found.plain}% ({count} seed{'s'[: count > 1]})"
    if found.augmented is not None:
        text += f", {found.plain}% without test-time augmentation"
    if found.whole is None:
        return f"{text}, its time not measured yet"
    return f"{text}, {duration(found.whole)} on {found.place}"


def duration(seconds: float) -> str:
    """Say a time in seconds, or in minutes if it is long."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} minutes"


def _percent(values: Iterable[float]) -> str:
    return spread(100 * value for value in values)

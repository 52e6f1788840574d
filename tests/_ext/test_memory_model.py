"""The pool against a model of it: any order of taking, giving back, trimming and new limits."""

import gc
from itertools import pairwise

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cnnlite._ext import memory

LINE = 64
SIZES = st.one_of(
    st.integers(1, 200),
    st.integers(30_000, 300_000),
    st.integers(10**6, 5 * 10**6),
    st.integers(100 << 20, 300 << 20),  # two do not fit into one segment
)


def lines(size: int) -> int:
    return size // LINE * LINE


class Lent:
    """A block, what was written to it, and whether the pool gets it back."""

    def __init__(self, size: int, mark: int) -> None:
        self.bytes = np.frombuffer(memoryview(memory.Block(size)), np.uint8)
        self.begin = self.bytes.__array_interface__["data"][0]
        self.end, self.room = self.begin + size, lines(size + LINE - 1)
        self.mark, self.pooled = mark, memory.stats()["limit"] > 0
        for part in self.parts():
            part[:] = mark

    def parts(self) -> list[np.ndarray]:
        """All of it, or the ends of what is large."""
        size = self.bytes.size
        return [self.bytes] if size < 10**6 else [self.bytes[:LINE], self.bytes[-LINE:]]

    def unchanged(self) -> bool:
        return all((part == self.mark).all() for part in self.parts())


class Pool(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.old_limit = memory.stats()["limit"]
        memory.set_limit(0)
        self.limit = self.held = self.taken = 0
        self.before = memory.stats()
        self.lent: list[Lent] = []

    def teardown(self) -> None:
        while self.lent:
            self.give(0)
            self.figures()
        memory.trim()
        memory.set_limit(1 << 30)
        small = [memory.Block(1 << 20) for _ in range(8)]
        small.clear()  # what lay side by side is joined
        taken = memory.stats()["allocations"]
        memory.Block(8 << 20)
        assert memory.stats()["allocations"] == taken
        memory.set_limit(self.old_limit)

    @rule(size=SIZES, mark=st.integers(0, 255))
    def take(self, size: int, mark: int) -> None:
        before = memory.stats()
        self.lent.append(Lent(size, mark))
        after, room = memory.stats(), self.lent[-1].room
        used = before["held"] - after["held"]
        assert 0 <= used <= (room if self.limit else 0)
        assert after["hits"] - before["hits"] == (used == room)
        self.taken += 1
        self.held -= used

    @precondition(lambda self: self.lent)
    @rule(number=st.integers(0, 1000))
    def give(self, number: int) -> None:
        lent = self.lent.pop(number % len(self.lent))
        assert lent.unchanged()
        if lent.pooled and self.held + lent.room <= self.limit:
            self.held += lent.room

    @rule(keep=st.integers(-1, 400 << 20))
    def trim(self, keep: int) -> None:
        memory.trim(keep)
        self.held = min(self.held, lines(max(keep, 0)))

    @rule(limit=st.one_of(st.just(0), st.integers(1, 10**7), st.just(2 << 30)))
    def set_limit(self, limit: int) -> None:
        memory.set_limit(limit)
        self.limit, self.held = limit, min(self.held, lines(limit))

    @invariant()
    def figures(self) -> None:
        stats = memory.stats()
        assert (stats["held"], stats["limit"]) == (self.held, self.limit)
        assert stats["in_use"] - self.before["in_use"] == sum(lent.room for lent in self.lent)
        met = [stats[name] - self.before[name] for name in ("hits", "allocations")]
        assert sum(met) == self.taken

    @invariant()
    def no_overlap(self) -> None:
        spans = sorted((lent.begin, lent.end) for lent in self.lent)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
        assert all(begin % LINE == 0 for begin, _ in spans)


class TestPool(Pool.TestCase):
    settings = settings(
        max_examples=100, stateful_step_count=30, deadline=None, derandomize=True, database=None
    )

    @classmethod
    def setUpClass(cls) -> None:
        gc.collect()  # blocks in the garbage of other tests would come back in the middle

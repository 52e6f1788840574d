"""Random numbers that depend on where they are used, never on what ran before.

An `Rng` is a place: a seed, a training step and the path of a layer.  The same place always gives
the same numbers, whatever else drew numbers before it and on however many threads.  That is what
lets a run be stopped anywhere and continued to the same bits.
"""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeAlias

import numpy as np

from cnnlite.checks.numbers import as_integer, integer, shown
from cnnlite.functional.elementary import log

__all__ = [
    "Rng", "RngLike", "as_rng", "init_generator", "manual_seed", "own_stream", "standard_normal",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rng:
    """A place to draw random numbers at; immutable, so that it may be passed anywhere.

    Args:
        seed: any integer.
        step: the number of the training step.
        path: the layer's dotted path in the network, "" for the network itself.

    Raises:
        TypeError: seed or step is not an integer, or path is not a string.
    """

    seed: int
    step: int = 0
    path: str = ""

    def __post_init__(self) -> None:
        if type(self.seed) is not int:  # one spelling of each number: they are hashed as text
            object.__setattr__(self, "seed", integer("Rng", "seed", self.seed))
        if type(self.step) is not int:
            object.__setattr__(self, "step", integer("Rng", "step", self.step))
        if not isinstance(self.path, str):
            raise TypeError(f"Rng: path is {shown(self.path)}, expected a string")

    def child(self, name: str) -> "Rng":
        """Return the place one level down: the layer called `name` of this one."""
        return replace(self, path=f"{self.path}.{name}" if self.path else name)

    def generator(self) -> np.random.Generator:
        """Return a new generator of this place's numbers, the same ones each time.

        Philox is a counter-based generator: its key alone fixes the whole stream, so no state has
        to be carried along or saved.

        Source:
            Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
        """
        place = f"{self.seed}/{self.step}/{self.path}".encode()
        key = hashlib.blake2b(place, digest_size=16).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


RngLike: TypeAlias = Rng | int | np.random.Generator | None


class _Stream:
    """The numbers used where no rng is passed: steps 0, 1, 2, ... of one seed."""

    # No lock, which a fork might leave locked in the child: each statement is atomic.
    def __init__(self) -> None:
        self.seed(0)

    def seed(self, seed: int) -> None:
        self.place = seed, count()

    def next(self) -> Rng:
        seed, steps = self.place
        return Rng(seed, next(steps))


_stream = _Stream()


def manual_seed(seed: int) -> None:
    """Restart the random numbers that are used where no `rng` is passed.

    Until the first call the seed is 0: a script gives the same result every time it runs.

    Args:
        seed: any integer.

    Raises:
        TypeError: the seed is not an integer.
    """
    _stream.seed(integer("manual_seed", "seed", seed))


@contextmanager
def own_stream() -> Iterator[None]:
    """In the block, take what is drawn without an `rng` from a stream of its own.

    Afterwards the common stream goes on where it was, and so do NumPy's own random numbers, which
    layers of one's own may use: an observer must not change what it looks at.
    """
    place, numpys = _stream.place, np.random.get_state()  # noqa: NPY002
    _stream.seed(0)
    try:
        yield
    finally:
        _stream.place = place
        np.random.set_state(numpys)  # noqa: NPY002


def as_rng(rng: RngLike, name: str = "as_rng") -> Rng:
    """Return the place to draw random numbers that `rng` stands for.

    Args:
        rng: an Rng stands for itself; an integer for the place with that seed; a NumPy generator
            for a seed drawn from it (which moves it on); None for the next step of the stream
            that `manual_seed` starts.
        name: the layer or function that was given it, for the message.

    Returns:
        An Rng.

    Raises:
        TypeError: `rng` is something else.
    """
    if isinstance(rng, Rng):
        return rng
    if rng is None:
        return _stream.next()
    if isinstance(rng, np.random.Generator):
        return Rng(int(rng.integers(2**63)))
    seed = as_integer(rng)
    if seed is None:
        raise TypeError(
            f"{name}: rng is {shown(rng)}, expected None, an integer, a Generator or an Rng"
        )
    return Rng(seed)


def init_generator(rng: RngLike, name: str = "as_rng") -> np.random.Generator:
    """Return the generator that a layer draws its first weights from.

    Args:
        rng: as for `as_rng`, but a NumPy generator is used as it is, so that the layers of a
            network that share one get different numbers.  An integer names a place, as it does
            everywhere here: 1 and `np.random.default_rng(1)` give different numbers.
        name: the layer or function that was given it, for the message.

    Returns:
        A NumPy generator.

    Raises:
        TypeError: `rng` is something else.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    return as_rng(rng, name).child("init").generator()


def standard_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw normal numbers of mean 0 and deviation 1 whose bits are the same on every machine.

    Those of NumPy's generators are made with the C library's exp and log1p.

    Args:
        generator: where uniform numbers come from; it moves on.
        shape: of the result.

    Returns:
        float64 of that shape.

    Source: Marsaglia and Bray, "A convenient method for generating normal variables", SIAM Review
    6(3), 1964: the polar method.
    """
    size = math.prod(shape)
    numbers = np.empty(0)
    while numbers.size < size:
        # A pair of uniform numbers lies in the unit circle with probability pi / 4.
        pairs = 2 * generator.random((2, (size - numbers.size) * 2 // 3 + 8)) - 1
        squares = pairs[0] * pairs[0] + pairs[1] * pairs[1]
        inside = (squares > 0) & (squares < 1)
        pairs, squares = pairs[:, inside], squares[inside]
        pairs *= np.sqrt(-2 * log(squares) / squares)
        numbers = np.concatenate([numbers, pairs.ravel()])
    return numbers[:size].reshape(shape)

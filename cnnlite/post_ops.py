"""Post-ops: what follows a product in the same pass over memory, as one value.

A convolution, a linear layer or a batch normalisation writes its output once.  An addition, an
activation and a pooling behind it can work on numbers that are still in the processor's cache, and
what lies between them is never written to memory.  Which of them follow is said by a `PostOps`,
which travels unchanged from `Sequential` to the kernel.  The word is oneDNN's.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

ADD, POOL = "add", "pool"
ACTIVATIONS = ("relu", "gelu", "silu")


class PostOps(NamedTuple):
    """What follows a product, in this order; each of them may be absent.

    Attributes:
        addend: an array like the output, which is added to it.
        activation: one of `ACTIVATIONS`.
        pool: whether 2x2 max-pooling with stride 2 comes last.
    """

    addend: Array | None = None
    activation: str | None = None
    pool: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the operations, in order: what a layer says it can take over."""
        addend: tuple[str, ...] = () if self.addend is None else (ADD,)
        activation = () if self.activation is None else (self.activation,)
        return addend + activation + ((POOL,) if self.pool else ())

    def __bool__(self) -> bool:
        return self.addend is not None or self.activation is not None or self.pool

    def then(self, kind: str) -> "PostOps":
        """Return these operations with one more behind them (not `ADD`, which comes first)."""
        return self._replace(pool=True) if kind == POOL else self._replace(activation=kind)


NO_POST_OPS = PostOps()
RELU = PostOps(activation="relu")


class Kept(NamedTuple):
    """What the backward pass needs of the post-ops; None for what was not there.

    Attributes:
        activation: one of `ACTIVATIONS`.
        values: ReLU's output, which is 0 where it stopped; of the others what went into them.
        argmax: of each pooled window, which of its pixels the gradient goes to: 0 and 1 in the
            upper row, 2 and 3 in the lower one, 4 where ReLU stopped it.
    """

    activation: str | None = None
    values: Array | None = None
    argmax: npt.NDArray[np.uint8] | None = None


NOTHING_KEPT = Kept()

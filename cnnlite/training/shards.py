"""A batch in shards: each has a forward and a backward pass of its own, and all are summed up."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from cnnlite.checks.numbers import count
from cnnlite.layers import Layer, SyncBatchNorm
from cnnlite.layers.ready import early
from cnnlite.random import Rng
from cnnlite.training.distributed.alone import Alone
from cnnlite.training.distributed.flat import Bucket, Buckets
from cnnlite.training.evaluation import correct
from cnnlite.training.lockstep import run_together
from cnnlite.training.one_shard import Work, shares_of
from cnnlite.tree_sums import total

__all__ = ["Images", "Passes", "Summed", "checked_shards", "cut", "synchronised"]

Arrays = Mapping[str, np.ndarray]


class Summed(NamedTuple):
    """What the shards of a batch come to.

    Attributes:
        loss: of the batch.
        grads: the gradients by key.
        accuracy: on the batch.
    """

    loss: float
    grads: Mapping[str, np.ndarray | None]
    accuracy: float


def cut(images: int, shards: int) -> list[slice]:
    """Return where a batch is cut: neighbours, the first ones larger by one, as np.array_split."""
    each, more = divmod(images, shards)
    ends = [shard * each + min(shard, more) for shard in range(shards + 1)]
    return [slice(*ends[shard : shard + 2]) for shard in range(shards)]


class Images:
    """A batch of which slices are made when they are asked for.

    Args:
        index: of the images.
        make: returns those of some indices.
    """

    def __init__(self, index: np.ndarray, make: Callable[[np.ndarray], np.ndarray]) -> None:
        self._index, self._make = index, make

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, part: slice) -> np.ndarray:
        return self._make(self._index[part])


def checked_shards(shards: Any, batch_size: int) -> int:
    """Return Solver's number of shards.

    Raises:
        TypeError, ValueError: it is no positive integer that divides batch_size.
    """
    found = count("Solver", "shards", shards)
    if batch_size % found:
        raise ValueError(
            f"Solver: shards is {found}, which does not divide batch_size {batch_size}"
        )
    return found


def synchronised(model: Layer) -> bool:
    """Return whether a layer looks at all shards of a batch."""
    return any(isinstance(leaf, SyncBatchNorm) for _, leaf in model.leaves())


class Passes:
    """The passes of a training's batches.

    Args:
        shards: parts of a batch.
        ranks: the processes that share them.
    """

    def __init__(self, shards: int, ranks: Alone) -> None:
        self.shards, self.ranks = shards, ranks
        self._layout: Layout | None = None

    def run(
        self, model: Layer, loss: Any, x: Any, y: np.ndarray, place: Rng,
        check: Callable[[float], None],
    ) -> Summed:  # fmt: skip
        """Take a batch through a network and back; the buffers move by the mean of the shards.

        Args:
            model, loss: the training's.
            x: the images (N, ...), or what gives those of a slice.
            y: the targets of all of them, (N,) or (N, classes).
            place: where layers draw random numbers; each of several shards has a place below it.
            check: is given the loss, and raises where the batch is not to be used.
        """
        if self.shards == 1:
            return _whole(model, loss, x, y, place, check)
        layout, works = self._begin(model, loss, x, y, place)
        for work in works:
            self._take(work, layout, work is works[-1])
        grads: dict[str, np.ndarray] = {}
        for bucket in layout.gradients.all:
            grads |= bucket.end(self.ranks.sums(bucket))
        self._move(model, layout)
        rows = self.ranks.rows(np.array([(work.loss, work.right) for work in works]))
        each = np.concatenate(rows)
        value = total(each[:, 0].tolist(), operator.add)
        check(value)
        in_order = {key: grads[key] for key in model.params if key in grads}
        return Summed(value, in_order, float(each[:, 1].sum() / len(y)))

    def forward(self, model: Layer, x: Any, rng: Rng | None) -> None:
        """Take a batch through a network, to move its buffers only.

        Args:
            model, x: as for `run`; x has a length.
            rng: the place where layers draw random numbers, as there.
        """
        if self.shards == 1:
            model.forward(x, train=True, rng=rng)
            return
        layout, works = self._begin(model, None, x, np.zeros(len(x)), rng)
        for work in works:
            work.finish(lambda layer, grads: None, layout.moved_by(work))
        self.ranks.begin(layout.moves, self.shards)
        self._move(model, layout)

    def _begin(
        self, model: Layer, loss: Any, x: Any, y: np.ndarray, place: Rng | None
    ) -> tuple[Layout, list[Work]]:
        """Begin a batch: its sums, and this rank's shards, which have run if they run together."""
        parts = cut(len(y), self.shards)
        shares = shares_of(loss, [y[part] for part in parts])
        works = [
            Work(model, loss, x, y, number, parts[number], shares[number], place)
            for number in self.ranks.own(self.shards)
        ]
        layout = self._layout_of(model)
        layout.gradients.begin(self.shards)
        layout.moves.begin(self.shards)
        if synchronised(model):  # asked anew, as a conversion keeps the parameters
            run_together([work.run for work in works], model, self.ranks)
        return layout, works

    def _layout_of(self, model: Layer) -> Layout:
        """Return where the sums of a network are, which stays the same while the network does."""
        params, frozen = model.params, getattr(model, "frozen_keys", ())
        trained = {key: array for key, array in params.items() if key not in frozen}
        known = tuple((key, id(array)) for key, array in trained.items())
        if self._layout is None or self._layout.known != known:
            self._layout = Layout(known, trained, model)
        return self._layout

    def _take(self, work: Work, layout: Layout, last: bool) -> None:
        """Run a shard if it has not run yet, and let its sums travel if it is this rank's last."""
        gradients = layout.gradients
        for bucket in gradients.all:
            bucket.begin_shard()
        filling = dict.fromkeys(gradients.all)

        def end(bucket: Bucket) -> None:
            bucket.end_shard(work.number)
            if last:
                self.ranks.begin(bucket, self.shards)

        def put(key: str, grad: np.ndarray | None) -> None:
            bucket = gradients.of.get(key)
            if bucket is None or grad is None or key not in bucket.missing:
                return
            bucket.put(key, grad)
            if not bucket.missing:
                del filling[bucket]
                end(bucket)

        def ready(layer: Layer, grads: Mapping[str, np.ndarray | None]) -> None:
            for name, grad in grads.items():
                array = layer.params.get(name)
                if array is not None and id(array) in layout.keys:
                    put(layout.keys[id(array)], grad)
            self.ranks.progress()

        moved = layout.moved_by(work)

        def moved_too(moves: Arrays) -> None:
            moved(moves)
            if last:
                self.ranks.begin(layout.moves, self.shards)

        work.finish(ready, moved_too)
        for key, grad in work.grads.items():
            put(key, grad)
        for bucket in filling:
            end(bucket)
        work.grads = {}  # they are in the sums

    def _move(self, model: Layer, layout: Layout) -> None:
        """Move the buffers, which are as before the batch; whole numbers stay whole."""
        for key, move in layout.moves.end(self.ranks.sums(layout.moves)).items():
            array = model.buffers[key]
            array[...] = array + (np.rint(move) if array.dtype.kind in "iu" else move)


class Layout:
    """Where the sums of a network's arrays are.

    Args:
        known: by which to see that it is still this network.
        trained: the parameters that are not frozen.
        model: the network.

    Attributes:
        gradients: the sums of the gradients.
        keys: by the ids of the arrays whose gradients are ready early.
        moves: how the shards move the buffers, weighted by their images; float64.
    """

    def __init__(self, known: Any, trained: Arrays, model: Layer) -> None:
        self.known, at_once = known, early(model)
        self.keys = {id(array): key for key, array in trained.items() if id(array) in at_once}
        last_first = dict(reversed(list(trained.items())))  # as they come
        self.gradients = Buckets(last_first)
        forms = {key: array.shape for key, array in model.buffers.items()}
        self.moves = Bucket(forms, np.dtype(np.float64))

    def moved_by(self, work: Work) -> Callable[[Arrays], None]:
        """Return what takes in the moves of a shard."""

        def take(moves: Arrays) -> None:
            self.moves.begin_shard()
            for key, move in moves.items():
                self.moves.put(key, move)
            self.moves.end_shard(work.number)

        return take


def _whole(
    model: Layer, loss: Any, x: np.ndarray, y: np.ndarray, place: Rng,
    check: Callable[[float], None],
) -> Summed:  # fmt: skip
    """Take a batch that is not cut through a network and back."""
    scores, cache = model.forward(x, train=True, rng=place)
    value, loss_cache = loss.forward(scores, y)
    check(float(value))
    _, grads = model.backward(loss.backward(loss_cache), cache, need_dx=False)
    return Summed(float(value), grads, float(np.mean(correct(scores, y))))

"""A network in which each layer feeds the next."""

import operator
from collections.abc import Iterator, Mapping
from typing import Any, Self, overload

import numpy as np

from cnnlite.cache_tables import Caches
from cnnlite.checks.arrays import check_branches
from cnnlite.checks.numbers import flag
from cnnlite.debug_caches import debug_caches
from cnnlite.layers.base import Grads, Layer
from cnnlite.layers.container import Container, Parts, child_rng, has_params
from cnnlite.layers.fuse import (
    Fusible,
    Step,
    all_taken,
    backward_parts,
    cut_into_steps,
    makes_dx,
    recipes_of,
)
from cnnlite.layers.recompute import filled, recipes, recording
from cnnlite.post_ops import NO_POST_OPS, PostOps
from cnnlite.random import RngLike

__all__ = ["Sequential"]


class Slimmed(Caches):
    """The caches of layers, with recipes in the place of some arrays."""


class Sequential(Container, Fusible):
    """Layers one after another; `torch.nn.Sequential`.

    Its cache is a list with an entry for each step that ran.  Backward takes the entries off as
    it goes, so that memory is given back on the way; a cache serves one backward.

    Args:
        *layers: the layers, in order.  A layer may stand in it more than once.
        fuse: run layers together where one pass over memory serves several; same bits.
        recompute: keep less memory between forward and backward: outputs of batch-norm and of
            activations, in the networks inside it too, are computed again when backward needs them;
            same bits, a little more time.

    Raises:
        TypeError: something among the layers is not a Layer.
    """

    def __init__(self, *layers: Layer, fuse: bool = True, recompute: bool = False) -> None:
        self._fuse = flag("Sequential", "fuse", fuse)
        self.recompute = recompute
        self._layers: dict[str, Layer] = {}
        for layer in layers:
            self._layers[str(len(self))] = _checked(layer)
        self._cut()

    @property
    def new_dx(self) -> bool:
        """Whether dx is new memory, which the first layer makes."""
        return bool(self._steps) and makes_dx(self._steps[0].layer)

    @property
    def takes(self) -> frozenset[tuple[str, ...]]:  # type: ignore[override]
        """What its last layer can do, if that stands alone."""
        last = self._steps[-1] if self._steps and self._fuse else None
        return frozenset() if last is None or last.post else all_taken(last.layer)

    def forward_post(
        self, x: np.ndarray, train: bool, rng: RngLike, post: PostOps
    ) -> tuple[np.ndarray, list[Any]]:
        """Return the output after the post-ops, which its last layer does, and the cache.

        Raises:
            ValueError, TypeError: an addend has another shape or dtype than the output.
        """
        known = recipes()
        if known is None and self._recompute and not debug_caches:
            with recording():
                return self.forward_post(x, train, rng, post)
        place = self.place(train, rng)
        cache = Caches() if known is None else Slimmed()
        for step in self._with(post):
            if step.post is not NO_POST_OPS:
                _check_addend(step, x)
            own = None if place is None else child_rng(place, step.name, step.layer)
            y, entry = step.forward(x, train, own)
            if known is not None:
                entry = known.slimmed(entry, recipes_of(step.layer, x, y, entry, step.post))
            cache.append(entry)
            x = y
        return x, cache

    def __call__(self, x: np.ndarray, post: PostOps = NO_POST_OPS) -> np.ndarray:
        for step in self._with(post):
            _check_addend(step, x)
            x = step.infer(x)
        return x

    def backward(
        self, dy: np.ndarray, cache: list[Any], need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        """Return the gradients, and empty the cache on the way.

        Without `need_dx` it ends at the first layer that has parameters: nobody asks for the
        gradient of what comes before it.

        Raises:
            RuntimeError: the cache has been used already, or is not of this network.
        """
        dx, parts, _ = self.backward_parts(dy, cache, need_dx, addend=False)
        return dx, self.gather_grads(parts)

    def backward_post(
        self, dy: np.ndarray, cache: list[Any], need_dx: bool
    ) -> tuple[np.ndarray | None, Grads, np.ndarray | None]:
        """Return what `backward` does, and the gradient of the addend of `forward_post`.

        Raises:
            RuntimeError: as in `backward`.
        """
        dx, parts, daddend = self.backward_parts(dy, cache, need_dx, addend=True)
        return dx, self.gather_grads(parts), daddend

    def _with(self, post: PostOps) -> list[Step]:
        """Return the steps, the last one with the post-ops of the whole network."""
        if post is NO_POST_OPS or not (post and self._steps):
            return self._steps
        *before, last = self._steps
        return [*before, Step(last.name, last.layer, post, last.layers)]

    def backward_parts(
        self, dy: np.ndarray, cache: list[Any], need_dx: bool, addend: bool, own: bool = False
    ) -> tuple[np.ndarray | None, Parts, np.ndarray | None]:
        """Return what `backward_post` does, with the parameters' gradients still in parts.

        Args:
            dy, cache, need_dx: as for `backward`.
            addend: whether the gradient of an addend is asked for.
            own: whether nobody else refers to dy, which may then be overwritten.
        """
        steps = self._steps
        if len(cache) != len(steps):
            raise RuntimeError(
                f"Sequential: the cache has {len(cache)} entries for {len(steps)} steps; "
                "backward empties it, so each backward needs a forward of its own"
            )
        if addend and not self.takes:
            raise RuntimeError("Sequential: the cache is of another network, whose last step added")
        first = 0 if need_dx else _first_with_params(steps)
        parts: Parts = []
        daddend = entry = None
        for i in range(len(steps) - 1, -1, -1):
            if i >= first or addend:
                # Taken off the list only afterwards: a dy that is refused leaves it whole.
                name, layer, _, layers = steps[i]
                wanted = need_dx or i > first
                entry = filled(cache[-1]) if type(cache) is Slimmed else cache[-1]
                dx, grads, other = backward_parts(layer, dy, entry, wanted, addend, own)
                entry = None  # else its arrays would live while the next one is filled
                own = makes_dx(layer)
                parts.append((name, grads))
                if addend:  # it was the last step's
                    daddend, addend = other, False
                if dx is None and wanted:
                    names = ", ".join(map(repr, layers))
                    raise TypeError(f"Sequential: {names} returned no dx, though need_dx is true")
                dy = dx  # type: ignore[assignment]  # None after the last step only
            del cache[-1]
        return dy if need_dx else None, parts, daddend

    def append(self, layer: Layer) -> Self:
        """Add a layer at the end, and return the network."""
        self._layers[str(len(self))] = _checked(layer)
        self._cut()
        return self

    def children(self) -> Mapping[str, Layer]:
        return self._layers

    @property
    def fuse(self) -> bool:
        """Whether layers run together where that saves a pass over memory."""
        return self._fuse

    @fuse.setter
    def fuse(self, fuse: bool) -> None:
        self._fuse = flag("Sequential", "fuse", fuse)
        self._cut()

    @property
    def recompute(self) -> bool:
        """Whether outputs that are cheap to compute are computed again instead of kept."""
        return self._recompute

    @recompute.setter
    def recompute(self, recompute: bool) -> None:
        self._recompute = flag("Sequential", "recompute", recompute)

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers.values())

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> "Sequential": ...
    def __getitem__(self, index: int | slice) -> Layer:
        """Return a layer, or for a slice a network of the same layers, numbered anew."""
        if isinstance(index, slice):
            layers = list(self)[index]
            return Sequential(*layers, fuse=self._fuse, recompute=self._recompute)
        return self._layers[self._name(index)]

    def __setitem__(self, index: int, layer: Layer) -> None:
        """Put another layer in this place."""
        self._layers[self._name(index)] = _checked(layer)
        self._cut()

    def _name(self, index: int) -> str:
        return str(range(len(self))[operator.index(index)])

    def _cut(self) -> None:
        self._steps = cut_into_steps(self._layers, self._fuse)


def _check_addend(step: Step, x: np.ndarray) -> None:
    """Raise unless the addend, if there is one, has the shape of what a step gives."""
    if step.post.addend is not None and step.layer.keeps_shape:  # type: ignore[attr-defined]
        check_branches(x.shape, x.dtype, step.post.addend)


def _first_with_params(steps: list[Step]) -> int:
    """Return the first step with something to train, or the number of steps."""
    for i, step in enumerate(steps):
        if any(map(has_params, step.layers)):
            return i
    return len(steps)


def _checked(layer: Layer) -> Layer:
    if not isinstance(layer, Layer):
        hint = ""
        if isinstance(layer, type):
            hint = " (an instance, not the class)"
        elif isinstance(layer, (list, tuple)):
            hint = "; give the layers one by one, as in Sequential(*layers)"
        raise TypeError(
            f"Sequential: {layer!r} is a {type(layer).__name__}, expected a Layer{hint}"
        )
    return layer

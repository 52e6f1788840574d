"""A network in which each layer feeds the next."""

import operator
from collections.abc import Iterator, Mapping
from typing import Any, Self, overload

import numpy as np

from cnnlite.checks.numbers import flag
from cnnlite.layers.base import Grads, Layer
from cnnlite.layers.container import Container, check_branches, has_params
from cnnlite.layers.steps import Step, SumStep, cut_into_steps
from cnnlite.random import RngLike

__all__ = ["Sequential"]


class Sequential(Container):
    """Layers one after another; `torch.nn.Sequential`.

    Its cache is a list with an entry for each step that ran.  Backward takes the entries off as
    it goes, so that memory is given back on the way; a cache serves one backward.

    Args:
        *layers: the layers, in order.  A layer may stand in it more than once.
        fuse: run layers together where one pass over memory serves several; same bits.

    Raises:
        TypeError: something among the layers is not a Layer.
    """

    def __init__(self, *layers: Layer, fuse: bool = True) -> None:
        self._fuse = flag("Sequential", "fuse", fuse)
        self._layers: dict[str, Layer] = {}
        for layer in layers:
            self._layers[str(len(self))] = _checked(layer)
        self._cut()

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, list[Any]]:
        place = self.place(train, rng)
        cache = []
        for step in self._steps:
            x, entry = step.forward(x, train, place)
            cache.append(entry)
        return x, cache

    def backward(
        self, dy: np.ndarray, cache: list[Any], need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        """Return the gradients, and empty the cache on the way.

        Without `need_dx` it ends at the first layer that has parameters: nobody asks for the
        gradient of what comes before it.

        Raises:
            RuntimeError: the cache has been used already, or is not of this network.
        """
        self._check_cache(cache)
        parts: list[tuple[str, Grads]] = []
        dx = self._steps_backward(dy, cache, need_dx, parts)
        return dx, self.gather_grads(parts)

    @property
    def sums(self) -> bool:
        """Whether the last step can add something to its output while it writes it."""
        return bool(self._steps) and isinstance(self._steps[-1], SumStep)

    def forward_sum(
        self, x: np.ndarray, train: bool, rng: RngLike, addend: np.ndarray, relu: bool
    ) -> tuple[np.ndarray, list[Any]]:
        """Return the output plus `addend`, or max(0, .) of the sum, and the cache; see `sums`.

        Args:
            x, train, rng: as in `forward`.
            addend: the other branch of a residual block, of the shape and dtype of the output.
            relu: whether the sum goes through ReLU.

        Raises:
            ValueError, TypeError: the addend has another shape or dtype than the output.
        """
        *steps, last = self._steps
        assert isinstance(last, SumStep)
        place = self.place(train, rng)
        cache = []
        for step in steps:
            x, entry = step.forward(x, train, place)
            cache.append(entry)
        check_branches(x, addend)
        y, entry = last.forward_sum(x, train, place, addend, relu)
        return y, [*cache, entry]

    def infer_sum(self, x: np.ndarray, addend: np.ndarray, relu: bool) -> np.ndarray:
        """Return what `forward_sum` does, as in inference, and keep nothing."""
        *steps, last = self._steps
        assert isinstance(last, SumStep)
        for step in steps:
            x = step(x)
        check_branches(x, addend)
        return last.forward_sum(x, False, None, addend, relu)[0]

    def backward_sum(
        self, dy: np.ndarray, cache: list[Any], need_dx: bool
    ) -> tuple[np.ndarray | None, Grads, np.ndarray]:
        """Return what `backward` does, and the gradient of the addend: dy itself, or new memory.

        Args:
            dy: gradient with respect to what `forward_sum` returned.
            cache: what it returned; emptied on the way.
            need_dx: as in `backward`.

        Raises:
            RuntimeError: as in `backward`.
        """
        self._check_cache(cache)
        last = self._steps[-1]
        if not isinstance(last, SumStep):
            raise RuntimeError("Sequential: the cache is of another network: its last step added")
        inner = need_dx or _first_with_params(self._steps) < len(self._steps) - 1
        dx, parts, daddend = last.backward_sum(dy, cache[-1], inner)
        del cache[-1]
        if dx is not None:
            dx = self._steps_backward(dx, cache, need_dx, parts)
        cache.clear()
        return dx, self.gather_grads(parts), daddend

    def _check_cache(self, cache: list[Any]) -> None:
        if len(cache) != len(self._steps):
            raise RuntimeError(
                f"Sequential: the cache has {len(cache)} entries for {len(self._steps)} steps; "
                "backward empties it, so each backward needs a forward of its own"
            )

    def _steps_backward(
        self, dy: np.ndarray, cache: list[Any], need_dx: bool, parts: list[tuple[str, Grads]]
    ) -> np.ndarray | None:
        """Run the steps whose entries are in the cache backwards, and add to `parts`."""
        steps = self._steps
        last = 0 if need_dx else _first_with_params(steps)
        for i in reversed(range(len(cache))):
            if i >= last:
                # Taken off the list only afterwards: a dy that is refused leaves it whole.
                dx, grads = steps[i].backward(dy, cache[-1], need_dx or i > last)
                parts.extend(grads)
                if dx is None and (need_dx or i > last):
                    names = ", ".join(map(repr, steps[i].layers.values()))
                    raise TypeError(f"Sequential: {names} returned no dx, though need_dx is true")
                dy = dx  # type: ignore[assignment]  # None after the last step only
            del cache[-1]
        return dy if need_dx else None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        for step in self._steps:
            x = step(x)
        return x

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
            return Sequential(*list(self)[index], fuse=self._fuse)
        return self._layers[self._name(index)]

    def __setitem__(self, index: int, layer: Layer) -> None:
        """Put another layer in this place."""
        self._layers[self._name(index)] = _checked(layer)
        self._cut()

    def _name(self, index: int) -> str:
        return str(range(len(self))[operator.index(index)])

    def _cut(self) -> None:
        self._steps = cut_into_steps(self._layers, self._fuse)


def _first_with_params(steps: list[Step]) -> int:
    """The first step with something to train, or the number of steps."""
    for i, step in enumerate(steps):
        if any(map(has_params, step.layers.values())):
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

"""How a network's layers are cut into steps, and which layers run together as one.

A step is a layer with the post-ops that follow it in the same pass over memory.  What a layer can
take over it says itself (`Fusible.takes`), and what a layer is as a post-op likewise
(`post_op`), and whether gradients may share memory (`makes_dx`, `backward_parts`).  All this counts
only where the class itself says so: a class derived from one of ours always runs as it was written.
A step gives the bits of its layers one by one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from cnnlite.functional.post_ops import activate_again
from cnnlite.layers.base import Grads, Layer
from cnnlite.layers.pair import PairLayer
from cnnlite.layers.ready import listener
from cnnlite.layers.recompute import Recipe
from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT, Kept, PostOps
from cnnlite.random import Rng, RngLike

__all__ = [
    "Fusible",
    "Step",
    "all_taken",
    "backward_parts",
    "cut_into_steps",
    "makes_dx",
    "recipes_of",
]

Kinds = tuple[str, ...]


class Fusible(Layer):
    """A layer that can do post-ops while it writes its output.

    `takes` lists which: names of `post_ops`, in order, as tuples.
    """

    takes: ClassVar[frozenset[Kinds]]
    keeps_shape: ClassVar[bool] = True
    """Of a layer that takes an addend: it has the shape of x then; else the layer checks it."""

    @abstractmethod
    def forward_post(
        self, x: np.ndarray, train: bool, rng: RngLike, post: PostOps
    ) -> tuple[np.ndarray, Any]:
        """Return what `forward` does after the post-ops, and one cache for all."""

    @abstractmethod
    def backward_post(
        self, dy: np.ndarray, cache: Any, need_dx: bool
    ) -> tuple[np.ndarray | None, Grads, np.ndarray | None]:
        """Return what `backward` does, and the gradient of the addend, if there was one.

        The addend's gradient may be dy itself, which is never written to.
        """

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return self.forward_post(x, train, rng, NO_POST_OPS)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        dx, grads, _ = self.backward_post(dy, cache, need_dx)
        return dx, grads

    def __call__(self, x: np.ndarray, post: PostOps = NO_POST_OPS) -> np.ndarray:
        """Return the output as in inference, after the post-ops, and keep nothing."""
        return self.forward_post(x, False, None, post)[0]

    def recipes(self, x: np.ndarray, y: np.ndarray, cache: Any, post: PostOps) -> Iterator[Recipe]:
        """Yield how arrays of a forward pass can be computed again from what is kept anyway.

        Args:
            x, y, cache, post: what went into `forward_post`, and what came out of it.
        """
        kept: Kept = getattr(cache, "kept", NOTHING_KEPT)
        if kept.activation not in (None, "relu"):
            yield Recipe(y, self.output_again, kept)

    def output_again(self, kept: Any, addend: np.ndarray | None = None) -> np.ndarray:
        """Return the output of the post-ops from what went into their activation, `Kept`."""
        return activate_again(kept)


class Step(NamedTuple):
    """Layers of a network that run as one: the first, and the rest as its post-ops.

    Attributes:
        name: of the first layer in the network.
        layer: the first layer.
        post: what the others are.
        layers: all of them.
    """

    name: str
    layer: Layer
    post: PostOps
    layers: tuple[Layer, ...]

    def forward(self, x: np.ndarray, train: bool, rng: Rng | None) -> tuple[np.ndarray, Any]:
        """Return the output and the cache."""
        if self.post is NO_POST_OPS or not self.post:  # a copy of it has another one
            return self.layer.forward(x, train, rng)
        return self.layer.forward_post(x, train, rng, self.post)  # type: ignore[attr-defined]

    def infer(self, x: np.ndarray) -> np.ndarray:
        """Return the output as in inference, and keep nothing."""
        if self.post is NO_POST_OPS or not self.post:  # a copy of it has another one
            return self.layer(x)
        return self.layer(x, self.post)  # type: ignore[call-arg]


def backward_parts(
    layer: Layer, dy: np.ndarray, cache: Any, need_dx: bool, addend: bool = False, own: bool = False
) -> tuple[np.ndarray | None, Any, np.ndarray | None]:
    """Return the gradients of the input, of the parameters, and of an addend.

    Those of a container's parameters are in parts, which the outermost container gathers, once;
    a class that derives from one of ours gathers its own.

    Args:
        layer, dy, cache, need_dx: the layer, and what its backward takes.
        addend: whether the gradient of an addend is asked for.
        own: whether nobody else refers to dy, so that a layer whose class says `overwrites` may
            write to it.
    """
    if "backward_parts" in vars(type(layer)):
        return layer.backward_parts(dy, cache, need_dx, addend, own)  # type: ignore[attr-defined]
    # A `backward` that somebody has put on the layer, to see what comes by, is to be called.
    replaced = "backward" in vars(layer) and "backward_post" not in vars(layer)
    if own and "overwrites" in vars(type(layer)) and not replaced:
        return layer.backward_post(dy, cache, need_dx, addend, own)  # type: ignore[attr-defined]
    if addend:
        found = layer.backward_post(dy, cache, need_dx)  # type: ignore[attr-defined]
    else:
        found = *layer.backward(dy, cache, need_dx), None
    ready = listener()
    if ready is not None:
        ready(layer, found[1])
    return found


def recipes_of(
    layer: Layer, x: np.ndarray, y: np.ndarray, cache: Any, post: PostOps
) -> Iterable[Recipe]:
    """Return the recipes of a layer after its forward: none unless its own class says so."""
    if "takes" in vars(type(layer)) or type(layer).forward is PairLayer.forward:
        return layer.recipes(x, y, cache, post)  # type: ignore[attr-defined]
    return ()


def makes_dx(layer: Layer) -> bool:
    """Return whether the dx of a layer is new memory, or the dy that it was given as its own."""
    return "new_dx" in vars(type(layer)) and bool(layer.new_dx)  # type: ignore[attr-defined]


def all_taken(layer: Layer) -> frozenset[Kinds]:
    """Return all post-ops that a layer can do: none unless its own class says so."""
    return layer.takes if "takes" in vars(type(layer)) else frozenset()  # type: ignore[attr-defined]


def cut_into_steps(layers: Mapping[str, Layer], fuse: bool = True) -> list[Step]:
    """Return the steps that run these layers, each as long as its first layer allows.

    Args:
        layers: the layers by name, in order.
        fuse: whether layers may run together at all.
    """
    steps: list[Step] = []
    for name, layer in layers.items():
        kind = getattr(layer, "post_op", None) if "post_op" in vars(type(layer)) else None
        if fuse and steps and kind is not None:
            last = steps[-1]
            post = last.post.then(kind)
            if (*last.post.kinds, kind) in all_taken(last.layer):
                steps[-1] = last._replace(post=post, layers=(*last.layers, layer))
                continue
        steps.append(Step(name, layer, NO_POST_OPS, (layer,)))
    return steps

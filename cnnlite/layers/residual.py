"""A branch and a short way around it, added up."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from cnnlite.backend import empty, kernels
from cnnlite.cache_tables import show_caches
from cnnlite.checks.arrays import check_branches, check_floats, contiguous
from cnnlite.functional.post_ops import apply, kept_of, split, undo
from cnnlite.layers.base import Grads, Layer
from cnnlite.layers.container import Container, Parts, child_rng
from cnnlite.layers.fuse import Fusible, backward_parts
from cnnlite.layers.sequential import Sequential
from cnnlite.post_ops import ACTIVATIONS, ADD, NO_POST_OPS, NOTHING_KEPT, Kept, PostOps
from cnnlite.random import Rng, RngLike

__all__ = ["Residual"]


class ResidualCache(NamedTuple):
    """What the two branches need; a sum needs nothing.

    Attributes:
        body: the body's cache.
        shortcut: the shortcut's cache, None for the identity.
        sum_in_body: whether the body's last layer wrote the sum and undoes what follows it.
        kept: what backward needs of what follows the sum, if the body does not undo it.
    """

    body: Any
    shortcut: Any
    sum_in_body: bool
    kept: Kept


show_caches(globals())


class Residual(Container, Fusible):
    """y = body(x) + shortcut(x), without an activation after the sum.

    Args:
        body: the layer that learns the difference to the shortcut.
        shortcut: the layer beside it, for where shapes change; None is the identity.

    Raises:
        TypeError: one of them is not a Layer.

    Source:
        He et al., "Deep residual learning for image recognition", CVPR 2016, equations 1 and 2.
    """

    takes: ClassVar = frozenset((activation,) for activation in ACTIVATIONS)
    new_dx: ClassVar = True

    def __init__(self, body: Layer, shortcut: Layer | None = None) -> None:
        for name, layer in (("body", body), ("shortcut", shortcut)):
            if not isinstance(layer, Layer) and (layer is not None or name == "body"):
                raise TypeError(f"Residual: {name} is {layer!r}, expected a Layer")
        self.body = body
        self.shortcut = shortcut

    def forward_post(
        self, x: np.ndarray, train: bool, rng: RngLike, post: PostOps
    ) -> tuple[np.ndarray, ResidualCache]:
        """Return the sum after an activation, if `post` has one, and the cache."""
        check_floats("Residual", x=x)
        place = self.place(train, rng)
        body_rng = child_rng(place, "body", self.body)
        if self._sums_in_body(post):
            short, shortcut = self._short(x, train, place)
            ops = PostOps(short, post.activation, post.pool)
            y, body = self.body.forward_post(x, train, body_rng, ops)  # type: ignore[attr-defined]
            return y, ResidualCache(body, shortcut, True, NOTHING_KEPT)
        y, body = self.body.forward(x, train, body_rng)
        short, shortcut = self._short(x, train, place)
        y, kept = _sum(y, short, post)
        return y, ResidualCache(body, shortcut, False, kept)

    def __call__(self, x: np.ndarray, post: PostOps = NO_POST_OPS) -> np.ndarray:
        check_floats("Residual", x=x)
        short = x if self.shortcut is None else self.shortcut(x)
        if self._sums_in_body(post):
            ops = PostOps(short, post.activation, post.pool)
            y: np.ndarray = self.body(x, ops)  # type: ignore[call-arg]
            return y
        return _sum(self.body(x), short, post)[0]

    def backward_post(
        self, dy: np.ndarray, cache: ResidualCache, need_dx: bool
    ) -> tuple[np.ndarray | None, Grads, None]:
        dx, parts, _ = self.backward_parts(dy, cache, need_dx, addend=False)
        return dx, self.gather_grads(parts), None

    def backward_parts(
        self, dy: np.ndarray, cache: ResidualCache, need_dx: bool, addend: bool, own: bool = False
    ) -> tuple[np.ndarray | None, Parts, None]:
        """Return what `backward_post` does, with the parameters' gradients still in parts.

        Args:
            dy, cache, need_dx: as for `backward`.
            addend: False.
            own: whether nobody else refers to dy, which may then be overwritten.
        """
        own = own and cache.sum_in_body  # else both branches read dy
        if not cache.sum_in_body:
            dy = undo(dy, cache.kept, dy.shape)
        dx, grads, dsum = backward_parts(self.body, dy, cache.body, need_dx, cache.sum_in_body, own)
        parts: Parts = [("body", grads)]
        dshort = dy if dsum is None else dsum
        short: np.ndarray | None = dshort
        # What the body made is nobody else's, and may be added to.
        out = None if dshort is dy and not own else dshort
        if self.shortcut is not None:
            short, grads, _ = backward_parts(self.shortcut, dshort, cache.shortcut, need_dx)
            parts.append(("shortcut", grads))
            out = None
        if not need_dx:
            return None, parts, None
        if dx is None or short is None:
            raise TypeError(f"{self!r}: a branch returned no dx, though need_dx is true")
        check_branches(dx.shape, dx.dtype, short)
        total = empty(dx.shape, dx.dtype) if out is None else out
        kernels.add(contiguous(dx), contiguous(short), total)
        return total, parts, None

    def _short(self, x: np.ndarray, train: bool, place: Rng | None) -> tuple[np.ndarray, Any]:
        """Return the shortcut's output and cache."""
        if self.shortcut is None:
            return x, None
        return self.shortcut.forward(x, train, child_rng(place, "shortcut", self.shortcut))

    def _sums_in_body(self, post: PostOps) -> bool:
        """Return whether the body's last layer can add the shortcut while it writes its output."""
        return type(self.body) is Sequential and (ADD, *post.kinds) in self.body.takes

    def children(self) -> Mapping[str, Layer]:
        if self.shortcut is None:
            return {"body": self.body}
        return {"body": self.body, "shortcut": self.shortcut}


def _sum(y: np.ndarray, short: np.ndarray, post: PostOps) -> tuple[np.ndarray, Kept]:
    """Return the sum after its post-ops, in new memory: a cache may hold both terms."""
    check_branches(y.shape, y.dtype, short)
    total = empty(y.shape, y.dtype)
    own, rest = split(post)
    kernels.add(contiguous(y), contiguous(short), total, own)
    return apply(total, rest) if rest else (total, kept_of(total, None, own))

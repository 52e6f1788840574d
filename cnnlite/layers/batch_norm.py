"""Batch normalisation."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from cnnlite.checks.arrays import FLOATS, check_floats
from cnnlite.functional import batch_norm_forward
from cnnlite.functional.batch_norm import batch_norm_again, batch_norm_gradients
from cnnlite.functional.sync_batch_norm import (
    SyncBatchNormCache,
    sync_batch_norm_backward,
    sync_batch_norm_forward,
)
from cnnlite.layers.base import Grads, Layer
from cnnlite.layers.fuse import Fusible
from cnnlite.layers.norm import RunningNorm
from cnnlite.layers.recompute import Recipe
from cnnlite.layers.sequential import Sequential
from cnnlite.layers.together import together
from cnnlite.post_ops import ACTIVATIONS, ADD, NOTHING_KEPT, Kept, PostOps
from cnnlite.random import RngLike

__all__ = ["BatchNorm1d", "BatchNorm2d", "SyncBatchNorm"]


TAKES = frozenset(
    (*add, *activation)
    for add in ((), (ADD,))
    for activation in ((), *((name,) for name in ACTIVATIONS))
    if add or activation
)


class _BatchNorm(RunningNorm, Fusible):
    """What BatchNorm1d and BatchNorm2d share: all but the shape of x.

    Forward with train=True is the one thing in a network that changes something: it moves the
    running statistics, and counts the batch.
    """

    _shapes: ClassVar[dict[int, str]]  # that x may have, by the number of axes

    def forward_post(
        self, x: np.ndarray, train: bool, rng: RngLike, post: PostOps
    ) -> tuple[np.ndarray, Any]:
        weight, bias = self.params.get("weight"), self.params.get("bias")
        if not self._fits(x, weight, bias):
            self._explain(x, weight, bias)
        batches = self.buffers.get("num_batches_tracked")
        train = self.moves_buffers(train)
        if train and batches is not None and not batches.flags.writeable:
            name = type(self).__name__
            raise ValueError(f"{name}: num_batches_tracked is read-only, but train=True updates it")
        momentum = self.momentum
        if momentum is None:  # the plain mean of all batches so far
            momentum = 0.0 if batches is None else 1 / (int(batches) + 1)
        y, cache = self._normalised(x, train or batches is None, momentum, post)
        if train and batches is not None:
            batches += 1
        return y, cache

    def _arrays(self) -> tuple[np.ndarray | None, ...]:
        """Return scale and shift, running mean and variance, as far as there are such."""
        params, buffers = self.params, self.buffers
        statistics = buffers.get("running_mean"), buffers.get("running_var")
        return params.get("weight"), params.get("bias"), *statistics

    def _normalised(
        self, x: np.ndarray, from_batch: bool, momentum: float, post: PostOps
    ) -> tuple[np.ndarray, Any]:
        """Return the output after the post-ops, and the cache."""
        weight, bias, mean, var = self._arrays()
        return batch_norm_forward(x, weight, bias, mean, var, from_batch, momentum, self.eps, post)

    def _fits(self, x: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None) -> bool:
        """Return whether x is as expected at first sight; if not, `_explain` looks closely."""
        if not (isinstance(x, np.ndarray) and x.ndim in self._shapes):
            return False
        if weight is None or bias is None or not (x.dtype is weight.dtype is bias.dtype):
            return False
        return x.dtype in FLOATS and x.shape[1] == self.num_features

    def _explain(self, x: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None) -> None:
        """Raise what is wrong with x."""
        name = type(self).__name__
        check_floats(name, optional=("weight", "bias"), x=x, weight=weight, bias=bias)
        if x.ndim not in self._shapes or x.shape[1] != self.num_features:
            expected = " or ".join(self._shapes.values()).replace("C", str(self.num_features))
            raise ValueError(f"{name}: x has shape {x.shape}, expected {expected}")

    def recipes(self, x: np.ndarray, y: np.ndarray, cache: Any, post: PostOps) -> Iterator[Recipe]:
        """Yield how y is made again from x and the statistics; first what a GELU or SiLU got."""
        kept, bare = cache.kept, cache._replace(kept=NOTHING_KEPT)
        if kept.activation in (None, "relu"):
            bare = cache._replace(kept=Kept(kept.activation))
            yield Recipe(y, self.output_again, bare, post.addend)
            return
        yield Recipe(kept.values, self.output_again, bare, post.addend)
        yield Recipe(y, self.output_again, kept)

    def output_again(self, kept: Any, addend: np.ndarray | None = None) -> np.ndarray:
        """Return the output of batch-norm from its cache, or that of what follows from `Kept`."""
        if isinstance(kept, Kept):
            return super().output_again(kept)
        return batch_norm_again(kept, addend)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        dx, grads, _ = self.backward_post(dy, cache, need_dx, addend=False)
        return dx, grads

    def backward_post(
        self, dy: np.ndarray, cache: Any, need_dx: bool, addend: bool = True, own: bool = False
    ) -> tuple[np.ndarray | None, Grads, np.ndarray | None]:
        dx, dgamma, dbeta, daddend = batch_norm_gradients(dy, cache, need_dx, addend, own)
        return dx, {} if dgamma is None else {"weight": dgamma, "bias": dbeta}, daddend


class BatchNorm1d(_BatchNorm):
    """Normalise each feature of (N, C) over the batch, of (N, C, L) over batch and positions.

    `torch.nn.BatchNorm1d`.

    params: weight (C,), bias (C,).  buffers: running_mean (C,), running_var (C,),
    num_batches_tracked ().

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: weight of a new batch in the running statistics; None makes them plain means.
        affine: whether there is a scale and a shift to learn.
        track_running_stats: whether to keep running statistics, for use when not training.
        dtype: np.float32 or np.float64.
        rng: not used: the first weights are ones and zeros.

    Raises:
        TypeError, ValueError: an argument is out of range.

    Source:
        Ioffe and Szegedy, "Batch normalization", ICML 2015, algorithms 1 and 2.
    """

    _shapes: ClassVar = {2: "(N, C)", 3: "(N, C, L)"}
    takes = TAKES
    new_dx = overwrites = True


class BatchNorm2d(_BatchNorm):
    """Normalise each channel of (N, C, H, W) over batch and pixels; `torch.nn.BatchNorm2d`.

    params, buffers, arguments and errors are those of BatchNorm1d.

    Source:
        Ioffe and Szegedy 2015, section 3.2.
    """

    _shapes: ClassVar = {4: "(N, C, H, W)"}
    takes = TAKES
    new_dx = overwrites = True


class SyncBatchNorm(_BatchNorm):
    """Batch-norm whose statistics are those of all shards of a batch; `torch.nn.SyncBatchNorm`.

    Where a `Solver` cuts batches into shards, the shards run together and exchange their moments,
    so the memory of all of them is needed at once.  Where the batch is whole it does what
    BatchNorm2d does, bit for bit.

    params, buffers, arguments and errors are those of BatchNorm1d; x is (N, C), (N, C, L) or
    (N, C, H, W).

    Source:
        Peng et al., "MegDet: a large mini-batch object detector", CVPR 2018, section 3.3.
    """

    _shapes: ClassVar = {2: "(N, C)", 3: "(N, C, L)", 4: "(N, C, H, W)"}

    def _normalised(
        self, x: np.ndarray, from_batch: bool, momentum: float, post: PostOps
    ) -> tuple[np.ndarray, Any]:
        gather = together()
        if gather is None or not from_batch:
            return super()._normalised(x, from_batch, momentum, post)
        weight, bias, mean, var = self._arrays()
        return sync_batch_norm_forward(x, weight, bias, mean, var, gather, momentum, self.eps)

    def backward_post(
        self, dy: np.ndarray, cache: Any, need_dx: bool, addend: bool = True, own: bool = False
    ) -> tuple[np.ndarray | None, Grads, np.ndarray | None]:
        gather = together()
        if not isinstance(cache, SyncBatchNormCache) or gather is None:
            return super().backward_post(dy, cache, need_dx, addend, own)
        dx, dgamma, dbeta = sync_batch_norm_backward(dy, cache, gather, need_dx)
        return dx, {} if dgamma is None else {"weight": dgamma, "bias": dbeta}, dy

    @classmethod
    def convert_sync_batchnorm(cls, layer: Layer) -> Layer:
        """Put a SyncBatchNorm in the place of each batch-norm, and return the layer.

        Each has the arrays of the one before it.  A layer that is a batch-norm itself comes back
        as another one.  Containers of one's own must hold their layers as attributes.

        Raises:
            TypeError: a container holds its layers elsewhere.
        """
        if type(layer) in (BatchNorm1d, BatchNorm2d):
            made = cls.__new__(cls)
            vars(made).update(vars(layer))
            return made
        for name, child in layer.children().items():
            new = cls.convert_sync_batchnorm(child)
            if new is child:
                continue
            if isinstance(layer, Sequential):
                layer[list(layer.children()).index(name)] = new
            elif vars(layer).get(name) is child:
                setattr(layer, name, new)
            else:
                kind = type(layer).__name__
                raise TypeError(
                    f"SyncBatchNorm.convert_sync_batchnorm: {kind} holds {name} elsewhere than in "
                    "an attribute of that name"
                )
        return layer

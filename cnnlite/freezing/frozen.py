"""A network as it is now, for inference."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from cnnlite.freezing.fold import folded
from cnnlite.freezing.runs import in_runs
from cnnlite.layers import Layer, Sequential
from cnnlite.layers.base import dtype_of, expect_layer, untrainable
from cnnlite.layers.notebook import network_table
from cnnlite.layers.summary import Summary, summarize
from cnnlite.random import RngLike

__all__ = ["Frozen", "freeze"]


def freeze(model: Layer) -> Frozen:
    """Return a network that gives what `model(x)` gives now, faster; it cannot be trained.

    Batch normalisation is folded into the convolution or the linear layer before it.  Weights are
    packed or transformed once, memory is planned once for each shape of x, and all layers run in
    one call, `frozen(x)`.

        frozen = cnnlite.freeze(model)
        scores = frozen(x)

    It is a snapshot: training the model on, or loading other weights into it, does not change it;
    freeze the model again.  A layer of your own (of a class that is not cnnlite's, or derives from
    one of cnnlite's) is not copied: it is called as it is.

    Args:
        model: any layer.

    Returns:
        The frozen network.  Its outputs are the model's but for rounding, for they have the folded
        weights' (computed in float64, rounded once); they have the same bits for any number of
        threads.  Several threads may call it at the same time.

    Raises:
        TypeError: the model is no layer.
    """
    expect_layer("freeze", "model", model)
    return model if isinstance(model, Frozen) else Frozen(model)


class Frozen(Layer):
    """What `cnnlite.freeze` returns: call it with a batch, as in inference.

    It has neither parameters nor buffers, and forward for training and backward are errors, as are
    `astype`, `state_dict` and `load_state_dict`, of a network around it too.  Its text, its table
    in a notebook and its summary show the layers that are left.

    Attributes:
        dtype: what it computes in: the first floating-point array's of the model, else float32.
    """

    inference_only = True

    def __init__(self, model: Layer) -> None:
        self.dtype = dtype_of(model)
        self._has_dtype = any(leaf.computes_in() is not None for _, leaf in model.leaves())
        parts = folded(model)
        self._layers: Layer = Sequential(*parts)
        self._network = Sequential(*in_runs(parts))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self._network(x)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, None]:
        """Return what a call returns, and no cache.

        Raises:
            RuntimeError: train is true.
        """
        if train:
            raise untrainable("Frozen: forward with train=True")
        return self(x), None

    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> NoReturn:
        """Raise RuntimeError: there is nothing to train."""
        raise untrainable("Frozen: backward")

    def computes_in(self) -> np.dtype[Any] | None:
        return self.dtype if self._has_dtype else None

    def multiply_adds(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> int:
        return self.summary(x_shape).multiply_adds

    def summary(self, input_shape: tuple[int, ...]) -> Summary:
        """Return a table of the layers that are left, as `Layer.summary` does."""
        return summarize(self._layers, input_shape, train=False, dtype=self.dtype)

    def _repr_html_(self) -> str:
        return network_table(self._layers, "Frozen")

    def __repr__(self) -> str:
        return f"Frozen({self._layers!r})"

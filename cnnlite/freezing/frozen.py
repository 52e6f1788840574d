"""A network as it is now, for inference."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from cnnlite.freezing.fold import folded
from cnnlite.freezing.runs import in_runs
from cnnlite.layers import Layer, Sequential
from cnnlite.layers.base import Grads, expect_layer
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

    It has neither parameters nor buffers, and forward for training and backward are errors.

    Attributes:
        dtype: what it computes in: the first floating-point array's of the model, else float32.
    """

    def __init__(self, model: Layer) -> None:
        arrays = (*model.params.values(), *model.buffers.values())
        kinds = (array.dtype for array in arrays if np.issubdtype(array.dtype, np.floating))
        self.dtype: np.dtype[Any] = next(kinds, np.dtype(np.float32))
        self._network = Sequential(*in_runs(folded(model)))

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
            self._refuse("forward with train=True")
        return self(x), None

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        """Raise RuntimeError: there is nothing to train."""
        self._refuse("backward")

    def astype(self, dtype: Any) -> NoReturn:
        """Raise RuntimeError: the model is to be converted, and frozen again."""
        self._refuse("astype")

    def state_dict(self) -> NoReturn:
        """Raise RuntimeError: the model has the state."""
        self._refuse("state_dict")

    def load_state_dict(self, state: Any, strict: bool = True) -> NoReturn:
        """Raise RuntimeError: the model takes the state, and is frozen again."""
        self._refuse("load_state_dict")

    def _refuse(self, what: str) -> NoReturn:
        raise RuntimeError(
            f"Frozen: {what} is for networks that can be trained; a frozen one can only be called, "
            "frozen(x). Use the model that it was made of, and freeze that again"
        )

    def extra_repr(self) -> str:
        return "\n  {}\n".format(repr(self._network).replace("\n", "\n  "))

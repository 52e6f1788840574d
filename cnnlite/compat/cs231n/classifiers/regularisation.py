"""L2 regularisation of a network's weights: half of reg times their squares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping

import numpy as np

from cnnlite.checks.arrays import Array

__all__ = ["regularise"]


def regularise(
    loss: float,
    grads: MutableMapping[str, Array],
    params: Mapping[str, Array],
    keys: Iterable[str],
    reg: float,
) -> float:
    """Return the loss plus 0.5 * reg * sum of squares, and add reg times the weights to gradients.

    Args:
        loss: without regularisation.
        grads: gradients by key, which are changed.
        params: parameters by key.
        keys: those that are regularised.
        reg: the strength; 0 changes nothing.
    """
    if not reg:
        return loss
    for key in keys:
        weight = np.asarray(params[key])
        loss += 0.5 * reg * float(np.square(weight).sum(dtype=np.float64))
        grads[key] = grads[key] + (reg * weight).astype(grads[key].dtype, copy=False)
    return loss

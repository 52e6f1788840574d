"""Optimizers: SGD with momentum, RMSprop and Adam, with PyTorch's updates and argument names.

An optimizer changes parameters in place, and keeps what it remembers of each in ``state[key]``:

    optimizer = SGD(lr=0.05, momentum=0.9)
    optimizer.step(model.params, grads)

One file an optimizer: first the update of one array, then the class that holds the options.
"""

from __future__ import annotations

from cnnlite.optim.adam import Adam
from cnnlite.optim.optimizer import Array, Optimizer
from cnnlite.optim.rmsprop import RMSprop
from cnnlite.optim.sgd import SGD

__all__ = ["OPTIMIZERS", "SGD", "Adam", "Optimizer", "RMSprop", "no_decay"]

OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam}


def no_decay(key: str, array: Array) -> bool:
    """Match biases and the scales of norms: the arrays that weight decay usually leaves alone.

    For groups: ``SGD(0.05, weight_decay=5e-4, groups=[{"match": no_decay, "weight_decay": 0}])``.

    Args:
        key: the parameter's dotted name; not used.
        array: the parameter.

    Returns:
        True if the array has fewer than two axes.
    """
    return array.ndim < 2

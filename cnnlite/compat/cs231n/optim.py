"""The course's optim.py: rules that take a parameter, its gradient and a dict, by our optimizers.

Each returns the next parameter and the dict, which keeps the rule's settings and its state.  A rule
leaves w and the arrays of the dict as they are and returns new ones; `sgd` alone moves w in place,
as the course's does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.backend import empty
from cnnlite.checks.arrays import Array, check_shape
from cnnlite.compat.promotion import promoted
from cnnlite.optim.adam import adam_update
from cnnlite.optim.rmsprop import rmsprop_update
from cnnlite.quiet import quiet

__all__ = ["adam", "rmsprop", "sgd", "sgd_momentum"]

Config = dict[str, Any]
Step = tuple[Array, Config]


@quiet
def sgd(w: Array, dw: Any, config: Config | None = None) -> Step:
    """Move w in place by -learning_rate * dw.

    Args:
        w: the parameter, any shape.
        dw: its gradient, of the same shape.
        config: "learning_rate" (1e-2).

    Returns:
        w itself, and the config.

    Raises:
        TypeError: w or dw is not made of real numbers.
        ValueError: their shapes differ.
    """
    (_, dw), config = _started("sgd", w, dw, config, learning_rate=1e-2)
    w -= (config["learning_rate"] * dw).astype(w.dtype, copy=False)
    return w, config


@quiet
def sgd_momentum(w: Any, dw: Any, config: Config | None = None) -> Step:
    """Return w + v with the velocity v = momentum * v - learning_rate * dw.

    PyTorch keeps the learning rate out of its buffer; each call adds -learning_rate times what that
    adds.  Args, Returns and Raises as for `sgd`; config has "momentum" (0.9) and "velocity" (0)
    too, and the next w is a new array.
    """
    (w, dw), config = _started("sgd_momentum", w, dw, config, learning_rate=1e-2, momentum=0.9)
    before = config.get("velocity")
    velocity, move = (empty(w.shape, w.dtype) for _ in range(2))
    np.multiply(0.0 if before is None else before, config["momentum"], out=velocity)
    np.multiply(dw, config["learning_rate"], out=move)
    velocity -= move
    config["velocity"] = velocity
    return np.add(w, velocity, out=move), config


@quiet
def rmsprop(w: Any, dw: Any, config: Config | None = None) -> Step:
    """Return w after a step of RMSprop, as `cnnlite.optim.RMSprop` takes it.

    Args, Returns and Raises as for `sgd`; config has "decay_rate" (0.99), "epsilon" (1e-8) and
    "cache" (0), the moving average of squares, too, and the next w is a new array.
    """
    (w, dw), config = _started(
        "rmsprop", w, dw, config, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8
    )
    next_w, squares = _copy(w, w), _copy(config.get("cache"), w)
    lr, decay, epsilon = (config[key] for key in ("learning_rate", "decay_rate", "epsilon"))
    scratch = empty(w.shape, w.dtype)
    rmsprop_update(next_w, dw, squares, None, lr, decay, epsilon, 0.0, 0.0, (scratch, scratch))
    config["cache"] = squares
    return next_w, config


@quiet
def adam(w: Any, dw: Any, config: Config | None = None) -> Step:
    """Return w after a step of Adam, as `cnnlite.optim.Adam` takes it.

    Args, Returns and Raises as for `sgd`; config has "beta1" (0.9), "beta2" (0.999), "epsilon"
    (1e-8), the averages "m" and "v" (0) and "t" (0), the number of steps, too; learning_rate is
    1e-3 by itself, and the next w is a new array.
    """
    (w, dw), config = _started(
        "adam", w, dw, config, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0
    )
    next_w, m, v = (_copy(array, w) for array in (w, config.get("m"), config.get("v")))
    lr, epsilon = config["learning_rate"], config["epsilon"]
    t, betas = config["t"] + 1, (config["beta1"], config["beta2"])
    scratch = empty(w.shape, w.dtype)
    adam_update(next_w, dw, m, v, t, lr, betas, epsilon, 0.0, (scratch, scratch))
    config.update(m=m, v=v, t=t)
    return next_w, config


def _started(
    name: str, w: Any, dw: Any, config: Config | None, **settings: float
) -> tuple[tuple[Array, ...], Config]:
    """The parameter and its gradient in one dtype, and the config with all its settings."""
    arrays = promoted(name, w=w, dw=dw)
    check_shape(name, "dw", arrays[1], arrays[0].shape)
    config = {} if config is None else config
    for key, value in settings.items():
        config.setdefault(key, value)
    return arrays, config


def _copy(array: Any, like: Array) -> Array:
    """A copy of an array, or zeros for None, in the shape and dtype of another one."""
    copy: Array = empty(like.shape, like.dtype)
    copy[...] = 0 if array is None else array
    return copy

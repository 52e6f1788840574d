"""The course's optim.py: rules that take a parameter, its gradient and a dict.

Each returns the next parameter and the dict, which keeps the rule's settings and its state.  A rule
leaves w and the arrays of the dict as they are and returns new ones, which our optimizers do not;
`sgd` alone moves w in place, as the course's does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnlite.backend import empty
from cnnlite.checks.arrays import Array, as_array, check_shape, check_writeable
from cnnlite.checks.numbers import number
from cnnlite.compat.promotion import promoted
from cnnlite.quiet import quiet

__all__ = ["adam", "rmsprop", "sgd", "sgd_momentum"]

STATE = ("velocity", "cache", "m", "v")
"""What a config keeps of a parameter, each an array like it."""

Config = dict[str, Any]
Step = tuple[Array, Config]


@quiet
def sgd(w: Array, dw: Any, config: Config | None = None) -> Step:
    """Move w in place by -learning_rate * dw.

    Args:
        w: the parameter, any shape, float32 or float64.
        dw: its gradient, of the same shape.
        config: "learning_rate" (1e-2).

    Returns:
        w itself, and the config.

    Raises:
        TypeError: w is not float32 or float64, or dw is not made of real numbers.
        ValueError: their shapes differ, or w is read-only.
    """
    check_writeable("sgd", "w", w)
    (_, dw), config = _started("sgd", w, dw, config, learning_rate=1e-2)
    w -= config["learning_rate"] * dw
    return w, config


@quiet
def sgd_momentum(w: Any, dw: Any, config: Config | None = None) -> Step:
    """Return w + v with the velocity v = momentum * v - learning_rate * dw.

    PyTorch keeps the learning rate out of its buffer; each call adds -learning_rate times what that
    adds.  Args, Returns and Raises as for `sgd`; config has "momentum" (0.9) and "velocity" (0)
    too, and the next w is a new array.
    """
    (w, dw), config = _started("sgd_momentum", w, dw, config, learning_rate=1e-2, momentum=0.9)
    velocity, move = (empty(w.shape, w.dtype) for _ in range(2))
    np.multiply(_or_zero(config.get("velocity")), config["momentum"], out=velocity)
    np.multiply(dw, config["learning_rate"], out=move)
    velocity -= move
    config["velocity"] = velocity
    return np.add(w, velocity, out=move), config


@quiet
def rmsprop(w: Any, dw: Any, config: Config | None = None) -> Step:
    """Return w after a step of RMSprop, the one of `cnnlite.optim.RMSprop`.

    Args, Returns and Raises as for `sgd`; config has "decay_rate" (0.99), "epsilon" (1e-8) and
    "cache" (0), the moving average of squares, too, and the next w is a new array.
    """
    (w, dw), config = _started(
        "rmsprop", w, dw, config, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8
    )
    squares, move = (empty(w.shape, w.dtype) for _ in range(2))
    _average_squares(config.get("cache"), dw, config["decay_rate"], squares, move)
    np.sqrt(squares, out=move)
    move += config["epsilon"]
    np.divide(dw, move, out=move)
    move *= config["learning_rate"]
    config["cache"] = squares
    return np.subtract(w, move, out=move), config


@quiet
def adam(w: Any, dw: Any, config: Config | None = None) -> Step:
    """Return w after a step of Adam, the one of `cnnlite.optim.Adam`.

    Args, Returns and Raises as for `sgd`; config has "beta1" (0.9), "beta2" (0.999), "epsilon"
    (1e-8), the averages "m" and "v" (0) and "t" (0), the number of steps, too; learning_rate is
    1e-3 by itself, and the next w is a new array.
    """
    (w, dw), config = _started(
        "adam", w, dw, config, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0
    )
    beta1, beta2, t = config["beta1"], config["beta2"], config["t"] + 1
    m, v, move = (empty(w.shape, w.dtype) for _ in range(3))
    np.multiply(_or_zero(config.get("m")), beta1, out=m)
    np.multiply(dw, 1 - beta1, out=move)
    m += move
    _average_squares(config.get("v"), dw, beta2, v, move)
    np.sqrt(v, out=move)
    move /= math.sqrt(1 - beta2**t)
    move += config["epsilon"]
    np.divide(m, move, out=move)
    move *= config["learning_rate"] / (1 - beta1**t)
    config.update(m=m, v=v, t=t)
    return np.subtract(w, move, out=move), config


def _started(
    name: str, w: Any, dw: Any, config: Config | None, **settings: float
) -> tuple[tuple[Array, ...], Config]:
    """The parameter and its gradient in one dtype, and the config with all its settings."""
    arrays = promoted(name, w=w, dw=dw)
    check_shape(name, "dw", arrays[1], arrays[0].shape)
    config = {} if config is None else config
    for key, value in settings.items():
        number(name, f"config[{key!r}]", config.setdefault(key, value), "a number")
    for key in STATE:
        state = config.get(key)
        if state is not None and np.ndim(state):
            check_shape(name, f"config[{key!r}]", as_array(name, key, state), arrays[0].shape)
    return arrays, config


def _average_squares(before: Any, dw: Array, decay: float, out: Array, scratch: Array) -> None:
    """Write decay * before + (1 - decay) * dw^2 to `out`."""
    np.multiply(dw, dw, out=scratch)
    scratch *= 1 - decay
    np.multiply(_or_zero(before), decay, out=out)
    out += scratch


def _or_zero(state: Any) -> Any:
    """What a config keeps of a parameter, or 0 before the first step."""
    return 0.0 if state is None else state

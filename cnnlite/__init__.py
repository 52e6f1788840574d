"""cnnlite: convolutional networks on a CPU, fast to train and short to read.

Names are imported when they are first used, so that `import cnnlite` costs little more than
`import numpy`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cnnlite._version import __version__

if TYPE_CHECKING:
    from cnnlite import (
        autodiff,
        callbacks,
        data,
        functional,
        gradcheck,
        initializers,
        layers,
        losses,
        models,
        optim,
        schedules,
    )
    from cnnlite.checkpoint import Checkpoint
    from cnnlite.layers import (
        GELU,
        AdaptiveAvgPool2d,
        AvgPool2d,
        BatchNorm1d,
        BatchNorm2d,
        Conv2d,
        Dropout,
        Flatten,
        GroupNorm,
        Identity,
        Layer,
        LayerNorm,
        LeakyReLU,
        Linear,
        MaxPool2d,
        ReLU,
        Residual,
        Sequential,
        Sigmoid,
        SiLU,
        Softsign,
        Tanh,
    )
    from cnnlite.losses import CrossEntropyLoss, FocalLoss, HingeLoss, MSELoss
    from cnnlite.optim import SGD, Adam, RMSprop
    from cnnlite.random import manual_seed
    from cnnlite.solver import Solver
    from cnnlite.threads import get_num_threads, set_num_threads

# Where each name lives, for __getattr__; the block above says the same to type checkers.
_HOME = {
    "checkpoint": "Checkpoint",
    "layers": "Layer Sequential Residual Conv2d MaxPool2d AvgPool2d AdaptiveAvgPool2d Linear "
    "Flatten Identity Dropout ReLU LeakyReLU Sigmoid Tanh Softsign GELU SiLU "
    "BatchNorm1d BatchNorm2d LayerNorm GroupNorm",
    "losses": "CrossEntropyLoss FocalLoss HingeLoss MSELoss",
    "optim": "SGD RMSprop Adam",
    "random": "manual_seed",
    "solver": "Solver",
    "threads": "get_num_threads set_num_threads",
}
_MODULES = (
    *("autodiff", "callbacks", "data", "functional", "gradcheck", "initializers", "layers"),
    *("losses", "models", "optim", "schedules"),
)
_LAZY = {name: module for module, names in _HOME.items() for name in names.split()}

__all__ = [
    "Adam",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Checkpoint",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "FocalLoss",
    "GELU",
    "GroupNorm",
    "HingeLoss",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MSELoss",
    "MaxPool2d",
    "RMSprop",
    "ReLU",
    "Residual",
    "SGD",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softsign",
    "Solver",
    "Tanh",
    "__version__",
    "autodiff",
    "callbacks",
    "data",
    "functional",
    "get_num_threads",
    "gradcheck",
    "initializers",
    "layers",
    "losses",
    "manual_seed",
    "models",
    "optim",
    "schedules",
    "set_num_threads",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(f"cnnlite.{_LAZY[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"cnnlite.{name}")
    else:
        raise AttributeError(f"module 'cnnlite' has no attribute {name!r}")
    globals()[name] = value  # the next access is a plain dictionary look-up
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

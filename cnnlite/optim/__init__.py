"""Optimizers with PyTorch's updates and argument names: SGD, RMSprop, Adam, AdamW and Muon.

An optimizer changes parameters in place, and keeps what it remembers of each in ``state[key]``:

    optimizer = SGD(lr=0.05, momentum=0.9)
    optimizer.step(model.params, grads)

One file an optimizer; what all share is in `optimizer`.
"""

from __future__ import annotations

from cnnlite.exports import export
from cnnlite.optim.adam import *
from cnnlite.optim.averages import *
from cnnlite.optim.clip import *
from cnnlite.optim.groups import *
from cnnlite.optim.lookahead import *
from cnnlite.optim.muon import *
from cnnlite.optim.optimizer import *
from cnnlite.optim.rmsprop import *
from cnnlite.optim.sgd import *

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "muon": Muon,
}

export(globals(), "OPTIMIZERS")

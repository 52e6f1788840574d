"""Layers: each makes itself, runs forward, and runs backward."""

from cnnlite.layers import (
    activations,
    batch_norm,
    conv,
    dropout,
    linear,
    norm,
    pooling,
    residual,
    sequential,
    shape,
)
from cnnlite.layers.activations import *
from cnnlite.layers.base import Layer
from cnnlite.layers.batch_norm import *
from cnnlite.layers.container import Container
from cnnlite.layers.conv import *
from cnnlite.layers.dropout import *
from cnnlite.layers.linear import *
from cnnlite.layers.norm import *
from cnnlite.layers.pooling import *
from cnnlite.layers.residual import *
from cnnlite.layers.sequential import *
from cnnlite.layers.shape import *

_MODULES = (
    sequential, residual, conv, pooling, linear, shape, activations, dropout, batch_norm, norm,
)  # fmt: skip
__all__ = ["Layer", "Container", *(name for module in _MODULES for name in module.__all__)]

"""Layers: each makes itself, runs forward, and runs backward."""

from cnnlite.layers.activations import GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softsign, Tanh
from cnnlite.layers.base import Layer
from cnnlite.layers.batch_norm import BatchNorm1d, BatchNorm2d
from cnnlite.layers.container import Container
from cnnlite.layers.conv import Conv2d
from cnnlite.layers.dropout import Dropout
from cnnlite.layers.linear import Linear
from cnnlite.layers.norm import GroupNorm, LayerNorm
from cnnlite.layers.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from cnnlite.layers.residual import Residual
from cnnlite.layers.sequential import Sequential
from cnnlite.layers.shape import Flatten, Identity

__all__ = [
    "Layer",
    "Container",
    "Sequential",
    "Residual",
    "Conv2d",
    "MaxPool2d",
    "AvgPool2d",
    "AdaptiveAvgPool2d",
    "Linear",
    "Flatten",
    "Identity",
    "ReLU",
    "LeakyReLU",
    "Sigmoid",
    "Tanh",
    "Softsign",
    "GELU",
    "SiLU",
    "Dropout",
    "BatchNorm1d",
    "BatchNorm2d",
    "LayerNorm",
    "GroupNorm",
]

"""Layers: each makes itself, runs forward, and runs backward."""

from cnnlite.exports import export
from cnnlite.layers.activations import *
from cnnlite.layers.adaptive import *
from cnnlite.layers.base import Layer as Layer
from cnnlite.layers.batch_norm import *
from cnnlite.layers.container import Container as Container
from cnnlite.layers.conv import *
from cnnlite.layers.dropout import *
from cnnlite.layers.linear import *
from cnnlite.layers.norm import *
from cnnlite.layers.pooling import *
from cnnlite.layers.resample import *
from cnnlite.layers.residual import *
from cnnlite.layers.sequential import *
from cnnlite.layers.shape import *
from cnnlite.layers.softmax import *

export(globals())

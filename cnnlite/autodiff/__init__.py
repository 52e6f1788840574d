"""Derivatives, three ways on one graph: numeric, forward mode, reverse mode.

Read in this order: operations, graph, numeric, dual, tape, jacobian; then tensor, arrays and
networks, which lead from numbers to convolutional networks.
"""

from cnnlite.autodiff.count import *
from cnnlite.autodiff.dual import *
from cnnlite.autodiff.graph import *
from cnnlite.autodiff.jacobian import *
from cnnlite.autodiff.numeric import *
from cnnlite.autodiff.operations import *
from cnnlite.autodiff.parse import *
from cnnlite.autodiff.simplify import *
from cnnlite.autodiff.tape import *
from cnnlite.exports import export

export(globals(), "WAYS")

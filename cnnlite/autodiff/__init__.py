"""Derivatives, three ways on one graph: numeric, forward mode, reverse mode.

Read in this order: operations, graph, numeric, dual, tape, jacobian; then tensor, arrays and
networks, the bridge from numbers to convolutional networks.
"""

from cnnlite.autodiff.count import count_operations
from cnnlite.autodiff.dual import Dual, jvp
from cnnlite.autodiff.graph import Graph, Node, trace
from cnnlite.autodiff.jacobian import (
    WAYS,
    gradient,
    hessian,
    hvp,
    jacobian,
    jacobian_rows,
)
from cnnlite.autodiff.numeric import (
    central_differences,
    complex_step,
    forward_differences,
)
from cnnlite.autodiff.operations import (
    cos,
    exp,
    ln,
    relu,
    sigmoid,
    sign,
    sin,
    sqrt,
    step,
    tan,
    tanh,
)
from cnnlite.autodiff.parse import parse
from cnnlite.autodiff.simplify import simplify
from cnnlite.autodiff.tape import record, sweep, vjp

__all__ = [
    "Graph",
    "Node",
    "trace",
    "parse",
    "simplify",
    "forward_differences",
    "central_differences",
    "complex_step",
    "Dual",
    "jvp",
    "record",
    "sweep",
    "vjp",
    "WAYS",
    "jacobian",
    "jacobian_rows",
    "gradient",
    "hessian",
    "hvp",
    "count_operations",
    "exp",
    "ln",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "tanh",
    "sigmoid",
    "relu",
    "step",
    "sign",
]

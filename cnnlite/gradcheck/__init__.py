"""Gradient checks: is backward the derivative of forward?

Read in this order: check, points, compare, numeric, rules, subject, loss, diagnosis, report.
"""

from cnnlite.gradcheck.check import check_layer, check_loss
from cnnlite.gradcheck.compare import relative_error
from cnnlite.gradcheck.numeric import Skipped, numeric_gradient
from cnnlite.gradcheck.report import GradientCheck, GradientReport

__all__ = [
    "GradientCheck",
    "GradientReport",
    "Skipped",
    "check_layer",
    "check_loss",
    "numeric_gradient",
    "relative_error",
]

"""NumPy's floating-point errors, which no operation reports: its results do."""

import numpy as np

# Overflow gives infinity, underflow 0, and 0 times infinity NaN, as in PyTorch, whatever
# `np.seterr` says: the compiled kernels say nothing either.
quiet = np.errstate(under="ignore", over="ignore", invalid="ignore", divide="ignore")

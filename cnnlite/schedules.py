"""The door to schedules, which are in `cnnlite.optim.schedules`."""

from cnnlite.optim.schedules import *
from cnnlite.optim.schedules import __all__ as __all__

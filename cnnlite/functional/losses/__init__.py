"""Losses: how wrong the scores are, as one number, and its gradient."""

from cnnlite.exports import export
from cnnlite.functional.losses.binary import *
from cnnlite.functional.losses.cross_entropy import *
from cnnlite.functional.losses.elementwise import ElementwiseLossCache as ElementwiseLossCache
from cnnlite.functional.losses.focal import *
from cnnlite.functional.losses.hinge import *
from cnnlite.functional.losses.kl_div import *
from cnnlite.functional.losses.nll import *
from cnnlite.functional.losses.regression import *

export(globals())

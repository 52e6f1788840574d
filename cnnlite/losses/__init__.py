"""Losses as objects: `value, cache = loss.forward(scores, targets)`, `loss.backward(cache)`."""

from cnnlite.exports import export
from cnnlite.losses.balance import *
from cnnlite.losses.base import Loss as Loss
from cnnlite.losses.classification import *
from cnnlite.losses.numbers import *
from cnnlite.losses.probabilities import *

export(globals())

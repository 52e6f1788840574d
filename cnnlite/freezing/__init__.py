"""Networks that no longer change: what their weights alone decide is done once."""

from cnnlite.exports import export
from cnnlite.freezing.frozen import *

export(globals())

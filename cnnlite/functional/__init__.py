"""Operations as pairs of functions without state: forward gives y and a cache, backward gradients.

They check their arguments, make the arrays that kernels read and write, and call the kernels.
"""

from cnnlite.cache_tables import show_caches
from cnnlite.debug_caches import debug_caches, guard_pairs
from cnnlite.exports import export
from cnnlite.functional.activations import *
from cnnlite.functional.adaptive import *
from cnnlite.functional.batch_norm import *
from cnnlite.functional.conv.conv2d import *
from cnnlite.functional.conv.transposed import *
from cnnlite.functional.dropout import *
from cnnlite.functional.gelu import *
from cnnlite.functional.instance_norm import *
from cnnlite.functional.linear import *
from cnnlite.functional.losses import *
from cnnlite.functional.normalization import *
from cnnlite.functional.one_axis import *
from cnnlite.functional.patches import *
from cnnlite.functional.pooling import *
from cnnlite.functional.rectifiers import *
from cnnlite.functional.resample import *
from cnnlite.functional.softmax import *

export(globals())
show_caches(globals())
if debug_caches:
    guard_pairs(globals())

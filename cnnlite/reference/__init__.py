"""Every kernel in plain NumPy: the specification, and the oracle of the tests.

The functions are those of `cnnlite._ext`, with the same signatures: outputs are given and filled
in, pairs are tuples.  `conv` holds more: convolution itself, the ladder's first rung.

Long sums are taken in float64 here.  The compiled kernels take them in the dtype of the arrays, as
a fixed number of partial sums that the shape alone decides, so that every machine gives the same
bits.  *Order*, in a docstring, says which partial sums, up to those that are added in float64.
*Lanes* are 16 of them, 8 for float64: number i of a row goes to lane i mod 16, or mod 8.
"""

from cnnlite.kernel_list import KERNELS, RUNTIME
from cnnlite.reference.augment import *
from cnnlite.reference.avg_pooling import *
from cnnlite.reference.batch_norm import *
from cnnlite.reference.depthwise import *
from cnnlite.reference.elementary import *
from cnnlite.reference.linear import *
from cnnlite.reference.max_pooling import *
from cnnlite.reference.memory import *
from cnnlite.reference.patches import *
from cnnlite.reference.pixels import *
from cnnlite.reference.pointwise import *
from cnnlite.reference.pool2x2 import *
from cnnlite.reference.runtime import *
from cnnlite.reference.shortcut import *
from cnnlite.reference.tiled import *
from cnnlite.reference.window_pooling import *
from cnnlite.reference.winograd import *

__all__ = [name for names in (*KERNELS.values(), *RUNTIME.values()) for name in names]

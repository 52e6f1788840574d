"""cnnlite: convolutional networks on a CPU, fast to train and short to read.

Names are imported when they are first used, so that `import cnnlite` costs little more than
`import numpy`.  Which names there are, and where each lives, is listed in `__init__.pyi` alone.
"""

import lazy_loader

from cnnlite.environment import launched as _launched
from cnnlite.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

if _launched() is not None:  # by mpirun: the other processes would wait for one that fails
    from cnnlite.training.distributed.failing import hook as _hook
    from cnnlite.training.distributed.waiting import launched_here as _launched_here

    if _launched_here():  # a program that a rank starts has its environment, too
        _hook.install()

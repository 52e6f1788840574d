"""Compiled kernels, no policy: outputs are given and filled in, pairs are tuples.

Arrays are C-contiguous, float32 or float64; sizes are checked before memory is touched.
`cnnlite/kernel_list.py` lists the kernels.  Every one has a twin of the same signature in
`cnnlite.reference`, which says what it computes.
"""

from importlib import import_module

from cnnlite.kernel_list import KERNELS, RUNTIME

__all__ = sorted(name for table in (KERNELS, RUNTIME) for names in table.values() for name in names)

for _table in (KERNELS, RUNTIME):
    for _module, _names in _table.items():
        _compiled = import_module(f"{__name__}.{_module}")
        globals().update({name: getattr(_compiled, name) for name in _names})

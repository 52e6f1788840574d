"""The one place that decides which kernels run: compiled, or their twins in plain NumPy.

`kernels` is `cnnlite._ext`, or `cnnlite.reference` when the environment says
CNNLITE_BACKEND=reference.  Both export the same functions with the same signatures.
"""

import os
from typing import TYPE_CHECKING

from cnnlite._cpus import default_num_threads

__all__ = ["backend_name", "empty", "kernels"]

backend_name = os.environ.get("CNNLITE_BACKEND") or "compiled"

if TYPE_CHECKING:
    from cnnlite import _ext as kernels
elif backend_name == "reference":
    from cnnlite import reference as kernels
elif backend_name == "compiled":
    try:
        from cnnlite import _ext as kernels
    except ImportError as error:
        raise ImportError(
            f"cnnlite's compiled kernels cannot be loaded ({error}). In a checkout, build them "
            "with `python -m pip install -e .` (it needs a C compiler) or "
            "`python setup.py build_ext --inplace`; elsewhere, reinstall cnnlite. "
            "CNNLITE_BACKEND=reference runs everything without them, in plain NumPy and slowly.",
            name=__name__,
        ) from error
else:
    raise ImportError(
        f"CNNLITE_BACKEND is {backend_name!r}, expected 'compiled' (the default) or 'reference'",
        name=__name__,
    )

empty = kernels.empty
"""empty(shape, dtype): an uninitialised array whose memory is used again when it dies."""

kernels.set_num_threads(default_num_threads())

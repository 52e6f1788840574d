"""The one place that decides which kernels run: compiled, or their twins in plain NumPy.

`kernels` has everything that `cnnlite.reference` has, and the compiled kernels are laid over it,
so that a new operation may be in NumPy first.  With CNNLITE_BACKEND=reference in the environment
nothing is laid over.
"""

from types import SimpleNamespace
from typing import TYPE_CHECKING

from cnnlite import environment, reference
from cnnlite.cpus import default_num_threads

__all__ = ["backend_name", "empty", "kernels", "memory_in_use"]

backend_name = environment.BACKEND.value()


def _load() -> SimpleNamespace:
    twins = {name: getattr(reference, name) for name in reference.__all__}
    if backend_name == "reference":
        return SimpleNamespace(**twins)
    try:
        from cnnlite import _ext
    except ImportError as error:
        raise ImportError(
            f"cnnlite's compiled kernels cannot be loaded ({error}). In a checkout, build them "
            "with `python -m pip install -e .` (it needs a C compiler) or "
            "`python setup.py build_ext --inplace`; elsewhere, reinstall cnnlite. "
            "CNNLITE_BACKEND=reference runs everything without them, in plain NumPy and slowly.",
            name=__name__,
        ) from error
    return SimpleNamespace(**(twins | {name: getattr(_ext, name) for name in _ext.__all__}))


if TYPE_CHECKING:
    from cnnlite import reference as kernels  # what is compiled has the twins' signatures
else:
    kernels = _load()

empty = kernels.empty
"""empty(shape, dtype): an uninitialised array whose memory is used again when it dies."""

kernels.set_num_threads(default_num_threads())


def memory_in_use(reset_peak: bool = False) -> tuple[int, int]:
    """Return the bytes that arrays of `empty` take, and the most since the last reset of that peak.

    Both are 0 with the reference backend, whose arrays are NumPy's.
    """
    if backend_name == "reference":
        return 0, 0
    from cnnlite._ext import memory

    if reset_peak:
        memory.reset_peak()
    stats = memory.stats()
    return stats["in_use"], stats["peak"]

"""The number of threads that the kernels use; results do not depend on it."""

from numbers import Integral

from cnnlite._backend import kernels
from cnnlite._cpus import MOST_THREADS

__all__ = ["get_num_threads", "set_num_threads"]


def set_num_threads(n: int) -> None:
    """Use n threads in the kernels from now on.

    At the start it is CNNLITE_NUM_THREADS, or else the number of CPUs that affinity and the
    container's quota leave to this process.  A serial build of the kernels, the reference backend,
    and a child process after a fork always use one.

    Args:
        n: from 1 to 1024.

    Raises:
        TypeError: n is not an integer.
        ValueError: n is out of range.
    """
    if not isinstance(n, Integral) or isinstance(n, bool):
        raise TypeError(f"set_num_threads: n is {n!r}, expected an integer")
    if not 1 <= n <= MOST_THREADS:
        raise ValueError(f"set_num_threads: n is {n}, expected 1 to {MOST_THREADS}")
    kernels.set_num_threads(int(n))


def get_num_threads() -> int:
    """Return the number of threads that the kernels use."""
    return kernels.get_num_threads()

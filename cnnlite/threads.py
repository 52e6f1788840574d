"""The number of threads that the kernels use; results do not depend on it."""

from cnnlite.backend import kernels
from cnnlite.checks.numbers import integer
from cnnlite.environment import MOST_THREADS

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
    kernels.set_num_threads(integer("set_num_threads", "n", n, 1, MOST_THREADS))


def get_num_threads() -> int:
    """Return the number of threads that the kernels use."""
    return kernels.get_num_threads()

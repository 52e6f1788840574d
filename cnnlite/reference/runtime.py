"""What the kernels run on: here NumPy, on one thread."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnlite.environment import MOST_THREADS

__all__ = [
    "compiler",
    "fused_multiply_add",
    "get_num_threads",
    "instruction_set",
    "multithreaded",
    "paired_products",
    "record",
    "set_num_threads",
]


def set_num_threads(n: int) -> None:
    """Accept a number of threads; these kernels use one whatever it is."""
    if not 1 <= n <= MOST_THREADS:
        raise ValueError(f"set_num_threads: n is {n}, expected 1 to {MOST_THREADS}")


def get_num_threads() -> int:
    """Return the number of threads that the kernels use."""
    return 1


def multithreaded() -> bool:
    """Return whether the kernels were built for several threads."""
    return False


def compiler() -> str:
    """Return the name and version of the compiler that built the kernels."""
    return "none"


def fused_multiply_add() -> bool:
    """Return whether a product and a sum are rounded once."""
    return False


def paired_products() -> bool:
    """Return whether two products of bfloat16 numbers are one instruction."""
    return False


def instruction_set() -> str:
    """Return the best instruction set of this machine that kernels are specialised for."""
    return "baseline"


def record(
    function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, kept: dict[Any, Any]
) -> Callable[[np.ndarray], np.ndarray]:
    """Return what computes function(x) for arrays like x: here the function itself.

    Args:
        function: takes an array and returns one, by kernels alone.
        x: an array; what it holds is not read.
        kept: what kernels have made of their weights: here nothing.
    """
    return function

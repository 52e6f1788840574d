"""What a result depends on besides its configuration: versions, the build, the machine."""

import os
import platform
import time
from typing import Any

import numpy as np

from cnnlite import __version__, get_num_threads
from cnnlite.backend import backend_name, kernels

SGEMM_SIZE = 256


def machine() -> dict[str, Any]:
    """Return versions, build and machine as plain values, for `cnnlite doctor` and for run folders.

    The same seed and configuration give the same bits where cnnlite, backend and
    fused_multiply_add are the same; all else is free to differ.
    """
    return {
        "cnnlite": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "backend": backend_name,
        "compiler": kernels.compiler(),
        "instruction_set": kernels.instruction_set(),
        "fused_multiply_add": kernels.fused_multiply_add(),
        "paired_products": kernels.paired_products(),
        "multithreaded": kernels.multithreaded(),
        "threads": get_num_threads(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
    }


def sgemm_rate() -> float:
    """Return GFLOP/s of NumPy's float32 product of two matrices, in this process, roughly.

    It says what the machine gave when a run began, within milliseconds.  `cnnlite bench` measures
    with larger matrices, and with the same threads as the kernels.
    """
    a = np.ones((SGEMM_SIZE, SGEMM_SIZE), np.float32)
    product = a @ a
    fastest = np.inf
    for _ in range(12):
        start = time.perf_counter()
        np.matmul(a, a, out=product)
        fastest = min(fastest, time.perf_counter() - start)
    return float(2 * SGEMM_SIZE**3 / fastest / 1e9)


def numpy_blas() -> str:
    """The matrix library that NumPy was built with, or "unknown"."""
    try:
        blas: Any = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{blas['name']} {blas['version']}"
    except (KeyError, TypeError):
        return "unknown"

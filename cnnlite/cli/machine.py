"""What a result depends on besides its configuration: versions, the build, the machine."""

import os
import platform
from typing import Any

import numpy as np

from cnnlite import __version__, get_num_threads
from cnnlite.backend import backend_name, kernels


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
        "multithreaded": kernels.multithreaded(),
        "threads": get_num_threads(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
    }


def numpy_blas() -> str:
    """The matrix library that NumPy was built with, or "unknown"."""
    try:
        blas: Any = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{blas['name']} {blas['version']}"
    except (KeyError, TypeError):
        return "unknown"

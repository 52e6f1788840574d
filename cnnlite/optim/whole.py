"""A step of an optimizer is taken wholly: Ctrl-C waits for its end, and no warning stops it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

__all__ = ["wholly"]


@contextmanager
def wholly() -> Iterator[None]:
    """Let neither Ctrl-C nor NumPy's floating-point errors end the block in its middle.

    Ctrl-C is answered behind the block, as it would have been in it.  Underflow, overflow and NaN
    give the usual numbers, whatever `np.seterr` says.
    """
    # Only the main thread answers signals, and only there can the answer be exchanged.
    before: Any = None
    if threading.current_thread() is threading.main_thread():
        before = signal.getsignal(signal.SIGINT)
    arrived: list[tuple[int, FrameType | None]] = []
    with np.errstate(all="ignore"):
        if not callable(before):  # the program ignores the signal, or ends by it at once
            yield
            return
        signal.signal(signal.SIGINT, lambda number, frame: arrived.append((number, frame)))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
            if arrived:
                before(*arrived[0])

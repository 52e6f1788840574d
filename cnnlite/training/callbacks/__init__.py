"""Callbacks: what happens around training, epochs and steps without being part of them."""

from cnnlite.training.callbacks.callback import Callback
from cnnlite.training.callbacks.early_stopping import EarlyStopping
from cnnlite.training.callbacks.freeze import Freeze
from cnnlite.training.callbacks.keep import Keep
from cnnlite.training.callbacks.plateau import ReduceLROnPlateau
from cnnlite.training.callbacks.profiler import Profiler
from cnnlite.training.callbacks.progress import Progress

__all__ = [
    "Callback",
    "EarlyStopping",
    "Freeze",
    "Keep",
    "Profiler",
    "Progress",
    "ReduceLROnPlateau",
]

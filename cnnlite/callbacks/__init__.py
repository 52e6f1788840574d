"""Callbacks: what happens around training, epochs and steps without being part of them."""

from cnnlite.callbacks.callback import Callback
from cnnlite.callbacks.early_stopping import EarlyStopping
from cnnlite.callbacks.progress import Progress

__all__ = ["Callback", "EarlyStopping", "Progress"]

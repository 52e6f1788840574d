"""The door to callbacks, which are in `cnnlite.training.callbacks`."""

from cnnlite.training.callbacks import Callback, EarlyStopping, Progress, ReduceLROnPlateau

__all__ = ["Callback", "EarlyStopping", "Progress", "ReduceLROnPlateau"]

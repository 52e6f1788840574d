"""What commands outside of this folder share with those in it."""

from cnnlite.cli._data import load_named
from cnnlite.cli._group import describe, explained, fail, needs

__all__ = ["describe", "explained", "fail", "load_named", "needs"]

from .best import best_trial, write_best
from .script import run

__all__ = ["best_trial", "run", "write_best"]

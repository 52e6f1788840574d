from .run import Run
from .seen import Seen
from .shown import show

__all__ = ["Run", "Seen", "show"]

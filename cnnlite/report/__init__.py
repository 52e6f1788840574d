"""What people look at after a training: history, curves, sheets, the confusion matrix, the page."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

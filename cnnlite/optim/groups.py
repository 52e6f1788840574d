"""Which parameters a group of an optimizer takes."""

import numpy as np

__all__ = ["no_decay"]


def no_decay(key: str, array: np.ndarray) -> bool:
    """Match biases and the scales of norms: the arrays that weight decay usually leaves alone.

    For groups: ``SGD(0.05, weight_decay=5e-4, groups=[{"match": no_decay, "weight_decay": 0}])``.

    Args:
        key: the parameter's dotted name; not used.
        array: the parameter.

    Returns:
        True if the array has fewer than two axes.
    """
    return array.ndim < 2

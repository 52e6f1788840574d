"""Max-pooling 2x2 with stride 2, with the ReLU that usually stands in front of it."""

import numpy as np

from cnnlite.quiet import quiet

__all__ = ["STOPPED", "max_pool2x2_backward", "max_pool2x2_forward"]

STOPPED = 4
"""What argmax says of a window whose maximum ReLU stopped: none of its four pixels."""


@quiet
def max_pool2x2_forward(x: np.ndarray, y: np.ndarray, argmax: np.ndarray, relu: bool) -> None:
    """Max-pool x (N, C, H, W), or with relu max(0, x), by 2x2 windows with stride 2.

    A NaN wins its window; of equal maxima the first does.  argmax (uint8, the shape of y) is which
    pixel of the window it was: 0, 1 in the upper row, 2, 3 in the lower one; STOPPED if ReLU
    stopped it.
    """
    y[...] = -np.inf
    argmax[...] = 0
    for number, pixels in enumerate(_windows(x)):
        wins = (pixels > y) | np.isnan(pixels)
        y[wins], argmax[wins] = pixels[wins], number
    if relu:
        stopped = y <= 0
        y[stopped], argmax[stopped] = 0, STOPPED


@quiet
def max_pool2x2_backward(dy: np.ndarray, argmax: np.ndarray, dx: np.ndarray) -> None:
    """Compute dx (N, C, H, W) = dy where the maximum was and ReLU did not stop it, else 0."""
    dx[...] = 0
    for number, pixels in enumerate(_windows(dx)):
        pixels[...] = np.where(argmax == number, dy, 0)


def _windows(x: np.ndarray) -> list[np.ndarray]:
    """Return the four pixels of all windows, as views; an odd last row or column is in none."""
    rows, columns = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    return [x[:, :, i:rows:2, j:columns:2] for i in (0, 1) for j in (0, 1)]

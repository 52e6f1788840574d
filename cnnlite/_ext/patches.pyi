import numpy as np

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]

def im2col(
    x: np.ndarray, cols: np.ndarray, kernel: Pair, stride: Pair, padding: Sides, dilation: Pair
) -> None: ...
def col2im(
    cols: np.ndarray, dx: np.ndarray, kernel: Pair, stride: Pair, padding: Sides, dilation: Pair
) -> None: ...

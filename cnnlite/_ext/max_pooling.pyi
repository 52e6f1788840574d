import numpy as np

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]

def max_pool2d_forward(
    x: np.ndarray,
    y: np.ndarray,
    argmax: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
) -> None: ...
def max_pool2d_backward(dy: np.ndarray, argmax: np.ndarray, dx: np.ndarray) -> None: ...

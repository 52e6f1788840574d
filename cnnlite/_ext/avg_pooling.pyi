import numpy as np

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]

def avg_pool2d_forward(
    x: np.ndarray,
    y: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    count_include_pad: bool,
) -> None: ...
def avg_pool2d_backward(
    dy: np.ndarray,
    dx: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    count_include_pad: bool,
) -> None: ...

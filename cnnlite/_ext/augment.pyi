import numpy as np

def crop_flip(
    images: np.ndarray,
    out: np.ndarray,
    top: np.ndarray,
    left: np.ndarray,
    flip: np.ndarray,
    padding: int,
    reflect: bool = False,
) -> None: ...
def crop_flip_normalize(
    images: np.ndarray,
    index: np.ndarray,
    top: np.ndarray,
    left: np.ndarray,
    flip: np.ndarray,
    padding: int,
    scale: np.ndarray,
    shift: np.ndarray,
    out: np.ndarray,
    reflect: bool = False,
) -> None: ...

"""How far layers are from commuting with shifts."""

import numpy as np

from cnnlite.layers import AvgPool2d, Conv2d, Layer, MaxPool2d, ReLU, Sequential

SHIFTS = tuple(range(9))


def equivariance_error(layer: Layer, x: np.ndarray, steps: int, stride: int = 1) -> float:
    """Return the error of layer(S x) = S' layer(x) for a shift S of the images to the right.

    S' shifts by steps / stride; where that is not an integer, by the better of the two nearest, and
    the rest is the error of subsampling: no shift of the output corresponds to such a shift.

    Args:
        layer: images in, feature maps out.
        x: images (N, C, H, W), periodic.
        steps: pixels to shift by.
        stride: pixels of the input for one of the output.

    Returns:
        The norm of the difference, relative to that of layer(x).
    """
    y, shifted = layer(x), layer(np.roll(x, steps, axis=3))
    candidates = {steps // stride, -(-steps // stride)}
    errors = [np.linalg.norm(shifted - np.roll(y, r, axis=3)) for r in candidates]
    return float(min(errors) / np.linalg.norm(y))


def error_away_from_borders(layer: Layer, x: np.ndarray, steps: int, reach: int) -> float:
    """Return the same for stride 1, where no border is seen, before or after the shift.

    Zero padding is not periodic: within `reach` pixels of a border (half the kernel) an output has
    seen zeros, and what the shift brings in from the other side is new.

    Returns:
        The largest difference there, relative to the largest output.
    """
    y, shifted = layer(x), layer(np.roll(x, steps, axis=3))
    inner = np.s_[:, :, :, reach + steps : x.shape[3] - reach]
    difference = np.abs(shifted - np.roll(y, steps, axis=3))[inner]
    return float(difference.max() / np.abs(y).max())


def conv(stride: int = 1, mode: str = "circular", rng: np.random.Generator | None = None) -> Conv2d:
    """Return a 3x3 convolution with random weights, in float64: 3 channels in, 8 out."""
    return Conv2d(3, 8, 3, stride, padding=1, padding_mode=mode, dtype=np.float64, rng=rng)


def layers(rng: np.random.Generator) -> dict[str, tuple[Layer, int]]:
    """Return what is measured: a layer, or a few, and the stride of the whole."""
    deep = Sequential(
        conv(rng=rng), ReLU(), MaxPool2d(2),
        Conv2d(8, 8, 3, padding=1, padding_mode="circular", dtype=np.float64, rng=rng),
        ReLU(), MaxPool2d(2),
    )  # fmt: skip
    return {
        "Conv2d, circular": (conv(rng=rng), 1),
        "Conv2d, zero padding": (conv(mode="zeros", rng=rng), 1),
        "Conv2d, circular, stride 2": (conv(2, rng=rng), 2),
        "AvgPool2d(2)": (AvgPool2d(2), 2),
        "MaxPool2d(2)": (MaxPool2d(2), 2),
        "conv, pool, conv, pool": (deep, 4),
    }


def errors_by_shift(x: np.ndarray, rng: np.random.Generator) -> dict[str, list[float]]:
    """Return the equivariance error of each of `layers` for each of `SHIFTS`."""
    return {
        name: [equivariance_error(layer, x, steps, stride) for steps in SHIFTS]
        for name, (layer, stride) in layers(rng).items()
    }

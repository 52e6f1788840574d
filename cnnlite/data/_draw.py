"""Draws the embedded data set: ten shapes and textures, in integer arithmetic only.

Lengths are in 1/32 of a pixel and angles are looked up in a table of integers, so no rounding of a
floating-point library can decide a pixel.  Each shape is a function that says how deep inside it a
point lies (negative: outside); an edge is smoothed over one pixel.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cnnlite.data._hash import hash64, integers

SIZE = 32
UNIT = 32  # fixed-point steps in a pixel
Ints = NDArray[np.int32]

# round(1024 * sin(angle)) every 5.625 degrees, for the first quarter turn.
_QUARTER = (0, 100, 200, 297, 392, 483, 569, 650, 724, 792, 851, 903, 946, 980, 1004, 1019, 1024)
_SINE = np.array(
    [*_QUARTER, *_QUARTER[-2::-1], *(-s for s in _QUARTER[1:]), *(-s for s in _QUARTER[-2:0:-1])],
    dtype=np.int32,
)
_ANGLES = len(_SINE)  # 64 angles in a full turn


def _disc(u: Ints, v: Ints, r: Ints) -> Ints:
    # (r^2 - d^2) / 2r is r - d near the edge, without a square root.
    return (r * r - u * u - v * v) // (2 * r)


def _ring(u: Ints, v: Ints, r: Ints) -> Ints:
    middle = 3 * r // 4
    return r // 4 - np.abs(_disc(u, v, middle))


def _square(u: Ints, v: Ints, r: Ints) -> Ints:
    return 7 * r // 8 - np.maximum(np.abs(u), np.abs(v))


def _triangle(u: Ints, v: Ints, r: Ints) -> Ints:
    slanted = (887 * np.abs(u) - 512 * v) >> 10
    return r // 2 - np.maximum(v, slanted)


def _cross(u: Ints, v: Ints, r: Ints) -> Ints:
    u, v = np.abs(u), np.abs(v)
    return np.minimum(r - np.maximum(u, v), r // 4 - np.minimum(u, v))


def _star(u: Ints, v: Ints, r: Ints) -> Ints:
    # A pentagram is what lies on the inner side of at least four of its five lines.
    lines = ((0, 1024), (974, 316), (602, -828), (-602, -828), (-974, 316))
    distances = np.stack([(a * u + b * v) >> 10 for a, b in lines])
    distances.partition(3, axis=0)
    return 3 * r // 8 - distances[3]


def _stripes(u: Ints, v: Ints, r: Ints) -> Ints:
    # r is 4 to 9 pixels: half of it, 2 to 4.5 pixels, is the width of a stripe.
    return np.abs(v % r - r // 2) - r // 4


def _checkerboard(u: Ints, v: Ints, r: Ints) -> Ints:
    across, down = _stripes(v, u, r), _stripes(u, v, r)
    return np.where((across > 0) == (down > 0), 1, -1) * np.minimum(np.abs(across), np.abs(down))


# name -> (depth, turn of the figure in 64ths of a circle)
FIGURES: dict[str, tuple[Callable[[Ints, Ints, Ints], Ints], int]] = {
    "disc": (_disc, 0),
    "ring": (_ring, 0),
    "square": (_square, 0),
    "triangle": (_triangle, 0),
    "cross": (_cross, 0),
    "star": (_star, 0),
    "horizontal stripes": (_stripes, 0),
    "vertical stripes": (_stripes, 16),
    "diagonal stripes": (_stripes, 8),
    "checkerboard": (_checkerboard, 0),
}
_TEXTURES = 6  # the figures from here on fill a window instead of being one shape


def draw(labels: NDArray[np.int64], keys: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Draw one image for each label.

    Args:
        labels: (N,) integers, positions in FIGURES.
        keys: (N,) hashes; an image depends on its label and its key, on nothing else.

    Returns:
        (N, 3, 32, 32) uint8.
    """
    alpha = np.empty((len(labels), SIZE, SIZE), dtype=np.int32)
    for label in np.unique(labels):
        chosen = np.flatnonzero(labels == label)
        alpha[chosen] = _coverage(int(label), keys[chosen])
    return _paint(alpha, keys)


def _field(keys: NDArray[np.uint64], name: int, low: int, high: int) -> Ints:
    return integers(hash64(keys, name), low, high)[:, None, None]


def _grid(keys: NDArray[np.uint64], name: int, spread: int) -> tuple[Ints, Ints]:
    """Coordinates of the pixels about a centre up to `spread` pixels from the middle."""
    axis = (np.arange(SIZE, dtype=np.int32) * 2 - (SIZE - 1)) * (UNIT // 2)
    x = axis[None, None, :] - _field(keys, name, -spread * UNIT, spread * UNIT + 1)
    y = axis[None, :, None] - _field(keys, name + 1, -spread * UNIT, spread * UNIT + 1)
    return x, y


def _coverage(label: int, keys: NDArray[np.uint64]) -> Ints:
    """How much of each pixel the figure covers: (N, 32, 32), 0 to UNIT."""
    depth, turn = list(FIGURES.values())[label]
    x, y = _grid(keys, 0, spread=5)
    angle = (turn + _field(keys, 2, -2, 3)) % _ANGLES
    sine, cosine = _SINE[angle], _SINE[(angle + _ANGLES // 4) % _ANGLES]
    u, v = (cosine * x + sine * y) >> 10, (cosine * y - sine * x) >> 10
    if label < _TEXTURES:
        inside = depth(u, v, _field(keys, 3, 7 * UNIT, 11 * UNIT))
    else:
        inside = depth(u, v, _field(keys, 3, 5 * UNIT, 9 * UNIT))
        window = _field(keys, 4, 9 * UNIT, 14 * UNIT)
        inside = np.minimum(inside, _disc(x, y, window))
    return np.clip(inside + UNIT // 2, 0, UNIT)


def _paint(alpha: Ints, keys: NDArray[np.uint64]) -> NDArray[np.uint8]:
    images = np.empty((len(keys), 3, SIZE, SIZE), dtype=np.int16)
    x, y = _grid(keys, 10, spread=0)
    spots = [_spot(keys, 20 + 10 * i) for i in range(2)]
    # Which of the two colours is the figure's is drawn too, so its mean tells nothing of the class.
    swap = _field(keys, 5, 0, 2) == 1
    alpha = np.where(swap, UNIT - alpha, alpha)
    for channel in range(3):
        ground = _field(keys, 50 + channel, 30, 226)
        contrast = _field(keys, 60 + channel, 40, 110)
        figure = np.where(ground < 128, ground + contrast, ground - contrast)
        slope_x, slope_y = _field(keys, 70 + channel, -40, 41), _field(keys, 80 + channel, -40, 41)
        plane = ground + (slope_x * x + slope_y * y) // (SIZE * UNIT)
        plane = plane + (figure - ground) * alpha // UNIT
        for i, spot in enumerate(spots):
            colour = _field(keys, 90 + 10 * i + channel, 0, 256)
            plane = plane + (colour - plane) * spot // UNIT
        images[:, channel] = plane
    images += _noise(keys)
    return np.clip(images, 0, 255).astype(np.uint8)


def _spot(keys: NDArray[np.uint64], name: int) -> Ints:
    x, y = _grid(keys, name, spread=15)
    radius = _field(keys, name + 2, UNIT, 3 * UNIT)
    return np.clip(_disc(x, y, radius) + UNIT // 2, 0, UNIT)


def _noise(keys: NDArray[np.uint64]) -> NDArray[np.int16]:
    """Noise in every pixel and channel, of a strength drawn for each image."""
    count = 3 * SIZE * SIZE // 8  # eight bytes from each hash
    hashed = hash64(keys[:, None], 1000 + np.arange(count))
    noise = hashed.astype("<u8").view(np.int8).reshape(len(keys), 3, SIZE, SIZE).astype(np.int16)
    strength = _field(keys, 6, 8, 40)[..., None].astype(np.int16)
    return (noise * strength) >> np.int16(7)

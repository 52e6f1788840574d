"""Winograd's convolution, stride 1: 3 x 3 with 36 products for 4 x 4 outputs instead of 144.

Convolving two short signals is multiplying two polynomials, and a product of degree n is known from
its values at n points and its leading coefficient (the point at infinity): take values, multiply
them one by one, interpolate.  Turned around (transposed) this gives, for an m x m tile of outputs
Y, the (m + r - 1) x (m + r - 1) pixels d under it and an r x r kernel g,

    Y = A^T [ (G g G^T) * (B^T d B) ] A        with the elementwise product * summed over channels,

which for each of the (m + r - 1)^2 elements of the tile is a matrix product over channels and
tiles.

A kernel of 4 to 8 rows and columns is cut into parts of 4 x 4, filled up with zeros, whose
convolutions are added: each is one of a moved image.  49 products for 4 x 4 outputs and a part, so
196 for a 7 x 7 kernel instead of 784.

The points decide the rounding error.  For m = 4 and r = 3 0, +-1, +-2, as usually printed, give
entries up to 8; 0, +-sqrt(1/2), +-sqrt(2) give none above 2.9, and float32 errors of a third.  For
m = 2: 0, +-1.  For m = r = 4 +-1/4, +-7/8, +-2 were the best of some 1,500 triples.

With `bfloat16` transformed float32 numbers of a 3 x 3 kernel are rounded to 8 significant bits
before they are multiplied.

A tile's sums spread what is infinite or NaN, and what overflows in them, over outputs that have
nothing to do with it.  But no sum or product of such a number is finite.  So finite results are
right, and the others are computed again by the definition, in float64.

Source: S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, Fast
Algorithms for Convolutional Neural Networks, CVPR 2016, section 4; B. Barabasz et al., Error
Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks, ACM TOMS
46(4), 2020.
"""

from collections.abc import Callable, Iterator
from math import prod, sqrt
from typing import NamedTuple

import numpy as np
from numpy.polynomial import polynomial

from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT, Kept, PostOps
from cnnlite.quiet import quiet
from cnnlite.reference.conv import conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient
from cnnlite.reference.post_ops import follow, undo
from cnnlite.reference.windows import Sides

__all__ = [
    "conv2d_winograd_forward",
    "conv2d_winograd_input_gradient",
    "conv2d_winograd_weight_gradient",
    "transforms",
]

STRIDE = DILATION = (1, 1)
PART = 4  # rows and columns of the parts of a large kernel
POINTS = {
    (2, 3): (0.0, 1.0, -1.0),
    (4, 3): (0.0, sqrt(0.5), -sqrt(0.5), sqrt(2.0), -sqrt(2.0)),
    (4, PART): (0.25, -0.25, 0.875, -0.875, 2.0, -2.0),
}


class Transforms(NamedTuple):
    """The matrices of F(m x m, r x r)."""

    output: np.ndarray  # A^T, (m, m + r - 1)
    weight: np.ndarray  # G, (m + r - 1, r)
    input: np.ndarray  # B^T, (m + r - 1, m + r - 1)


def transforms(tile: int, kernel: int = 3) -> Transforms:
    """Return the matrices for output tiles of `tile` x `tile`, in float64.

    Args:
        tile: 4, or 2 for a 3 x 3 kernel.
        kernel: rows and columns of the kernel, 3 or 4.

    Column i of A^T and row i of G hold powers of point i; row i of B^T holds the coefficients of
    the polynomial that vanishes at all the other points, whose value at point i G divides out.
    """
    if (tile, kernel) not in POINTS:
        tiles = " or ".join(str(m) for m, r in reversed(POINTS) if r == kernel)
        raise ValueError(f"transforms: tile is {tile}, expected {tiles or '4 and kernel 3 or 4'}")
    points = POINTS[tile, kernel]
    side = tile + kernel - 1
    output = np.zeros((tile, side))
    weight = np.zeros((side, kernel))
    data = np.zeros((side, side))
    for i, point in enumerate(points):
        others = [other for other in points if other != point]
        output[:, i] = [point**power for power in range(tile)]
        weight[i] = [
            point**power / prod(point - other for other in others) for power in range(kernel)
        ]
        data[i, :-1] = polynomial.polyfromroots(others)
    output[-1, -1] = weight[-1, -1] = 1.0
    data[-1] = polynomial.polyfromroots(points)
    return Transforms(output, weight, data)


@quiet
def conv2d_winograd_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    y: np.ndarray,
    padding: Sides,
    groups: int,
    tile: int,
    post: PostOps = NO_POST_OPS,
    argmax: np.ndarray | None = None,
    bfloat16: bool = False,
) -> None:
    """Convolve images with filters of 3 x 3, or of 4 to 8 rows and columns, stride 1.

    Args:
        x: in, (N, C, H, W).
        weight: in, (F, C / groups, KH, KW).
        bias: in, (F,), or None.
        y: out, (N, F, OH, OW) with OH = H + top + bottom - KH + 1, OW likewise.
        padding: (top, bottom, left, right), in pixels that read as zero.
        groups: the number of groups; it divides C and F.
        tile: 4, or 2 for 3 x 3.
        post: what follows: ReLU, and pooling, for which y is (N, F, OH // 2, OW // 2).
        argmax: out, uint8, the shape of y, where a pooling follows: as of max_pool2x2_forward.
        bfloat16: whether what is multiplied is rounded to it, in float32 and of 3 x 3.

    Order: the channels, for each element of a tile; of more than 512, blocks of 256.
    """
    size = _output_size(x, weight, padding)
    result = _convolve(x, weight, size, padding, groups, tile, bfloat16)
    if bias is not None:
        result = result + bias[:, None, None]
    if not np.isfinite(result).all():
        exact = _exact(conv2d_forward, x, weight, result.shape, padding, groups)
        exact += 0 if bias is None else bias[:, None, None]
        result = np.where(np.isfinite(result), result, exact)
    follow(result.astype(y.dtype), y, post, argmax)


@quiet
def conv2d_winograd_input_gradient(
    dy: np.ndarray,
    weight: np.ndarray,
    dx: np.ndarray,
    padding: Sides,
    groups: int,
    tile: int,
    kept: Kept = NOTHING_KEPT,
    bfloat16: bool = False,
) -> None:
    """Compute the gradient with respect to the images: dy convolved with the rotated weights.

    Args:
        dy: in, the gradient of y.
        weight: in, (F, C / groups, KH, KW).
        dx: out, (N, C, H, W).
        padding, groups, tile: as in conv2d_winograd_forward.
        kept: what followed the forward pass; dy is the gradient of that, and has its shape.
        bfloat16: as in conv2d_winograd_forward.

    Order: as the forward pass, of the filters.
    """
    dy = undo(dy, kept, _output_size(dx, weight, padding))
    f, c, kh, kw = weight.shape
    rotated = weight.reshape(groups, f // groups, c, kh, kw).swapaxes(1, 2)[..., ::-1, ::-1]
    # Where the forward pass pads by p, its adjoint pads by KH - 1 - p: cut off if that is negative.
    top, bottom = (kh - 1 - side for side in padding[:2])
    left, right = (kw - 1 - side for side in padding[2:])
    rows = slice(max(-top, 0), dy.shape[2] - max(-bottom, 0))
    columns = slice(max(-left, 0), dy.shape[3] - max(-right, 0))
    sides = (max(top, 0), max(bottom, 0), max(left, 0), max(right, 0))
    weights = rotated.reshape(groups * c, f // groups, kh, kw)
    seen = dy[:, :, rows, columns]
    dx[...] = _convolve(seen, weights, dx.shape[2:], sides, groups, tile, bfloat16)
    if not np.isfinite(dx).all():
        exact = _exact(conv2d_input_gradient, dy, weight, dx.shape, padding, groups)
        np.copyto(dx, exact, where=~np.isfinite(dx), casting="same_kind")


@quiet
def conv2d_winograd_weight_gradient(
    x: np.ndarray,
    dy: np.ndarray,
    dweight: np.ndarray,
    dbias: np.ndarray | None,
    padding: Sides,
    groups: int,
    tile: int,
    kept: Kept = NOTHING_KEPT,
    bfloat16: bool = False,
) -> None:
    """Compute the gradients with respect to the filters and the bias, summed over the images.

    The forward pass is linear in U = G g G^T, so with dM = A dY A^T,

        dU = sum over tiles of dM * (B^T d B),        dg = G^T dU G.

    Args:
        x: in, (N, C, H, W).
        dy: in, the gradient of y.
        dweight: out, (F, C / groups, KH, KW).
        dbias: out, (F,), or None.
        padding, groups, tile, kept, bfloat16: as in conv2d_winograd_input_gradient.

    Order: the blocks of tiles are added one by one in each of 4, 8 or 12 parts (one, if dU is
    large), and then the parts.
    """
    dy = undo(dy, kept, _output_size(x, dweight, padding))
    for rows, columns, kernel, moved in _parts(dweight.shape[2:], padding):
        matrices = transforms(tile, kernel)
        inputs = _transform(matrices.input, _input_tiles(x, dy.shape[2:], moved, tile, kernel))
        outputs = _transform(matrices.output.T, _output_tiles(dy, tile))
        if bfloat16 and kernel == 3:
            inputs, outputs = _rounded(inputs), _rounded(outputs)
        inputs = inputs.reshape(len(x), groups, x.shape[1] // groups, *inputs.shape[2:])
        outputs = outputs.reshape(len(x), groups, len(dweight) // groups, *outputs.shape[2:])
        sums = np.einsum("ngctuij,ngftuij->gfcij", inputs, outputs, dtype=np.float64)
        gradient = _transform(matrices.weight.T, sums)
        part = dweight[:, :, rows, columns]
        part[...] = gradient[..., : part.shape[2], : part.shape[3]].reshape(part.shape)
    if not np.isfinite(dweight).all():
        exact = _exact(conv2d_weight_gradient, x, dy, dweight.shape, padding, groups)
        np.copyto(dweight, exact, where=~np.isfinite(dweight), casting="same_kind")
    if dbias is not None:
        dbias[...] = dy.sum(axis=(0, 2, 3), dtype=np.float64)


def _convolve(
    x: np.ndarray,
    weight: np.ndarray,
    size: tuple[int, ...],
    padding: Sides,
    groups: int,
    tile: int,
    bfloat16: bool,
) -> np.ndarray:
    """Return A^T [ (G g G^T) * (B^T d B) ] A of all tiles, put together: (N, F, *size).

    The products of the parts of a large kernel are added before they are transformed back.
    """
    products = np.zeros(())
    for rows, columns, kernel, moved in _parts(weight.shape[2:], padding):
        matrices = transforms(tile, kernel)
        inputs = _transform(matrices.input, _input_tiles(x, size, moved, tile, kernel))
        part = weight[:, :, rows, columns]
        rest = ((0, 0), (0, 0), *((0, kernel - side) for side in part.shape[2:]))
        weights = _transform(matrices.weight, np.pad(part, rest))
        if bfloat16 and kernel == 3:
            inputs, weights = _rounded(inputs), _rounded(weights)
        n, c = inputs.shape[:2]
        inputs = inputs.reshape(n, groups, c // groups, *inputs.shape[2:])
        weights = weights.reshape(groups, -1, *weights.shape[1:])
        part_of = np.einsum("ngctuij,gfcij->ngftuij", inputs, weights, dtype=np.float64)
        products = products + part_of
    tiles = _transform(matrices.output, products.reshape(n, len(weight), *products.shape[3:]))
    n, f, tiles_y, tiles_x = tiles.shape[:4]
    whole = tiles.swapaxes(3, 4).reshape(n, f, tiles_y * tile, tiles_x * tile)
    return whole[:, :, : size[0], : size[1]]


def _parts(kernel: tuple[int, ...], padding: Sides) -> Iterator[tuple[slice, slice, int, Sides]]:
    """Cut a kernel into parts: the rows and columns of each, r, and the padding that it sees."""
    side = 3 if kernel == (3, 3) else PART
    top, bottom, left, right = padding
    for row in range(0, kernel[0], side):
        for column in range(0, kernel[1], side):
            moved = (top - row, bottom, left - column, right)
            yield slice(row, row + side), slice(column, column + side), side, moved


def _exact(
    definition: Callable[..., None],
    first: np.ndarray,
    second: np.ndarray,
    shape: tuple[int, ...],
    padding: Sides,
    groups: int,
) -> np.ndarray:
    """Return what one of the definitions says, in float64.

    Where a sum overflows, it is computed again of numbers that are 2^64 times as small: then it is
    infinite only if the result is too large for float64.
    """
    result, again = np.empty(shape), np.empty(shape)
    first, second = first.astype(np.float64), second.astype(np.float64)
    definition(first, second, result, STRIDE, padding, DILATION, groups)
    if not np.isfinite(result).all():
        definition(first * 2.0**-64, second, again, STRIDE, padding, DILATION, groups)
        np.copyto(result, again * 2.0**64, where=~np.isfinite(result))
    return result


def _transform(matrix: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """Return matrix @ tile @ matrix.T for the last two axes, in the tiles' own dtype."""
    matrix = matrix.astype(tiles.dtype)
    return matrix @ tiles @ matrix.T


def _rounded(array: np.ndarray) -> np.ndarray:
    """Return float32 numbers rounded to bfloat16, ties to even, 0 below 2^-126; or others."""
    if array.dtype != np.float32:
        return array
    bits = np.ascontiguousarray(array).view(np.uint32)
    near = (bits + (0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)
    near[np.abs(array) < np.finfo(np.float32).tiny] = 0
    return np.where(np.isnan(array), array, near)


def _input_tiles(
    x: np.ndarray, size: tuple[int, ...], padding: Sides, tile: int, kernel: int
) -> np.ndarray:
    """Cut x into overlapping tiles of side tile + kernel - 1: (N, C, TY, TX, side, side).

    Padding at the top and left may be negative: so many rows and columns of x are left out.
    """
    side, tiles_y, tiles_x = tile + kernel - 1, -(-size[0] // tile), -(-size[1] // tile)
    x, (top, _, left, _) = x[:, :, max(-padding[0], 0) :, max(-padding[2], 0) :], padding
    top, left, (h, w) = max(top, 0), max(left, 0), x.shape[2:]
    last = kernel - 1
    shape = (
        *x.shape[:2],
        max(tiles_y * tile + last, h + top),
        max(tiles_x * tile + last, w + left),
    )
    padded = np.zeros(shape, x.dtype)
    padded[:, :, top : top + h, left : left + w] = x
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(2, 3))
    return windows[:, :, : tiles_y * tile : tile, : tiles_x * tile : tile]


def _output_tiles(dy: np.ndarray, tile: int) -> np.ndarray:
    """Cut dy into tile x tile tiles, the last ones filled up with zeros."""
    n, f, h, w = dy.shape
    rest = ((0, 0), (0, 0), (0, -h % tile), (0, -w % tile))
    padded = np.pad(dy, rest)
    tiles_y, tiles_x = padded.shape[2] // tile, padded.shape[3] // tile
    return padded.reshape(n, f, tiles_y, tile, tiles_x, tile).swapaxes(3, 4)


def _output_size(x: np.ndarray, weight: np.ndarray, padding: Sides) -> tuple[int, int]:
    top, bottom, left, right = padding
    (h, w), (kh, kw) = x.shape[2:], weight.shape[2:]
    return h + top + bottom - kh + 1, w + left + right - kw + 1

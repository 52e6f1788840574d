"""Random crops and flips of images of pixels, and their normalisation.

The crop at (top, left) of an image that was padded with `padding` zeros on each side, or with its
own mirror image, at the image's own size: top = left = padding gives the image itself.
"""

import numpy as np

__all__ = ["crop_flip", "crop_flip_normalize"]


def crop_flip(
    images: np.ndarray,
    out: np.ndarray,
    top: np.ndarray,
    left: np.ndarray,
    flip: np.ndarray,
    padding: int,
    reflect: bool = False,
) -> None:
    """Crop each image from its padded self, and mirror it where asked.

    Args:
        images: in, (N, C, H, W); uint8 for the compiled kernel, any dtype here.
        out: out, the same shape and dtype.
        top: in, int32 (N,): the first row of each crop, 0 to 2 * padding.
        left: in, int32 (N,): its first column.
        flip: in, uint8 (N,): not 0 mirrors the crop left to right.
        padding: width of the border of zeros.
        reflect: let the border mirror the image instead, without its first pixel.

    Raises:
        ValueError: shapes that do not belong together, an offset out of range, or a border that is
            too wide to be a reflection.
    """
    if out.shape != images.shape:
        raise ValueError(f"crop_flip: out is {out.shape}, images {images.shape}")
    _check_offsets("crop_flip", len(images), top, left, flip, padding)
    _check_reflection("crop_flip", reflect, padding, images.shape)
    _crop_flip(images, out, top, left, flip, padding, reflect)


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
) -> None:
    """Pick images, crop and mirror them as crop_flip does, and write pixel * scale + shift.

    A border of zeros becomes `shift`.

    Args:
        images: in, uint8 (M, C, H, W).
        index: in, int64 (N,): which images, 0 to M - 1.
        top, left, flip, padding: as for crop_flip; all zero picks and normalises only.
        scale: in, float32 (C, H, W).
        shift: in, float32 (C, H, W).
        out: out, float32 or float64 (N, C, H, W); computed in its own dtype.
        reflect: as for crop_flip.

    Raises:
        ValueError: shapes that do not belong together, an index or offset out of range, or a
            border that is too wide to be a reflection.
    """
    name = "crop_flip_normalize"
    if out.shape != (len(index), *images.shape[1:]):
        raise ValueError(f"{name}: out is {out.shape}, images {images.shape}, index {index.shape}")
    if scale.shape != images.shape[1:] or shift.shape != images.shape[1:]:
        raise ValueError(f"{name}: scale {scale.shape}, shift {shift.shape}, images {images.shape}")
    if len(index) and not 0 <= int(index.min()) <= int(index.max()) < len(images):
        raise ValueError(f"{name}: index out of range, there are {len(images)} images")
    _check_offsets(name, len(index), top, left, flip, padding)
    _check_reflection(name, reflect, padding, images.shape)
    cropped = np.empty(out.shape, images.dtype)
    _crop_flip(images[index], cropped, top, left, flip, padding, reflect)
    np.multiply(cropped, scale.astype(out.dtype), out=out, dtype=out.dtype)
    out += shift


def _check_offsets(
    name: str, count: int, top: np.ndarray, left: np.ndarray, flip: np.ndarray, padding: int
) -> None:
    if not top.shape == left.shape == flip.shape == (count,):
        raise ValueError(
            f"{name}: top {top.shape}, left {left.shape}, flip {flip.shape} for {count} images"
        )
    if padding < 0:
        raise ValueError(f"{name}: padding is {padding}, expected 0 or more")
    for offset in (top, left):
        if count and not 0 <= int(offset.min()) <= int(offset.max()) <= 2 * padding:
            raise ValueError(f"{name}: an offset is not in 0 to {2 * padding}")


def _check_reflection(name: str, reflect: bool, padding: int, shape: tuple[int, ...]) -> None:
    height, width = shape[2:]
    if reflect and padding and padding >= min(height, width):
        raise ValueError(
            f"{name}: padding is {padding}, which images of {height}x{width} pixels cannot be "
            "reflected in"
        )


def _crop_flip(
    images: np.ndarray,
    out: np.ndarray,
    top: np.ndarray,
    left: np.ndarray,
    flip: np.ndarray,
    padding: int,
    reflect: bool,
) -> None:
    height, width = images.shape[2:]
    if reflect and padding and len(images):
        border = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
        images, top, left = np.pad(images, border, "reflect"), top + padding, left + padding
    whole = images.shape[2:]
    out[...] = 0
    for i in range(len(images)):
        row, column = int(top[i]) - padding, int(left[i]) - padding  # of the crop, in the image
        rows = slice(max(row, 0), max(min(row + height, whole[0]), 0))
        columns = slice(max(column, 0), max(min(column + width, whole[1]), 0))
        inside = images[i][:, rows, columns]
        first_row, first_column = max(-row, 0), max(-column, 0)
        place = out[i, :, first_row:, first_column:]
        place[:, : inside.shape[1], : inside.shape[2]] = inside
        if flip[i]:
            out[i] = out[i, :, :, ::-1].copy()

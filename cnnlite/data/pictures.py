"""Reads a picture of any size and kind as what a network takes: upright, over white, of one size.

Pillow decodes; what it leaves to its caller is done here.  A picture is turned as its EXIF
orientation says, what is transparent lies over white, and pixels of more than 8 bits are scaled by
their depth.  Of several pictures in a file, the first is taken.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnnlite.backend import kernels
from cnnlite.checks.numbers import choice, count
from cnnlite.data.errors import DataChanged, DataError
from cnnlite.data.formats import ALWAYS, FORMATS, REFUSED, format_of, formats_text, readable
from cnnlite.data.modes import rgb, upright
from cnnlite.terminal import printable

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

__all__ = [
    "FITS",
    "FORMATS",
    "MAX_JPEG_PIXELS",
    "MAX_PIXELS",
    "REFUSED",
    "Seen",
    "Size",
    "decode",
    "image_size",
    "planes",
    "prepare",
    "read_picture",
]

Size = int | Sequence[int] | None
Seen = tuple[int, int]
"""The length of a file, and the time of its last change in nanoseconds."""

FITS = ("crop", "resize")
"""The largest centred part of the right proportions, or the whole picture, squeezed."""

MAX_PIXELS = 64 * 2**20
"""A file of a few bytes may claim any size; these take 192 MB."""

MAX_JPEG_PIXELS = 256 * 2**20
"""A JPEG that is larger than MAX_PIXELS is scaled down while it is read."""

LARGE = 1024  # pixels: the side to which such a JPEG may be scaled down while it is read

MAX_SIDE = 4096
"""Of the result."""


def read_picture(
    path: str | os.PathLike[str], size: Size = 32, grey: bool = False, fit: str = "crop"
) -> npt.NDArray[np.uint8]:
    """Read a picture as a network's input, scaled to `size`.

    Grey and coloured pictures of every mode become RGB.  Grey ones of 16 or 32 bits, and of
    floating point, are scaled by their depth: 16-bit pixels by 65535; 32-bit and floating-point
    ones by the first of 1 (floating point only), 255, 65535, 2^31 - 1 and 2^32 - 1 (integers only)
    that none of them exceeds, or, where some are negative or larger still, from their smallest
    to their largest.  What is not finite is black.

    Args:
        path: a file that Pillow reads, in none of the formats that are REFUSED, of at most
            MAX_PIXELS, a JPEG of at most MAX_JPEG_PIXELS.
        size: the side of the result in pixels, or (height, width); None keeps the picture's own.
        grey: make one channel of it, the luma of ITU-R BT.601.
        fit: "crop" takes the largest centred part that has the proportions of `size`; "resize"
            takes the whole picture, whatever its proportions.

    Returns:
        (3, height, width) uint8; (1, height, width) if grey.

    Raises:
        ImportError: Pillow is not installed; the message says how to get it.
        FileNotFoundError: there is no such file.
        DataError: the file is no picture, is damaged, too large, or of another format; the message
            names it.
        OSError: the file cannot be read.
        ValueError, TypeError: another size or fit.
    """
    shape = image_size("read_picture", size)
    choice("read_picture", "fit", fit, FITS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow finds odd, and reads all the same
        return planes(decode(os.fsdecode(path), shape, bool(grey), fit))


def prepare(path: str | os.PathLike[str], settings: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
    """Read a picture in the way in which the images of a data set were made.

    Args:
        path: as `read_picture`.
        settings: those of the data set (`Dataset.settings`): "size" [height, width], "grey" and
            "fit"; what else it has is not looked at.

    Returns:
        (C, height, width) uint8.

    Raises:
        ValueError: the settings lack one of these.
        ImportError, DataError, OSError: as `read_picture`.
    """
    missing = [name for name in ("size", "grey", "fit") if name not in settings]
    if missing:
        raise ValueError(f"prepare: settings lack {missing[0]!r}, have {sorted(settings)}")
    return read_picture(path, settings["size"], settings["grey"], settings["fit"])


def image_size(function: str, size: Size) -> tuple[int, int] | None:
    """Return a size as (height, width), None as None.

    Raises:
        ValueError, TypeError: something else than one or two integers from 1 to MAX_SIDE.
    """
    if size is None:
        return None
    pair = (size, size) if not isinstance(size, list | tuple) else tuple(size)
    if len(pair) != 2:
        raise ValueError(f"{function}: size is {size!r}, expected an integer or (height, width)")
    height, width = (count(function, "size", side) for side in pair)
    if max(height, width) > MAX_SIDE:
        raise ValueError(f"{function}: size is {size!r}, expected at most {MAX_SIDE}")
    return height, width


def planes(
    image: Image.Image,
    out: npt.NDArray[np.uint8] | None = None,
    sums: npt.NDArray[np.uint64] | None = None,
) -> npt.NDArray[np.uint8]:
    """Return the pixels of a picture in RGB or L as (C, height, width), in `out` if it is given.

    `sums`, (2, C), is filled with the sums of the pixels and of their squares.
    """
    shape = (len(image.getbands()), image.height, image.width)
    made = np.empty(shape, np.uint8) if out is None else out
    content = image.tobytes("raw", "RGBX" if image.mode == "RGB" else "L")  # RGBX is how RGB lies
    pixels = np.frombuffer(content, np.uint8).reshape(image.height * image.width, -1)
    sums = np.empty((2, len(made)), np.uint64) if sums is None else sums
    kernels.split_planes(pixels, made.reshape(len(made), -1), sums)
    return made


def decode(
    path: str, size: tuple[int, int] | None, grey: bool, fit: str, seen: Seen | None = None
) -> Image.Image:
    """Do the work of `read_picture`; Pillow's warnings are the caller's, who may have threads.

    Args:
        path, grey, fit: as `read_picture`.
        size: (height, width) or None.
        seen: the file's length and the time of its last change, when it was listed.

    Returns:
        The picture in RGB, or L if grey.

    Raises:
        DataChanged: the file has changed since it was listed.
        ImportError, DataError, OSError: as `read_picture`.
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        hint = 'reading pictures needs Pillow: pip install "cnnlite[viz]"'
        raise ImportError(hint) from None
    with _opened(path, seen) as file:
        kind = _kind(path, file.read(1024))
        file.seek(0)
        try:
            with _decoder(file, path, kind) as picture:
                _limit_size(path, picture, kind, size)
                image = upright(picture, rgb(picture))
            if grey:
                image = image.convert("L")
            if size is not None and image.size != size[::-1]:
                if fit == "crop":
                    image = ImageOps.fit(image, size[::-1], Image.Resampling.BOX)
                else:
                    image = image.resize(size[::-1], Image.Resampling.BOX)
        except DataError:
            raise
        except Image.DecompressionBombError:
            raise DataError(f"{_refused(path)}it has {_too_many(kind, MAX_PIXELS)}") from None
        except UnidentifiedImageError:
            what = f"it is a damaged {kind}, or of a kind that" if kind else "it is of a kind that"
            reason = f"{what} Pillow cannot read; {formats_text()}"
            raise DataError(f"{_refused(path)}{reason}") from None
        except Exception as error:  # whatever a decoder stumbles over is a fault of the file
            reason = f"the {kind or 'picture'} is damaged or cut off ({error})"
            raise DataError(f"{_refused(path)}{reason}") from error
    return image


def _refused(path: str) -> str:
    return f"{printable(path)} cannot be read as a picture: "


def _opened(path: str, seen: Seen | None) -> IO[bytes]:
    """Open a file, once it is certain that reading it comes to an end."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{printable(path)}: no such file") from None
    if not stat.S_ISREG(found.st_mode):
        what = "it is a folder" if stat.S_ISDIR(found.st_mode) else "it is not a regular file"
        raise DataError(f"{_refused(path)}{what}")
    if seen not in (None, (found.st_size, found.st_mtime_ns)):
        raise DataChanged(
            f"{printable(path)} was changed while the pictures were read: start again"
        )
    return open(path, "rb")


def _kind(path: str, head: bytes) -> str:
    """Return the format that a file's first bytes tell, "" if they tell none.

    Raises:
        DataError: they tell a format that is not read here; the message names it.
    """
    if not head:
        raise DataError(f"{_refused(path)}the file is empty")
    kind = format_of(head)
    if kind and kind not in ALWAYS and kind.upper() not in readable():
        raise DataError(f"{_refused(path)}it is {kind}; {formats_text()}")
    return kind


def _decoder(file: IO[bytes], path: str, kind: str) -> ImageFile:
    from PIL import Image

    if kind == "JPEG":  # its size is checked here: larger ones than Pillow opens are scaled down
        Image.preinit()
        return Image.OPEN["JPEG"][0](file, path)
    known = kind in ALWAYS or kind.upper() in readable()
    return Image.open(file, formats=[kind.upper()] if known else readable())


def _limit_size(path: str, picture: ImageFile, kind: str, size: tuple[int, int] | None) -> None:
    """Refuse a picture that is too large, and let a JPEG be scaled down while it is read.

    That halves it as often as leaves twice the pixels that are needed, so that they are still
    means of several; a very large one is always scaled down.
    """
    pixels = picture.width * picture.height
    most = MAX_JPEG_PIXELS if kind == "JPEG" else MAX_PIXELS
    if not pixels:
        raise DataError(f"{_refused(path)}it has no pixels")
    if pixels > most:
        extent = f"it has {picture.width} x {picture.height} pixels, "
        raise DataError(f"{_refused(path)}{extent}{_too_many(kind, most)}")
    side = LARGE if size is None else 2 * max(size)  # of both sides: it may yet be turned
    if pixels > MAX_PIXELS:
        side = min(side, LARGE)
    elif kind != "JPEG" or size is None:
        return
    picture.draft(None, (side, side))


def _too_many(kind: str, most: int) -> str:
    what = f"more than the {most:,} pixels that a {kind or 'picture'} may have"
    if kind == "JPEG":
        return what
    return f"{what}; scale it down, or save it as a JPEG, which may have {MAX_JPEG_PIXELS:,}"

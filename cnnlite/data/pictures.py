"""Reads a picture of any size and kind as what a network takes: RGB, upright, over white.

Pillow decodes; what it leaves to its caller is done here.  A picture is turned as its EXIF
orientation says, what is transparent lies over white, and pixels of more than 8 bits are scaled by
their depth.  Of several pictures in a file, the first is taken.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cnnlite.data.errors import DataError

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

__all__ = ["FORMATS", "MAX_JPEG_PIXELS", "MAX_PIXELS", "read_picture"]

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP", "AVIF")
"""Formats that are pixels and nothing else: Pillow would run a program for some others."""

MAX_PIXELS = 64 * 2**20
"""A file of a few bytes may claim any size; these take 192 MB."""

MAX_JPEG_PIXELS = 256 * 2**20
"""A JPEG that is larger than MAX_PIXELS is scaled down while it is read."""

LARGE = 1024  # pixels: the side to which such a JPEG may be scaled down while it is read

# How files begin, so that those that cannot be read are called by their names too.
SIGNATURES = (
    (b"\xff\xd8\xff", 0, "JPEG"), (b"\x89PNG\r\n\x1a\n", 0, "PNG"), (b"GIF8", 0, "GIF"),
    (b"BM", 0, "BMP"), (b"II*\0", 0, "TIFF"), (b"MM\0*", 0, "TIFF"), (b"II+\0", 0, "TIFF"),
    (b"MM\0+", 0, "TIFF"), (b"WEBP", 8, "WebP"), (b"ftypavi", 4, "AVIF"), (b"ftyphe", 4, "HEIC"),
    (b"ftypmif1", 4, "HEIC"), (b"ftypmsf1", 4, "HEIC"), (b"ftyp", 4, "a video"),
    (b"%PDF", 0, "PDF"), (b"%!PS", 0, "PostScript"), (b"8BPS", 0, "Photoshop's PSD"),
    (b"\0\0\0\x0cjP  ", 0, "JPEG 2000"), (b"\xff\x4f\xff\x51", 0, "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", 0, "JPEG XL"), (b"\xff\x0a", 0, "JPEG XL"), (b"\0\0\1\0", 0, "ICO"),
    (b"PK\x03\x04", 0, "a zip file"), (b"\x1f\x8b", 0, "a gzip file"),
    (b"\x93NUMPY", 0, "an array of NumPy"),
)  # fmt: skip
MARKUP = ((b"<svg", "SVG"), (b"<!doctype html", "a web page"), (b"<html", "a web page"))


def read_picture(path: str | os.PathLike[str], size: int = 32) -> npt.NDArray[np.uint8]:
    """Read a picture as a network's input: the largest centred square, scaled to `size`.

    Grey and coloured pictures of every mode become RGB.  Grey ones of 16 or 32 bits, and of
    floating point, are scaled by their depth: 16-bit pixels by 65535; 32-bit and floating-point
    ones by the first of 1 (floating point only), 255, 65535, 2^31 - 1 and 2^32 - 1 (integers only)
    that none of them exceeds, or, where some are negative or larger still, from their smallest
    to their largest.  What is not finite is black.

    Args:
        path: a file in one of FORMATS (AVIF where Pillow can), of at most MAX_PIXELS, a JPEG of at
            most MAX_JPEG_PIXELS.
        size: the side of the result in pixels.

    Returns:
        (3, size, size) uint8.

    Raises:
        ImportError: Pillow is not installed; the message says how to get it.
        FileNotFoundError: there is no such file.
        DataError: the file is no picture, is damaged, too large, or of another format; the message
            names it.
        OSError: the file cannot be read.
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        hint = 'reading pictures needs Pillow: pip install "cnnlite[viz]"'
        raise ImportError(hint) from None
    path = os.fsdecode(path)
    with _opened(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow finds odd, and reads all the same
        kind = _kind(path, file.read(1024))
        file.seek(0)
        try:
            with _decoder(file, path, kind) as picture:
                _limit_size(path, picture, kind)
                upright = _upright(picture, _rgb(picture))
            square = ImageOps.fit(upright, (size, size), Image.Resampling.BOX)
        except DataError:
            raise
        except Image.DecompressionBombError:
            raise DataError(f"{_refused(path)}it has {_too_many(kind, MAX_PIXELS)}") from None
        except UnidentifiedImageError:
            what = f"it is a damaged {kind}, or of a kind that" if kind else "it is of a kind that"
            raise DataError(f"{_refused(path)}{what} Pillow cannot read; {_formats()}") from None
        except Exception as error:  # whatever a decoder stumbles over is a fault of the file
            reason = f"the {kind or 'picture'} is damaged or cut off ({error})"
            raise DataError(f"{_refused(path)}{reason}") from error
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))


def _refused(path: str) -> str:
    return f"{path} cannot be read as a picture: "


def _formats() -> str:
    names = ["WebP" if name == "WEBP" else name for name in _readable()]
    return f"pictures are {', '.join(names)}"


def _readable() -> list[str]:
    """The formats that this Pillow can read, of those in FORMATS."""
    from PIL import Image, features

    Image.init()
    lacking = {name for name in ("WEBP", "AVIF") if not features.check(name.lower())}
    return [name for name in FORMATS if name in Image.OPEN and name not in lacking]


def _opened(path: str) -> IO[bytes]:
    """Open a file, once it is certain that reading it comes to an end."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file") from None
    if not stat.S_ISREG(mode):
        what = "it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file"
        raise DataError(f"{_refused(path)}{what}")
    return open(path, "rb")


def _kind(path: str, head: bytes) -> str:
    """Return the format that a file's first bytes tell, "" if they tell none.

    Raises:
        DataError: they tell a format that is not read here; the message names it.
    """
    if not head:
        raise DataError(f"{_refused(path)}the file is empty")
    found = [name for start, at, name in SIGNATURES if head[at : at + len(start)] == start]
    text = head.lower()
    found += [
        name
        for tag, name in MARKUP
        if text.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<" and tag in text
    ]
    if found:
        kind = found[0]
        if kind.upper() in _readable():
            return kind
        raise DataError(f"{_refused(path)}it is {kind}; {_formats()}")
    if not text.startswith(b"p") and all(9 <= byte < 127 for byte in head):
        raise DataError(f"{_refused(path)}it is a text file; {_formats()}")
    return ""


def _decoder(file: IO[bytes], path: str, kind: str) -> ImageFile:
    from PIL import Image

    if kind == "JPEG":  # its size is checked here: larger ones than Pillow opens are scaled down
        Image.preinit()
        return Image.OPEN["JPEG"][0](file, path)
    return Image.open(file, formats=_readable())


def _limit_size(path: str, picture: ImageFile, kind: str) -> None:
    """Refuse a picture that is too large; let a large JPEG be scaled down while it is read."""
    pixels = picture.width * picture.height
    most = MAX_JPEG_PIXELS if kind == "JPEG" else MAX_PIXELS
    if not pixels:
        raise DataError(f"{_refused(path)}it has no pixels")
    if pixels > most:
        size = f"it has {picture.width} x {picture.height} pixels, "
        raise DataError(f"{_refused(path)}{size}{_too_many(kind, most)}")
    if pixels > MAX_PIXELS:
        picture.draft(None, (LARGE, LARGE))


def _too_many(kind: str, most: int) -> str:
    what = f"more than the {most:,} pixels that a {kind or 'picture'} may have"
    if kind == "JPEG":
        return what
    return f"{what}; scale it down, or save it as a JPEG, which may have {MAX_JPEG_PIXELS:,}"


def _upright(picture: ImageFile, image: Image.Image) -> Image.Image:
    """Turn `image` as the EXIF orientation of the picture says, if that makes any sense."""
    from PIL import Image

    turn = Image.Transpose
    turns = (
        turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM, turn.TRANSPOSE,
        turn.ROTATE_270, turn.TRANSVERSE, turn.ROTATE_90,
    )  # fmt: skip
    try:
        orientation = int(picture.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF data, of which Pillow raises much
        return image
    return image.transpose(turns[orientation - 2]) if 2 <= orientation <= 8 else image


def _rgb(picture: ImageFile) -> Image.Image:
    """Return the picture as RGB of 8 bits, over white where it is transparent."""
    from PIL import Image

    deep = any(";16" in str(tile) for tile in picture.tile)
    picture.load()
    clear = picture.info.get("transparency")
    image: Image.Image = picture
    if picture.mode == "F" or picture.mode.startswith("I"):
        values, depths = _grey(picture)
        image = Image.fromarray(_scaled(values, depths))
        if clear is not None:
            image.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    elif deep and isinstance(clear, tuple):  # it counts in 16 bits, of which 8 were read
        picture.info["transparency"] = tuple(value >> 8 for value in clear)
    if not image.has_transparency_data:
        return image.convert("RGB")
    if image.mode == "La":
        image = image.convert("LA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _grey(picture: ImageFile) -> tuple[np.ndarray, Sequence[int]]:
    """Return a grey picture's pixels, and the largest values that its format lets them have."""
    values, tags = np.asarray(picture), getattr(picture, "tag_v2", {})
    bits, sign = (int(tags.get(tag, default)[0]) for tag, default in ((258, (32,)), (339, (1,))))
    if picture.mode == "F":
        return values, (1, 255, 65535)
    if picture.mode != "I":
        return values, (2 ** min(bits, 16) - 1,)
    if not tags:  # PNG and PPM, which Pillow scales to 16 bits
        return values, (65535,)
    if bits == 16:
        return values, (32767,)
    if sign == 1:  # unsigned, which Pillow does not know in 32 bits
        values = values.view(np.uint32)
    return values, (255, 65535, 2**31 - 1, 2**32 - 1)


def _scaled(values: np.ndarray, depths: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Scale to 0..255 by the first depth that no pixel exceeds, else from smallest to largest."""
    finite = np.isfinite(values)
    low, high = (float(f(values, where=finite, initial=0)) for f in (np.min, np.max))
    fitting = [depth for depth in depths if low >= 0 and high <= depth]
    if fitting:
        low, high = 0.0, float(fitting[0])
    elif finite.any():
        low, high = (float(f(values[finite])) for f in (np.min, np.max))
    scaled = np.where(finite, values, low).astype(np.float32)
    scaled -= np.float32(low)
    scaled *= np.float32(255 / (high - low)) if high > low else np.float32(0)
    return np.clip(np.rint(scaled, out=scaled), 0, 255, out=scaled).astype(np.uint8)

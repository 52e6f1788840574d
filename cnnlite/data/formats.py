"""The formats of pictures: which are read, and what a file's first bytes tell."""

from functools import cache

__all__ = [
    "ALWAYS", "FORMATS", "REFUSED", "format_of", "formats_text", "has_picture_name", "readable",
]  # fmt: skip

FORMATS = (
    "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP", "AVIF", "JPEG2000", "ICO", "PCX", "PSD",
    "QOI", "SGI", "TGA",
)  # fmt: skip
"""The usual formats.  What else Pillow reads is read too, but what is REFUSED."""

REFUSED = ("BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF")
"""Formats that are more than pixels: Pillow would run a program for them, or has no decoder."""

ALWAYS = ("JPEG", "PNG", "BMP", "GIF")
"""Formats that every Pillow reads."""

# How files begin, so that those that cannot be read are called by their names too.
SIGNATURES = (
    (b"\xff\xd8\xff", 0, "JPEG"), (b"\x89PNG\r\n\x1a\n", 0, "PNG"), (b"GIF8", 0, "GIF"),
    (b"BM", 0, "BMP"), (b"II*\0", 0, "TIFF"), (b"MM\0*", 0, "TIFF"), (b"II+\0", 0, "TIFF"),
    (b"MM\0+", 0, "TIFF"), (b"WEBP", 8, "WebP"), (b"ftypavi", 4, "AVIF"), (b"ftyphe", 4, "HEIC"),
    (b"ftypmif1", 4, "HEIC"), (b"ftypmsf1", 4, "HEIC"), (b"ftyp", 4, "a video"),
    (b"%PDF", 0, "PDF"), (b"%!PS", 0, "PostScript"), (b"8BPS", 0, "PSD"),
    (b"\0\0\0\x0cjP  ", 0, "JPEG2000"), (b"\xff\x4f\xff\x51", 0, "JPEG2000"),
    (b"\0\0\0\x0cJXL ", 0, "JPEG XL"), (b"\xff\x0a", 0, "JPEG XL"), (b"\0\0\1\0", 0, "ICO"),
    (b"PK\x03\x04", 0, "a zip file"), (b"\x1f\x8b", 0, "a gzip file"),
    (b"\x93NUMPY", 0, "an array of NumPy"), (b"SIMPLE  =", 0, "FITS"), (b"/* XPM */", 0, "XPM"),
    (b"#define ", 0, "XBM"),
)  # fmt: skip
MARKUP = ((b"<svg", "SVG"), (b"<!doctype html", "a web page"), (b"<html", "a web page"))

# Endings of pictures, those that cannot be read too: they are to be named, not left out in silence.
ENDINGS = frozenset((
    "apng", "avif", "avifs", "bmp", "cr2", "dib", "dng", "eps", "gif", "heic", "heif", "hif", "ico",
    "j2k", "jfif", "jif", "jp2", "jpe", "jpeg", "jpf", "jpg", "jpx", "jxl", "nef", "pbm", "pcx",
    "pfm", "pgm", "png", "pnm", "ppm", "psd", "qoi", "raw", "sgi", "svg", "tga", "tif", "tiff",
    "webp", "xbm", "xpm",
))  # fmt: skip


def has_picture_name(name: str) -> bool:
    """Return whether a file's name has the ending of a picture, or none at all."""
    _, dot, ending = name.rpartition(".")
    return not dot or ending.lower() in ENDINGS or f".{ending.lower()}" in _endings()


@cache
def _endings() -> frozenset[str]:
    """The endings, with their dots, of all that this Pillow reads; none without Pillow."""
    try:
        from PIL import Image
    except ImportError:
        return frozenset()
    formats = set(readable())
    return frozenset(e for e, name in Image.registered_extensions().items() if name in formats)


@cache
def readable() -> tuple[str, ...]:
    """Return the formats that this Pillow can read, without those that are REFUSED."""
    from PIL import Image, features

    Image.init()
    needed = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}
    lacking = {name for name, feature in needed.items() if not features.check(feature)}
    return tuple(name for name in Image.OPEN if name not in lacking and name not in REFUSED)


def formats_text() -> str:
    """Return what a message says of the formats that can be read."""
    found = readable()
    names = ["WebP" if name == "WEBP" else name for name in FORMATS if name in found]
    return f"pictures are {', '.join(names)}, and what else Pillow reads"


def format_of(head: bytes) -> str:
    """Return the format that a file's first bytes tell, "a text file", or "" if they tell none."""
    text = head.lower()
    for start, at, name in SIGNATURES:
        if head[at : at + len(start)] == start:
            return name
    if text.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<":
        for tag, name in MARKUP:
            if tag in text:
                return name
    if not text.startswith(b"p") and all(9 <= byte < 127 for byte in head):
        return "a text file"
    return ""

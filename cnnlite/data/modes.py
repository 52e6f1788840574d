"""Makes RGB of what Pillow has decoded, in any mode: upright, over white, of 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

__all__ = ["rgb", "upright"]


def upright(picture: ImageFile, image: Image.Image) -> Image.Image:
    """Turn `image` as the EXIF orientation of the picture says, if that makes any sense."""
    if picture.format in ("JPEG", "MPO") and not {"exif", "xmp"} & picture.info.keys():
        return image  # as Pillow would find out, which takes a tenth of the time of decoding
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


def rgb(picture: ImageFile) -> Image.Image:
    """Return the picture as RGB of 8 bits, over white where it is transparent."""
    from PIL import Image

    # The tiles say it, which are gone once the picture is loaded.
    deep = "transparency" in picture.info and any(";16" in str(tile) for tile in picture.tile)
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
        return image if image.mode == "RGB" else image.convert("RGB")
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

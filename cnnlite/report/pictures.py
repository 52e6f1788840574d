"""Many small pictures as one, which a page cuts apart: a sprite sheet."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["sprites"]

COLUMNS = 32
SHARP = 48
"""Pixels of a side up to which pictures are kept to the bit."""


def sprites(images: NDArray[np.uint8], longest: int = 96) -> dict[str, Any]:
    """Return pictures for a section's data; `cnnlite.picture` draws one of them.

    Args:
        images: uint8 (N, C, H, W). One channel is grey, three are red, green and blue, of any
            other number the first is shown.
        longest: pixels of the longer side; larger pictures are shrunk to it.

    Raises:
        ImportError: Pillow is not installed.
    """
    from PIL import Image

    count, channels, height, width = images.shape
    images = images if channels == 3 else images[:, :1]
    scale = min(1.0, longest / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    columns = max(1, min(COLUMNS, count))
    rows = -(-count // columns)
    mode = "RGB" if channels == 3 else "L"
    whole = Image.new(mode, (columns * size[0], max(1, rows) * size[1]))
    for place, image in enumerate(images):
        pixels = image.transpose(1, 2, 0) if channels == 3 else image[0]
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        if scale < 1:
            picture = picture.resize(size, Image.Resampling.BOX)
        row, column = divmod(place, columns)
        whole.paste(picture, (column * size[0], row * size[1]))
    file = io.BytesIO()
    if max(size) <= SHARP:
        kind = "png"
        whole.save(file, "PNG", optimize=True)
    else:
        kind = "jpeg"
        whole.save(file, "JPEG", quality=85)
    address = f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
    return {"address": address, "columns": columns, "width": size[0], "height": size[1]}

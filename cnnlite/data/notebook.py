"""How a data set looks in a notebook: how many images there are, and the first of each class."""

from collections.abc import Mapping, Sequence

import numpy as np

from cnnlite import html

__all__ = ["dataset_html"]

COLUMNS = 10  # images of a class
MOST_CLASSES = 20  # whose images are shown
SIDE = 64  # pixels at most of a shown image, which is otherwise made smaller
SHOWN = 40  # CSS pixels, its height


def dataset_html(
    name: str, data: Mapping[str, np.ndarray], class_names: Sequence[str], splits: Sequence[str]
) -> str:
    """Return a table of the splits, and a sheet of training images with the names of their classes.

    Without Pillow, and for what is no images, there are only the numbers of images.

    Args:
        name: of the data set.
        data: its arrays.
        class_names: the name of each label.
        splits: those that may be there.
    """
    there = [split for split in splits if f"y_{split}" in data]
    rows = [(split, f"{len(data[f'y_{split}']):,}", _shape(data[f"X_{split}"])) for split in there]
    caption = f"{name}: {len(class_names)} classes"
    table = html.table(("split", "images", "each"), rows, ("images",), caption)
    return table + (_classes(data, class_names, there[0]) if there else "")


def _shape(images: np.ndarray) -> str:
    return f"{'x'.join(map(str, images.shape[1:]))} {images.dtype}"


def _classes(data: Mapping[str, np.ndarray], names: Sequence[str], split: str) -> str:
    """A row a class: its name, how many images of it there are, and the first of them."""
    images, labels = data[f"X_{split}"], np.asarray(data[f"y_{split}"])
    counts = np.bincount(labels, minlength=len(names))
    rows = []
    for label, name in list(enumerate(names))[:MOST_CLASSES]:
        first = np.flatnonzero(labels == label)[:COLUMNS]
        rows.append((name, f"{counts[label]:,}", _strip(images, first, name)))
    more = len(names) - len(rows)
    caption = f"{split}: the first images of each class"
    if more > 0:
        caption += f"; {more} more classes are not shown"
    return html.table(("class", "images", ""), rows, ("images",), caption, raw=("",))


def _strip(images: np.ndarray, chosen: np.ndarray, name: str) -> str:
    """Some images side by side, as HTML; "" where there is nothing to show."""
    if images.ndim != 4 or not len(chosen) or 0 in images.shape[1:]:
        return ""
    step = max(1, -(-max(images.shape[2:]) // SIDE))
    pixels = _as_bytes(np.stack([images[int(i)] for i in chosen])[:, :, ::step, ::step])
    if pixels.shape[1] != 3:
        pixels = np.repeat(pixels[:, :1], 3, axis=1)
    padded = np.pad(pixels, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=255)
    row = padded.transpose(2, 0, 3, 1).reshape(pixels.shape[2], -1, 3)
    try:
        content = html.png(row)
    except ImportError:
        return ""
    width = round(SHOWN * row.shape[1] / row.shape[0])
    return html.picture(content, f"the first {len(chosen)} images of {name}", width)


def _as_bytes(images: np.ndarray) -> np.ndarray:
    """Images as uint8; of others the range of all their finite values becomes 0 to 255."""
    if images.dtype == np.uint8:
        return images
    values = images.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    scaled = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1)
    return np.rint(255 * scaled).astype(np.uint8)

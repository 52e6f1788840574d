"""What the readers of official files share: the division, the cache, and the data set."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from cnnlite.data.cache import cached_arrays
from cnnlite.data.dataset import SPLITS, Dataset, Normalization
from cnnlite.data.places import Source
from cnnlite.data.splits import validates

__all__ = ["Images", "official_dataset"]

Images = tuple[np.ndarray, np.ndarray]
"""Images uint8 (N, C, H, W) and labels int64 (N,)."""


def official_dataset(
    source: Source,
    class_names: Sequence[str],
    val: float,
    seed: int,
    cache: bool,
    read: Callable[[], tuple[Images, Images]],
) -> Dataset:
    """Return a data set of files that have a training and a test part.

    Args:
        source: where they are.
        class_names: the name of each label.
        val: the share of each class's training images that validates.
        seed: which of them do.
        cache: keep the images as mapped files in the cache folder.
        read: reads the training part and the test part.
    """

    def make() -> Mapping[str, np.ndarray]:
        (images, labels), (test_images, test_labels) = read()
        chosen = validates(labels, val, seed)
        return {
            "X_train": images[~chosen], "y_train": labels[~chosen],
            "X_val": images[chosen], "y_val": labels[chosen],
            "X_test": test_images, "y_test": test_labels,
        }  # fmt: skip

    name = source.layout.name
    keys = [f"{kind}_{split}" for split in SPLITS for kind in "Xy"]
    files = [source.archive] if source.archive else source.present()
    arrays = cached_arrays(f"{name}-{val:g}-{seed}", files, keys, make) if cache else make()
    # Labels are small, and often picked from: they are read.
    splits = {key: np.array(arrays[key]) if key[0] == "y" else arrays[key] for key in keys}
    normalization = Normalization.from_images(splits["X_train"])
    settings = {"kind": name, "val": val, "seed": seed}
    return Dataset(splits, class_names, normalization, name, settings)

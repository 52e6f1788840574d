"""CIFAR-10 for a search: tests on 5,000 of the training images, so no choice sees a test image.

    python -m benchmarks.record.held_out held.npz
    cnnlite train --recipe fast90 --data held.npz --train-sizes 24,32@4

The file has 45,000 images to train on, the 1,000 of validation, and as X_test those 1,000 and the
4,000 training images that are left.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.record.folders import checked_data

TRAINED = 45_000


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="the .npz file to write")
    path, images = parser.parse_args().file, checked_data()
    arrays = {
        f"{kind}_{split}": images[f"{kind}_{split}"] for kind in "Xy" for split in ("train", "val")
    }
    for kind in "Xy":
        train, val = (arrays[f"{kind}_{split}"] for split in ("train", "val"))
        arrays[f"{kind}_train"] = train[:TRAINED]
        arrays[f"{kind}_test"] = np.concatenate([train[TRAINED:], val])
    np.savez(path, allow_pickle=False, **arrays)
    print(", ".join(f"{name} {array.shape}" for name, array in arrays.items()))


if __name__ == "__main__":
    main()

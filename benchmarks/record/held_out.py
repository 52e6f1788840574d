"""CIFAR-10 for a search: tests on 5,000 of the training images, so no choice sees a test image.

    python -m benchmarks.record.held_out held.npz
    cnnlite train --recipe minutes5 --data held.npz --train-sizes 24,32@4
    python -m benchmarks.record.held_out held.npz --validation
    cnnlite sweep benchmarks/record/vanilla.toml

The file has 45,000 images to train on, the 1,000 of validation, and as X_test those 1,000 and the
4,000 training images that are left.  With --validation these 5,000 are what a sweep compares by,
X_val, and there is no X_test.
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
    parser.add_argument("--validation", action="store_true", help="they are X_val, for a sweep")
    arguments, images = parser.parse_args(), checked_data()
    name = "val" if arguments.validation else "test"
    arrays = {
        f"{kind}_{split}": images[f"{kind}_{split}"] for kind in "Xy" for split in ("train", "val")
    }
    for kind in "Xy":
        train, val = (arrays[f"{kind}_{split}"] for split in ("train", "val"))
        arrays[f"{kind}_train"] = train[:TRAINED]
        arrays[f"{kind}_{name}"] = np.concatenate([train[TRAINED:], val])
    np.savez(arguments.file, allow_pickle=False, **arrays)
    print(", ".join(f"{name} {array.shape}" for name, array in arrays.items()))


if __name__ == "__main__":
    main()

"""A folder of pictures decoded into the cache, beside plain Pillow on all cores.

    python -m benchmarks.decoding                        # 10,000 pictures of 256x256, in 10 folders
    python -m benchmarks.decoding --pictures 2000 --sizes 64 0

Prints the pictures a second of `cnnlite.data.folder`, from listing to the finished data set, and
those of Pillow alone in a pool of as many processes: `Image.open(path).convert("RGB")`, scaled by
`ImageOps.fit` where a size is asked for, as an array that is thrown away. Each of them runs several
times, in turns; the medians and their ratio are printed, the same of the processors' time (which
other programs disturb less), and the time of a second call, which maps what was decoded. Size 0
takes pictures as they are.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from benchmarks.text import table
from cnnlite import data

SIDE, QUALITY = 256, 90
CHUNK = 50  # pictures that a process of the pool is given at once


def main() -> None:
    """Draw the pictures, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 0])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "pictures"
        os.environ["CNNLITE_CACHE"] = str(Path(place) / "cache")
        draw(root, arguments.pictures)
        rows = [row(root, size, arguments.rounds) for size in arguments.sizes]
    print(f"{arguments.pictures} JPEG pictures of {SIDE}x{SIDE}, {os.cpu_count()} cores")
    print(table(["size", "cnnlite", "Pillow", "ratio", "of processor time", "second call"], rows))


def draw(root: Path, number: int) -> None:
    """Write JPEG pictures of the embedded data set's kind, enlarged, with some grain."""
    images = data.embedded(number, 0, 0)
    rng = np.random.default_rng(0)
    for name in images.class_names:
        (root / name).mkdir(parents=True)
    for i, (pixels, label) in enumerate(zip(images["X_train"], images["y_train"], strict=True)):
        picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
        large = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.int16)
        grain = np.clip(large + rng.integers(-8, 9, (SIDE, SIDE, 1)), 0, 255).astype(np.uint8)
        path = root / images.class_names[label] / f"{i:05d}.jpg"
        Image.fromarray(grain).save(path, quality=QUALITY)


def row(root: Path, size: int, rounds: int) -> list[str]:
    """Measure one size."""
    paths = sorted(map(str, root.rglob("*.jpg")))
    found: dict[str, list[tuple[float, float]]] = {"cnnlite": [], "Pillow": [], "second": []}
    for _ in range(rounds):
        shutil.rmtree(os.environ["CNNLITE_CACHE"], ignore_errors=True)
        for name in ("cnnlite", "second"):
            start = clocks()
            data.folder(root, size=size or None)
            found[name].append(since(start))
        start = clocks()
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            sum(pool.map(partial(plain, size=size), paths, chunksize=CHUNK))
        found["Pillow"].append(since(start))
    wall, busy = (
        {name: statistics.median(t[i] for t in found[name]) for name in found} for i in (0, 1)
    )
    rates = [f"{len(paths) / wall[name]:,.0f}/s" for name in ("cnnlite", "Pillow")]
    ratios = [f"{clock['Pillow'] / clock['cnnlite']:.0%}" for clock in (wall, busy)]
    return [str(size or "as they are"), *rates, *ratios, f"{wall['second']:.2f} s"]


def clocks() -> tuple[float, float]:
    """Return the time, and the processors' time of this process and those that it has ended."""
    return time.perf_counter(), sum(os.times()[:4])


def since(start: tuple[float, float]) -> tuple[float, float]:
    """Return how far the clocks have gone."""
    now = clocks()
    return now[0] - start[0], now[1] - start[1]


def plain(path: str, size: int) -> int:
    """Decode a picture with Pillow alone."""
    with Image.open(path) as picture:
        image = picture.convert("RGB")
    if size:
        image = ImageOps.fit(image, (size, size), Image.Resampling.BOX)
    return np.asarray(image).shape[0]


if __name__ == "__main__":
    main()

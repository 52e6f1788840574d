"""`cnnlite predict`: what a trained network sees in a picture."""

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from cnnlite.cli._group import describe, explained, fail

SIZE = 32  # pixels: the side of the images that the zoo's networks take
# Formats that are pixels and nothing else: Pillow would run a program for some others.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAX_PIXELS = 64 * 2**20  # a file of a few bytes may claim any size; these take 192 MB


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--run", type=click.Path(path_type=Path), help="Run folder.  [default: the newest under runs/]"
)
@click.option(
    "--top", type=click.IntRange(min=1), default=5, show_default=True, help="Classes to list."
)
def predict(image: Path, run: Path | None, top: int) -> None:
    """Print the most likely classes of the picture IMAGE, any size, any common format."""
    from rich.console import Console
    from rich.table import Table

    from cnnlite.cli import runs
    from cnnlite.evaluation import scores_of_batches

    pixels = read_image(image)
    path = run or runs.newest()
    if path is None:
        fail("there is no run under runs/: train one with cnnlite train, or name one with --run")
    with explained(OSError, ValueError):
        opened = runs.open_run(path)
        model = opened.model()

        _, scores = next(scores_of_batches(model, pixels[None], opened.normalization))
    if not np.isfinite(scores).all():
        fail(f"the network of {path} gives scores that are not finite for {image}")
    chances = softmax(scores[0])
    if len(chances) != len(opened.class_names):
        fail(f"{path / runs.RECORD} names {len(opened.class_names)} classes, not {len(chances)}")
    table = Table(box=None, pad_edge=False)
    table.add_column("class")
    table.add_column("probability", justify="right")
    table.add_column()
    for label in chances.argsort()[::-1][:top]:
        bar = "#" * round(20 * chances[label])
        table.add_row(opened.class_names[label], f"{chances[label]:.1%}", bar)
    Console(markup=False, highlight=False).print(table)


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a picture as a network's input: the largest centred square, resized to 32x32.

    Args:
        path: a file in one of FORMATS, of at most MAX_PIXELS. Grey, palette and transparent
            pictures become RGB.

    Returns:
        (3, 32, 32) uint8.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        fail('reading pictures needs Pillow: pip install "cnnlite[viz]"')
    try:
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(f"it has {picture.width} x {picture.height} pixels")
            square = ImageOps.fit(picture.convert("RGB"), (SIZE, SIZE), Image.Resampling.BOX)
    except FileNotFoundError:
        fail(f"{path}: no such file")
    except Exception as error:  # whatever a decoder stumbles over is a fault of the file
        fail(f"{path} cannot be read as a picture: {describe(error)}")
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities (classes,) from scores (classes,), in double precision."""
    shifted = np.exp(scores.astype(np.float64) - scores.max())
    total: NDArray[np.float64] = shifted / shifted.sum()
    return total

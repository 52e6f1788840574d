"""`cnnlite predict`: what a trained network sees in a picture."""

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from cnnlite.cli._group import explained, fail, show_table


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
    from cnnlite.cli import runs
    from cnnlite.data.pictures import read_picture
    from cnnlite.evaluation import scores_of_batches

    with explained(OSError, ValueError, ImportError):
        pixels = read_picture(image)
    path = run or runs.newest_run("name one with --run")
    with explained(OSError, ValueError):
        opened = runs.open_run(path)
        model = opened.model()

        _, scores = next(scores_of_batches(model, pixels[None], opened.normalization))
    if not np.isfinite(scores).all():
        fail(f"the network of {path} gives scores that are not finite for {image}")
    chances = softmax(scores[0])
    if len(chances) != len(opened.class_names):
        fail(f"{path / runs.RECORD} names {len(opened.class_names)} classes, not {len(chances)}")
    best = chances.argsort()[::-1][:top]
    rows = [
        (opened.class_names[label], f"{chances[label]:.1%}", "#" * round(20 * chances[label]))
        for label in best
    ]
    show_table(("class", "probability", ""), rows, ["probability"], [""])


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities (classes,) from scores (classes,), in double precision."""
    shifted = np.exp(scores.astype(np.float64) - scores.max())
    total: NDArray[np.float64] = shifted / shifted.sum()
    return total

"""Draw all figures, or those that are named, into docs/images/figures.

python -m docs.figures [NAME ...]
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

from docs.figures import batch_norm, convolution, ladder, step, winograd
from docs.figures.drawing import STYLE, Figure

FOLDER = Path(__file__).resolve().parents[1] / "images" / "figures"
FIGURES: dict[str, Callable[[], Figure]] = {
    "step": step.training_step,
    "step-floors": step.floors,
    "convolution-forward": convolution.forward,
    "convolution-input-gradient": convolution.input_gradient,
    "convolution-rotated": convolution.rotated,
    "convolution-weight-gradient": convolution.weight_gradient,
    "convolution-stride": convolution.stride,
    "batch-norm-graph": batch_norm.graph,
    "batch-norm-parts": batch_norm.parts,
    "ladder-im2col": ladder.im2col,
    "ladder-panel": ladder.panel,
    "ladder-tiles": ladder.tiles,
    "ladder-rates": ladder.rates,
    "winograd-values": winograd.values,
    "winograd-tiles": winograd.tiles,
    "winograd-products": winograd.products,
    "winograd-errors": winograd.errors,
}


def draw(names: list[str], folder: Path) -> None:
    """Write NAME.svg for each name into a folder; the same bytes from the same matplotlib."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for name in names:
            FIGURES[name]().savefig(folder / f"{name}.svg", metadata={"Date": None})


def main() -> None:
    """Draw what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m docs.figures")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    names = parser.parse_args().names
    for name in names:
        if name not in FIGURES:
            parser.error(f"there is no figure {name!r}; there are {', '.join(FIGURES)}")
    draw(names or list(FIGURES), FOLDER)


if __name__ == "__main__":
    main()

"""Loss, accuracy and learning rate of a training."""

from __future__ import annotations

from cnnlite.report.document import Section, figure
from cnnlite.report.figures.curves import curves as draw
from cnnlite.report.html import table
from cnnlite.report.sections.card import percent
from cnnlite.report.seen import Seen

__all__ = ["curves"]

MOST_ROWS = 100
"""Of the table; of more epochs some are shown, evenly chosen."""


def curves(seen: Seen) -> Section | None:
    """Return the curves of a training; None before its first step."""
    if not seen.history and not seen.losses:
        return None
    rows = list(seen.history)
    if len(rows) > MOST_ROWS:
        step = -(-len(rows) // MOST_ROWS)
        rows = [*rows[:-1:step], rows[-1]]
    headings = ("epoch", "loss", "validation loss", "accuracy", "validation accuracy", "rate")
    numbers = table(
        "Loss and accuracy of each epoch",
        headings,
        [
            (
                str(row["epoch"]), f"{row['loss']:.4f}", f"{row['val_loss']:.4f}",
                percent(row["train_acc"]), percent(row["val_acc"]), f"{row['lr']:.3g}",
            )
            for row in rows
        ],
        headings,
    )  # fmt: skip
    if not seen.history:
        numbers = ""
    caption = (
        "Look for the point from which validation parts from training: from there on the network "
        "learns its training images by heart. The loss of training is the mean over an epoch, "
        "drawn at its middle. The strip below is the learning rate."
        if seen.history
        else "No epoch was completed: the loss of each step, as far as the training came."
    )
    best = seen.best
    label = f"Curves of {len(seen.history)} epochs"
    if best is not None:
        label += f"; the best validation accuracy is {percent(best['val_acc'])}"
    html = figure("curves", caption, label, numbers)
    drawn = draw(seen.history, seen.losses, seen.steps_per_epoch)
    return Section("curves", "Loss and accuracy", html, {"curves": drawn})

"""The history of a training: a list of rows, which a notebook shows as a table."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cnnlite import html

__all__ = ["COLUMNS", "History", "best_epoch", "epochs_table"]

COLUMNS = (  # of an epoch's line: key in the history, name, width and form
    ("epoch", "epoch", 5, "d"),
    ("step", "step", 7, "d"),
    ("lr", "lr", 9, ".6f"),
    ("loss", "loss", 7, ".4f"),
    ("train_acc", "train_acc", 10, ".4f"),
    ("val_loss", "val_loss", 8, ".4f"),
    ("val_acc", "val_acc", 8, ".4f"),
    ("images_per_second", "images/s", 9, ",.0f"),
)
MOST_ROWS = 20


class History(list[dict[str, Any]]):
    """A row for each epoch, as a dict; equal to the list of them."""

    def _repr_html_(self) -> str:
        return epochs_table(self)


def best_epoch(history: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the row of the best epoch; None if no validation accuracy is finite.

    It is the one with the highest validation accuracy; of several, the one with the lowest
    validation loss; of several still, the first.  The accuracy on a thousand images is often the
    same in two epochs, while the loss tells them apart.
    """

    def merit(row: Mapping[str, Any]) -> tuple[float, float]:
        loss = row.get("val_loss", math.nan)
        return row["val_acc"], -math.inf if math.isnan(loss) else -loss

    known = (row for row in history if math.isfinite(row["val_acc"]))
    return max(known, key=merit, default=None)


def epochs_table(history: list[dict[str, Any]], most: int = MOST_ROWS) -> str:
    """Return the last epochs as a table; the best one (`best_epoch`) is in bold.

    Args:
        history: a row an epoch.
        most: rows; the best is one of them.
    """
    if not history:
        return "<p>no epoch has ended yet</p>"
    best = best_epoch(history) or history[0]
    shown: list[Mapping[str, Any]] = [*history[-most:]]
    if best not in shown:
        shown = [best, *history[1 - most :]]
    names = [name for _, name, _, _ in COLUMNS]
    rows = [[f"{row[key]:{form}}" for key, _, _, form in COLUMNS] for row in shown]
    caption = f"{len(history)} epochs: best val_acc {best['val_acc']:.4f} in epoch {best['epoch']}"
    if len(shown) < len(history):
        caption += f"; {len(history) - len(shown)} of them are not shown"
    return html.table(names, rows, names, caption, [shown.index(best)])

"""What the network made of the same images while it learned: filters and maps over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnlite.report.document import Section, array, slider
from cnnlite.report.html import paragraphs
from cnnlite.report.kept import Kept
from cnnlite.report.pictures import sprites
from cnnlite.report.seen import Seen
from cnnlite.training.kept_sheet import filter_pictures

__all__ = ["learning"]

IMAGES, MAPS, FILTERS, EPOCHS = 4, 8, 64, 40
"""Of what was kept, so much is in a page."""
MAP_BYTES = 1_500_000
LEAD = (
    "What was kept of the training: the same images after each epoch. Move the slider and watch "
    "filters become edges and colours, and maps become quiet where there is nothing to see."
)


def learning(seen: Seen) -> Section | None:
    """Return the section; None where no epoch was kept."""
    kept = seen.kept
    if not kept:
        return None
    last = kept[-1]
    filters = [one.filters for one in kept if one.filters is not None]
    paths = [path for path in last.maps if all(_same(path, one, last) for one in kept)]
    if len(filters) < len(kept) and not paths:
        return None
    paths, images, step = _within(last, paths, len(kept))
    shown = sorted({*range(0, len(kept), step), len(kept) - 1})
    some = [kept[i] for i in shown]
    kinds = {row.name: row.text for row in seen.layers}
    data: dict[str, Any] = {
        "epochs": [one.epoch for one in kept],
        "shown": [one.epoch for one in some],
        "place": (np.searchsorted(shown, np.arange(len(kept)), "right") - 1).tolist(),
        "filters": None,
        "layers": [_layer(path, some, images, kinds) for path in paths],
        "sheet": sprites(last.images[:images]),
        "labels": [_name(seen.classes, label) for label in last.labels[:images].tolist()],
        "scores": [
            [_number(value) for value in one.scores[:images].ravel().tolist()] for one in some
        ],
        "classes": list(seen.classes),
    }
    if len(filters) == len(kept) and len({one.shape for one in filters}) == 1:
        pictures = [filter_pictures(filters[i][:FILTERS]) for i in shown]
        data["filters"] = array(np.stack(pictures))
    notes = []
    if len(paths) < len(last.statistics) or step > 1 or images < len(last.images):
        every = f"one kept epoch in {step}, " if step > 1 else ""
        notes.append(
            f"To keep this page small it shows {every}{images} of {len(last.images)} images and "
            f"up to {MAPS} maps of {len(paths)} layers; the run folder has more of them."
        )
    html = paragraphs([LEAD], "lead") + slider(data["epochs"])
    html += '<div class="inside" id="learning-place"></div>' + paragraphs(notes)
    return Section("learning", "Filters and maps while it learned", html, data=data)


def _same(path: str, one: Kept, last: Kept) -> bool:
    return path in one.maps and one.maps[path].shape == last.maps[path].shape


def _within(last: Kept, paths: list[str], epochs: int) -> tuple[list[str], int, int]:
    """Return which layers, how many images and which epochs fit into a page."""
    images = min(IMAGES, len(last.images))

    def size(chosen: Sequence[str]) -> int:
        shapes = [last.maps[path].shape for path in chosen]
        return sum(images * min(MAPS, m) * h * w for _, m, h, w in shapes)

    if len(paths) > 10:
        paths = [paths[i] for i in np.linspace(0, len(paths) - 1, 10).round().astype(int)]
    while len(paths) > 1 and size(paths) * min(epochs, 5) > MAP_BYTES:
        del paths[len(paths) // 2]
    step = 1
    while epochs > step and (
        epochs > EPOCHS * step or size(paths) * -(-epochs // step) > MAP_BYTES
    ):
        step *= 2
    return paths, images, step


def _layer(path: str, kept: Sequence[Kept], images: int, kinds: dict[str, str]) -> dict[str, Any]:
    maps = np.stack([one.maps[path][:images, :MAPS] for one in kept])
    ranges = np.stack([one.ranges[path][:images, :MAPS] for one in kept])
    return {
        "name": path,
        "text": kinds.get(path, ""),
        "maps": array(maps),
        "ranges": array(ranges.astype(np.float32)),
    }


def _name(classes: Sequence[str], label: int) -> str:
    return classes[label] if 0 <= label < len(classes) else "unknown"


def _number(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None

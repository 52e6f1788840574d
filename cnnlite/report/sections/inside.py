"""The network itself, in the page: how each number of each map was computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.data import batches
from cnnlite.layers.trace import trace
from cnnlite.report.document import Section, array
from cnnlite.report.html import paragraphs
from cnnlite.report.inside.choice import chosen
from cnnlite.report.inside.graph import Node, as_plain, graph
from cnnlite.report.pictures import sprites
from cnnlite.report.seen import Seen
from cnnlite.training.evaluation import model_dtype
from cnnlite.training.probing import as_pictures

__all__ = ["inside"]

LEAD = (
    "This is the run's own network, and it runs in this page. Choose an image, a layer and a map, "
    "and point at a pixel: below is the patch that the layer saw, the weights it was multiplied "
    "with, and their sum. Arrow keys move the pixel."
)


def inside(seen: Seen) -> Section | None:
    """Return the section; None where there is no network, or no image to show it with."""
    answers = seen.answers
    if answers is None or seen.model is None or answers.images.ndim not in (2, 3, 4):
        return None
    positions = chosen(answers)
    images = answers.images[positions]
    x = batches.gather(images, np.arange(len(images)), seen.normalization, model_dtype(seen.model))
    try:
        nodes = graph(x, trace(seen.model, x))
    except Exception as error:  # a layer of one's own may raise anything
        text = f"The network could not be looked into: {type(error).__name__}: {error}"
        return Section("inside", TITLE, paragraphs([text]))
    labels = answers.labels[positions].tolist()
    data = {
        "nodes": as_plain(nodes),
        "images": _images(images, x, seen),
        "sheet": sprites(as_pictures(images)),
        "names": [answers.name(image) for image in positions],
        "labels": [seen.classes[label] for label in labels],
        "said": [_said(seen, image) for image in positions],
        "classes": list(seen.classes),
    }
    html = paragraphs([LEAD], "lead") + '<div class="inside" id="inside-place"></div>'
    html += paragraphs(_left_out(nodes))
    return Section("inside", TITLE, html, data=data)


TITLE = "How each number was computed"


def _images(images: np.ndarray, x: np.ndarray, seen: Seen) -> dict[str, Any]:
    """Return what a page makes the network's input of: pixels where it can, else numbers."""
    normalization = seen.normalization
    if images.dtype == np.uint8 and images.ndim == 4:
        found: dict[str, Any] = {"values": array(images)}
        if normalization is not None:
            found |= {"scale": array(normalization.scale), "shift": array(normalization.shift)}
        return found
    return {"values": array(x.astype(np.float32))}


def _said(seen: Seen, image: int) -> str:
    """Return what the network took an image for."""
    answers = seen.answers
    assert answers is not None
    label = answers.predicted[image]
    if label == answers.labels[image]:
        return "right"
    return f"as {seen.classes[label]}" if label >= 0 else "no answer"


def _left_out(nodes: list[Node]) -> list[str]:
    """Return sentences that say what the page does not have."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for node in nodes[1:]:
        if node.why:
            what = "how the numbers were computed of" if node.given else "the numbers of"
            reasons.setdefault((what, node.why), []).append(node.name or node.kind)
    return [
        f"Left out of this page: {what} {_listed(names)} ({why})."
        for (what, why), names in reasons.items()
    ]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"

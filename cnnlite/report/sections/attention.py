"""Where the network looks: Grad-CAM and occlusion, for some images and their likeliest classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnlite.data import batches
from cnnlite.layers import Layer
from cnnlite.layers.trace import trace
from cnnlite.report.document import Section, array
from cnnlite.report.html import paragraphs
from cnnlite.report.inside.attention import cam_layer, grad_cam, occlusion
from cnnlite.report.inside.choice import chosen
from cnnlite.report.pictures import sprites
from cnnlite.report.seen import Seen
from cnnlite.training.evaluation import model_dtype

__all__ = ["attention"]

CLASSES = 6
"""Of each image: the likeliest, and its own."""
MULTIPLY_ADDS = 40e9
"""Of all occlusions: about a second on two cores; large networks get fewer images."""
LEAD = (
    "Grad-CAM shows where the last feature maps speak for a class. Occlusion covers the image with "
    "a grey square, place by place, and shows where that costs the class its probability. Where "
    "both agree, the network looks there; look for images where that is the background."
)
TITLE = "Where the network looks"


def attention(seen: Seen) -> Section | None:
    """Return the section; None where there is no network, or there are no pictures."""
    answers = seen.answers
    if answers is None or seen.model is None or answers.pictures is None:
        return None
    positions = chosen(answers)
    images = answers.pictures[positions]
    dtype = model_dtype(seen.model)
    x = batches.gather(images, np.arange(len(images)), seen.normalization, dtype)
    chances = answers.probabilities[positions]
    try:
        path = cam_layer(trace(seen.model, x[:1]))
        if path is None:
            return None
        classes = [_classes(row, int(answers.labels[i])) for row, i in
                   zip(chances, positions, strict=True)]  # fmt: skip
        cams = _cams(seen.model, x, classes, path)
        work = seen.model.summary(x[:1].shape).multiply_adds
        covered = _occlusions(seen.model, x, classes, work)
    except Exception as error:  # a layer of one's own may raise anything
        text = f"Where the network looks could not be found: {type(error).__name__}: {error}"
        return Section("attention", TITLE, paragraphs([text]))
    notes = [] if len(covered) == len(x) else [
        f"Left out of this page: occlusion of {len(x) - len(covered)} images, which would have "
        "taken long."
    ]  # fmt: skip
    data: dict[str, Any] = {
        "sheet": sprites(images, 224),
        "names": [answers.name(image) for image in positions],
        "labels": [seen.classes[answers.labels[image]] for image in positions],
        "classes": [[seen.classes[label] for label in row] for row in classes],
        "chances": [[_number(chances[i, label]) for label in row] for i, row in enumerate(classes)],
        "cams": array(cams.astype(np.float32)),
        "layer": path,
        "occlusions": array(covered.astype(np.float32)),
    }
    html = paragraphs([LEAD], "lead") + '<div class="inside" id="attention-place"></div>'
    return Section("attention", TITLE, html + paragraphs(notes), data=data)


def _number(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


def _classes(chances: np.ndarray, own: int) -> list[int]:
    """Return the likeliest classes, with its own among them."""
    order = np.argsort(-np.nan_to_num(chances), kind="stable")[:CLASSES].tolist()
    return order if own in order else [*order[: CLASSES - 1], own]


def _cams(model: Layer, x: np.ndarray, classes: list[list[int]], path: str) -> np.ndarray:
    """Return (K, classes, h, w)."""
    columns = [
        grad_cam(model, x, [row[k] for row in classes], path) for k in range(len(classes[0]))
    ]
    return np.stack(columns, axis=1)


def _occlusions(model: Layer, x: np.ndarray, classes: list[list[int]], work: float) -> np.ndarray:
    """Return (some of K, classes, rows, columns): what covering a place leaves of a class."""
    first = occlusion(model, x[0])
    number = int(MULTIPLY_ADDS // max(1.0, work * first[..., 0].size))
    found = [first, *(occlusion(model, image) for image in x[1 : max(1, number)])]
    return np.stack([np.moveaxis(chances[:, :, row], 2, 0)
                     for chances, row in zip(found, classes, strict=False)])  # fmt: skip

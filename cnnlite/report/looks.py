"""Looks inside one trained network, each a figure: filters, maps, a number, an image's regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cnnlite.checks.numbers import integer
from cnnlite.data import batches
from cnnlite.layers import Layer
from cnnlite.layers.trace import Ran, trace
from cnnlite.report.answers import Answers
from cnnlite.report.figures import inside as draw
from cnnlite.report.inside.attention import grad_cam, occlusion
from cnnlite.report.inside.difficulty import easiest, hardest, losses
from cnnlite.report.inside.pixel import computed
from cnnlite.report.inside.rules import as_images
from cnnlite.report.seen import Seen
from cnnlite.terminal import did_you_mean
from cnnlite.training.evaluation import model_dtype

__all__ = ["LOOKS", "Missing"]

SHOWN = 16  # pictures of mistakes


class Missing(ValueError):
    """A training has nothing to show in a figure; the message says what is missing."""


def filters(seen: Seen) -> go.Figure:
    """Draw the filters of the first layer that has any."""
    for _, leaf in _model(seen).leaves():
        weight = leaf.params.get("weight")
        if weight is not None and weight.ndim in (3, 4):
            return draw.filters(weight)
    raise Missing("the network has no convolution")


def maps(seen: Seen, image: int = 0, layer: str | None = None) -> go.Figure:
    """Draw what a layer gives for an image.

    Args:
        seen: the training.
        image: its place among the images that the network was asked of.
        layer: its path in the network, as in the keys of its parameters; None for the first.
    """
    return draw.maps(as_images(_ran(seen, image, layer)[0].y)[0])


def pixel(
    seen: Seen, image: int = 0, layer: str | None = None, place: Sequence[int] | None = None
) -> go.Figure:
    """Draw how a number that a layer gives was computed.

    Args:
        seen, image, layer: as for `maps`.
        place: channel, row and column of the number; None for the largest.
    """
    ran, runs = _ran(seen, image, layer)
    if place is None:
        largest = int(np.argmax(np.nan_to_num(ran.y[0], nan=-np.inf)))
        place = [int(i) for i in np.unravel_index(largest, ran.y.shape[1:])]
    found = computed(ran, 0, place, runs)
    if found is None:
        raise Missing(f"what {ran.layer!r} computes is not known")
    where = ", ".join(map(str, place))
    return draw.computation(found, f"{type(ran.layer).__name__} {ran.path}, number ({where})")


def cam(
    seen: Seen, image: int = 0, label: int | str | None = None, layer: str | None = None
) -> go.Figure:
    """Draw where the last maps speak for a class (Grad-CAM).

    Args:
        seen, image: as for `maps`.
        label: the class, by number or name; None for what the network says.
        layer: whose maps; None for the last ones.
    """
    answers, x, chosen = _pictured(seen, image, label)
    values = grad_cam(_model(seen), x, [chosen], layer)[0]
    return draw.heat(_picture(answers, image), values, f"Grad-CAM: {seen.classes[chosen]}")


def occluded(seen: Seen, image: int = 0, label: int | str | None = None) -> go.Figure:
    """Draw where covering an image costs a class its probability.

    Args:
        seen, image, label: as for `cam`.
    """
    answers, x, chosen = _pictured(seen, image, label)
    values = 1 - occlusion(_model(seen), x[0])[:, :, chosen]
    name = f"where covering costs {seen.classes[chosen]} its probability"
    return draw.heat(_picture(answers, image), values, name)


def mistakes(seen: Seen) -> go.Figure:
    """Draw the most confident mistakes."""
    answers = _answers(seen)
    return _pictures(seen, answers.mistakes[:SHOWN])


def hard(seen: Seen) -> go.Figure:
    """Draw the images with the largest losses."""
    answers = _answers(seen)
    return _pictures(seen, hardest(answers.labels, answers.probabilities, SHOWN))


def easy(seen: Seen) -> go.Figure:
    """Draw the images with the smallest losses."""
    answers = _answers(seen)
    return _pictures(seen, easiest(answers.labels, answers.probabilities, SHOWN))


LOOKS: dict[str, Callable[..., go.Figure]] = {
    "filters": filters,
    "maps": maps,
    "pixel": pixel,
    "grad_cam": cam,
    "occlusion": occluded,
    "mistakes": mistakes,
    "hardest": hard,
    "easiest": easy,
}
"""By the name of the figure."""


def _model(seen: Seen) -> Layer:
    if seen.model is None:
        raise Missing(f"{seen.name} has no network to look into")
    return seen.model


def _answers(seen: Seen) -> Answers:
    if seen.answers is None:
        raise Missing(f"the network of {seen.name} was asked of no images")
    return seen.answers


def _input(seen: Seen, image: int) -> np.ndarray:
    """An image as the network takes it, a batch of one."""
    answers = _answers(seen)
    image = integer("show", "image", image, 0)
    if image >= len(answers.labels):
        raise ValueError(f"show: image is {image}, expected 0 to {len(answers.labels) - 1}")
    one = answers.images[image : image + 1]
    return batches.gather(one, np.arange(1), seen.normalization, model_dtype(_model(seen)))


def _ran(seen: Seen, image: int, layer: str | None) -> tuple[Ran, list[Ran]]:
    """The run of a layer for an image, and of all layers."""
    runs = trace(_model(seen), _input(seen, image))
    leaves = {ran.path: ran for ran in runs}
    if layer is None:
        return next(ran for ran in runs if not ran.layer.children()), runs
    if str(layer) not in leaves:
        raise ValueError(f"show: no layer {layer!r}{did_you_mean(str(layer), leaves)}")
    return leaves[str(layer)], runs


def _pictured(seen: Seen, image: int, label: int | str | None) -> tuple[Answers, np.ndarray, int]:
    """The answers, the image as the network takes it, and the class that is asked about."""
    answers, x = _answers(seen), _input(seen, image)
    if label is None:
        return answers, x, max(0, int(answers.predicted[image]))
    if isinstance(label, str):
        if label not in seen.classes:
            raise ValueError(f"show: no class {label!r}{did_you_mean(label, seen.classes)}")
        return answers, x, list(seen.classes).index(label)
    number = integer("show", "label", label, 0)
    if number >= len(seen.classes):
        raise ValueError(f"show: label is {number}, expected 0 to {len(seen.classes) - 1}")
    return answers, x, number


def _picture(answers: Answers, image: int) -> np.ndarray:
    if answers.pictures is None:
        raise Missing("the images are no pictures")
    return answers.pictures[image]


def _pictures(seen: Seen, places: Any) -> go.Figure:
    """Pictures with what they are, and what they are taken for."""
    answers = _answers(seen)
    if answers.pictures is None:
        raise Missing("the images are no pictures")
    if not len(places):
        raise Missing("there are none")
    loss = losses(answers.labels, answers.probabilities)
    captions = []
    for place in places.tolist():
        said = answers.predicted[place]
        taken = seen.classes[said] if said >= 0 else "no answer"
        own = seen.classes[answers.labels[place]]
        second = f"loss {loss[place]:.2f}" if taken == own else f"as {taken}"
        captions.append(f"{own}\n{second}")
    return draw.pictures(answers.pictures[places], captions)

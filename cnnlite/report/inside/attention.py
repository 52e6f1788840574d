"""Where a network looks: Grad-CAM, and occlusion."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnlite.checks.labels import check_indices
from cnnlite.checks.numbers import count
from cnnlite.layers import Layer
from cnnlite.layers.trace import Ran, run_noting
from cnnlite.quiet import quiet
from cnnlite.report.answers import softmax
from cnnlite.report.inside.rules import as_images
from cnnlite.training.probing import CONVOLUTIONS

__all__ = ["cam_layer", "grad_cam", "occlusion"]


def cam_layer(runs: Sequence[Ran]) -> str | None:
    """Return the path of the layer that Grad-CAM looks at, None where no layer has maps.

    It is the last one that has maps of the size that the last convolution gives: usually the
    activation behind it.

    Args:
        runs: what `trace` returned.
    """
    leaves = [ran for ran in runs if not ran.layer.children() and _is_maps(ran.y)]
    last = [i for i, ran in enumerate(leaves) if isinstance(ran.layer, CONVOLUTIONS)]
    if not last:
        return leaves[-1].path if leaves else None
    place = last[-1]
    shape = leaves[place].y.shape
    while place + 1 < len(leaves) and leaves[place + 1].y.shape == shape:
        place += 1
    return leaves[place].path


@quiet
def grad_cam(
    model: Layer, x: np.ndarray, classes: Sequence[int] | np.ndarray, path: str | None = None
) -> np.ndarray:
    """Return where a layer speaks for a class: its maps, weighted by the class's mean gradient.

    Args:
        model: a network that gives scores (N, classes); it stays as it is.
        x: a batch as the network takes it, (N, C, H, W) or (N, C, L).
        classes: the class of each image, integers (N,).
        path: the layer; None takes that of `cam_layer`.

    Returns:
        float64 (N, h, w), of the layer's size, from 0; not scaled.

    Raises:
        ValueError: no layer has maps, or there is no such layer, or no such class.

    Source:
        Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based
        localization", ICCV 2017, equations 1 and 2.
    """
    model = copy.deepcopy(model)
    runs: list[Ran] = []
    scores, cache = run_noting(model, x, runs.append)
    chosen = cam_layer(runs) if path is None else path
    found = [ran for ran in runs if ran.path == chosen and not ran.layer.children()]
    if not found or not _is_maps(found[-1].y):
        paths = ", ".join(ran.path for ran in runs if not ran.layer.children() and _is_maps(ran.y))
        raise ValueError(f"grad_cam: path is {path!r}, expected a layer with maps: {paths or None}")
    index = check_indices("grad_cam", "classes", np.asarray(classes), scores.shape[1])
    if index.shape != (len(x),):
        raise ValueError(f"grad_cam: classes have shape {index.shape}, expected ({len(x)},)")
    dscores = np.zeros_like(scores)
    dscores[np.arange(len(x)), index] = 1
    gradient = as_images(_gradient_at(model, found[-1], dscores, cache)).astype(np.float64)
    maps = as_images(found[-1].y).astype(np.float64)
    weights = gradient.mean(axis=(2, 3), keepdims=True)
    return np.maximum((weights * maps).sum(axis=1), 0)


def _is_maps(y: np.ndarray) -> bool:
    return y.ndim in (3, 4) and y[0, 0].size > 1


def _gradient_at(model: Layer, ran: Ran, dscores: np.ndarray, cache: Any) -> np.ndarray:
    """Return the gradient of a layer's output, as it comes by in the backward pass of a copy."""
    if ran.layer is model:
        return dscores
    passed: list[np.ndarray] = []
    backward = ran.layer.backward

    def listening(dy: np.ndarray, cache: Any, need_dx: bool = True) -> Any:
        if cache is ran.cache:  # the layer may stand in several places
            passed.append(dy.copy())  # its memory may be used for the next gradient
        return backward(dy, cache, need_dx)

    ran.layer.backward = listening
    try:
        model.backward(dscores, cache)
    finally:
        del ran.layer.backward
    return sum(passed[1:], passed[0])


@quiet
def occlusion(
    model: Layer,
    x: np.ndarray,
    size: int | None = None,
    stride: int | None = None,
    fill: float = 0.0,
    batch_size: int = 128,
) -> np.ndarray:
    """Return what a network says of an image while a square of it is covered, place by place.

    Args:
        model: a network that gives scores (N, classes).
        x: one image as the network takes it, (C, H, W).
        size: pixels of the square's side; None takes a quarter of the shorter side.
        stride: from place to place; None takes half the size.  One that is longer than the image
            gives one place, in its middle.
        fill: what is put there, in the network's own numbers: 0 is the mean of normalised images.
        batch_size: covered images at a time.

    Returns:
        float64 (rows, columns, classes): the probabilities (softmax of the scores) with the
        square's centre at row * stride + stride // 2, column likewise, so that the centres cover
        the image evenly.  NaN where scores are not finite.

    Raises:
        TypeError, ValueError: x is no image, or a number is no integer from 1.

    Source:
        Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014,
        section 4.2.
    """
    if not isinstance(x, np.ndarray) or x.ndim != 3 or not x.size:
        raise ValueError(f"occlusion: x has shape {np.shape(x)}, expected (C, H, W)")
    height, width = x.shape[1:]
    size = max(1, min(height, width) // 4) if size is None else count("occlusion", "size", size)
    stride = max(1, size // 2) if stride is None else count("occlusion", "stride", stride)
    batch_size = count("occlusion", "batch_size", batch_size)
    rows, columns = (range(min(stride, length) // 2, length, stride) for length in (height, width))
    centres = [(row, column) for row in rows for column in columns]
    said = []
    for start in range(0, len(centres), batch_size):
        some = centres[start : start + batch_size]
        covered = np.repeat(x[None], len(some), axis=0)
        for image, (row, column) in zip(covered, some, strict=True):
            top, left = row - size // 2, column - size // 2
            image[:, max(0, top) : top + size, max(0, left) : left + size] = fill
        said.append(model(covered))
    return softmax(np.concatenate(said)).reshape(len(rows), len(columns), -1)

"""The exercise focal-loss: rare classes and easy images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnlite.exercises.parts import Case, Exercise, Part, Suspect, numbers
from cnnlite.functional import focal_loss_backward, focal_loss_forward
from cnnlite.losses import class_balanced_weight

__all__ = ["FOCAL_LOSS"]


def effective_cases(rng: np.random.Generator) -> list[Case]:
    counts = np.array([500.0, 40.0, 3.0])
    other = rng.integers(2, 400, 5).astype(np.float64)
    return [_effective(counts, 0.9), _effective(other, 0.99), _effective(counts, 0.0)]


def _effective(counts: np.ndarray, beta: float) -> Case:
    right = (1 - beta**counts) / (1 - beta)
    suspects = (
        Suspect("the number of images itself; beta is not used", lambda: counts.copy()),
        Suspect("the division by 1 - beta is missing", lambda: 1 - beta**counts),
        Suspect("beta and the counts are swapped in the power", lambda: _swapped(counts, beta)),
        Suspect("it is turned upside down: this is the weight, without its scale",
                lambda: 1 / right),
    )  # fmt: skip
    inputs = {"counts": counts, "beta": beta}
    return Case("effective_number(counts, beta)", inputs, right, suspects)


def _swapped(counts: np.ndarray, beta: float) -> np.ndarray:
    return (1 - counts**beta) / (1 - beta)


def weight_cases(rng: np.random.Generator) -> list[Case]:
    counts = np.array([500.0, 40.0, 3.0])
    other = rng.integers(2, 400, 5).astype(np.float64)
    settings = (counts, 0.9), (other, 0.99), (counts, 0.999), (counts, 0.0)
    return [_weight(counts, beta) for counts, beta in settings]


def _weight(counts: np.ndarray, beta: float) -> Case:
    right = class_balanced_weight(counts, beta)
    effective = (1 - beta**counts) / (1 - beta)
    suspects = (
        Suspect("the weights are not scaled; their sum is to be the number of classes",
                lambda: 1 / effective),
        Suspect("the sum of the weights is 1; it is to be the number of classes",
                lambda: right / len(right)),
        Suspect("frequent classes weigh more; it is to be the other way round",
                lambda: effective * len(effective) / effective.sum()),
        Suspect("inverse to the number of images, not to the effective number",
                lambda: len(counts) / counts / (1 / counts).sum()),
    )  # fmt: skip
    call = "class_weights(counts, beta)"
    return Case(call, {"counts": counts, "beta": beta}, right, suspects)


Given = dict[str, Any]


def cases_of(make: Callable[[Given, str], Case]) -> Callable[[np.random.Generator], list[Case]]:
    def cases(rng: np.random.Generator) -> list[Case]:
        made = []
        for n, classes, gamma in ((4, 3, 2.0), (5, 4, 0.5), (3, 3, 0.0)):
            targets = rng.integers(classes, size=n)
            targets[:2] = 0, classes - 1
            weight = rng.uniform(0.3, 2, classes).round(2)
            made.append(make(_given(numbers(rng, n, classes), targets, gamma, weight), ""))
        large = np.array([[1000.0, 0.0, 999.0], [-1000.0, 1000.0, -1000.0], [0.0, 3000.0, 1.0]])
        given = _given(large, np.array([0, 1, 0]), 2.0, np.array([1.0, 0.5, 2.0]))
        return [*made, make(given, "large scores")]

    return cases


def _given(scores: np.ndarray, targets: np.ndarray, gamma: float, weight: np.ndarray) -> Given:
    return {"scores": scores, "targets": targets, "gamma": gamma, "weight": weight}


def _value(given: Given) -> float:
    losses = focal_loss_forward(
        given["scores"], given["targets"], given["gamma"], given["weight"], "none"
    )[0]
    return float(np.mean(losses))


def _loss(given: Given, note: str) -> Case:
    call, right = "focal_loss(scores, targets, gamma, weight)", _value(given)
    if note:
        return Case(call, given, right, note=note)
    scores, targets, gamma, weight = given.values()
    rows = np.arange(len(scores))
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    p_right, w = p[rows, targets], weight[targets]
    suspects = [
        Suspect("the losses are summed; their mean is asked for (1/N)",
                lambda: right * len(scores)),
        Suspect("divided by the sum of the weights; the mean over the N images is asked for",
                lambda: right * len(scores) / w.sum()),
        Suspect("the class weights are missing", lambda: _value({**given, "weight": weight**0})),
        Suspect("the weights are those of the images' numbers, not of their classes",
                lambda: -np.mean(weight[rows % len(weight)] * (1 - p_right)**gamma
                                 * np.log(p_right))),
    ]  # fmt: skip
    if gamma:
        suspects += [
            Suspect("the factor (1 - p)^gamma is missing", lambda: _value({**given, "gamma": 0.0})),
            Suspect("the factor is p^gamma; what is easy should count little, not much",
                    lambda: -np.mean(w * p_right**gamma * np.log(p_right))),
            Suspect("the factor is gamma * (1 - p); gamma is an exponent",
                    lambda: -np.mean(w * gamma * (1 - p_right) * np.log(p_right))),
        ]  # fmt: skip
    return Case(call, given, right, tuple(suspects))


def _gradient(given: Given, note: str) -> Case:
    call = "focal_loss_backward(scores, targets, gamma, weight)"
    scores, targets, gamma, weight = given.values()
    n = len(scores)

    def dscores(gamma: float = gamma, weight: np.ndarray = weight) -> np.ndarray:
        cache = focal_loss_forward(scores, targets, gamma, weight, "sum")[1]
        return np.asarray(focal_loss_backward(cache) / n)

    right = dscores()
    if note:
        return Case(call, given, right, note=note)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    p_right = p[np.arange(n), targets][:, None]
    suspects = [
        Suspect("the 1/N of the mean over the batch is missing", lambda: right * n),
        Suspect("the class weights are missing", lambda: dscores(weight=weight**0)),
    ]
    if gamma:
        suspects += [
            Suspect("(1 - p)^gamma is treated as a constant; p depends on the scores too",
                    lambda: dscores(0.0) * (1 - p_right)**gamma),
            Suspect("this is the gradient of cross-entropy, without (1 - p)^gamma",
                    lambda: dscores(0.0)),
        ]  # fmt: skip
    return Case(call, given, right, tuple(suspects))


INDEX = {"IndexError": "targets are class numbers, one an image: which elements do they choose?"}

FOCAL_LOSS = Exercise(
    "focal-loss",
    "focal loss and class-balanced weights",
    (
        Part("effective", 1, "effective_number", effective_cases),
        Part("weights", 2, "class_weights", weight_cases),
        Part("loss", 3, "focal_loss", cases_of(_loss), hints=INDEX),
        Part("gradient", 4, "focal_loss_backward", cases_of(_gradient), hints=INDEX),
    ),
)

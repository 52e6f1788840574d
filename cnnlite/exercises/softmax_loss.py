"""The exercise softmax-loss."""

from collections.abc import Iterator

import numpy as np

from cnnlite.exercises.parts import Case, Exercise, Part, Suspect, each, numbers
from cnnlite.functional import cross_entropy_backward, cross_entropy_forward

__all__ = ["SOFTMAX_LOSS"]

EPSILONS = tuple(10.0**-digits for digits in range(3, 21))
Operands = tuple[np.ndarray, np.ndarray, str]  # scores, targets, note


def operands(rng: np.random.Generator) -> Iterator[Operands]:
    for n, classes in ((3, 4), (5, 3), (4, 4)):
        targets = rng.integers(classes, size=n)
        targets[:2] = 0, classes - 1  # never all of one class
        yield 2 * numbers(rng, n, classes), targets, ""
    large = np.array([[1000.0, 0.0, 999.0], [-1000.0, 1000.0, -1000.0], [0.0, 3000.0, 1.0]])
    yield large, np.array([0, 1, 1]), "large scores"
    unlikely = np.array([[0.0, 800.0], [1.0, -2000.0]])
    yield unlikely, np.array([0, 1]), "the right classes have tiny probabilities"


def _softmax(given: Operands) -> Case:
    scores, _, note = given
    p = _probabilities(scores)
    if note:
        return Case("softmax(scores)", {"scores": scores}, p, note=note)
    suspects = (
        *_badly_normalised(np.exp(scores)),
        *_badly_normalised(np.exp(scores - scores.max(axis=1, keepdims=True))),
        Suspect("these are logarithms of probabilities", lambda: np.log(p)),
        *(_more_than_the_sum(scores, epsilon) for epsilon in EPSILONS),
    )
    return Case("softmax(scores)", {"scores": scores}, p, suspects)


def _more_than_the_sum(scores: np.ndarray, epsilon: float) -> Suspect:
    def p() -> np.ndarray:
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / (e.sum(axis=1, keepdims=True) + epsilon)

    return Suspect("an epsilon is added to the sum, as in e / (e.sum() + 1e-8); the sum is never 0 "
                   "once the largest score is subtracted", p)  # fmt: skip


def _badly_normalised(e: np.ndarray) -> tuple[Suspect, ...]:
    return (
        Suspect("normalised over the images (axis 0); the classes are axis 1",
                lambda: e / e.sum(axis=0)),
        Suspect("normalised over the whole array, not image by image", lambda: e / e.sum()),
        Suspect("the exponentials are not divided by their sum", lambda: e),
    )  # fmt: skip


def _loss(given: Operands) -> Case:
    scores, targets, note = given
    call, inputs = "cross_entropy(scores, targets)", {"scores": scores, "targets": targets}
    loss = float(cross_entropy_forward(scores, targets)[0])
    n, classes = scores.shape
    p = _probabilities(scores)
    guarded = [_guarded(p[np.arange(n), targets], epsilon) for epsilon in EPSILONS]
    epsilons = tuple(suspect for pair in guarded for suspect in pair)
    if note:
        return Case(call, inputs, loss, epsilons, note=note)
    suspects = (
        Suspect("the losses are summed; their mean is asked for (1/N)", lambda: loss * n),
        Suspect("divided by N and by C", lambda: loss / classes),
        Suspect("the largest score's class is taken, not the right one",
                lambda: -np.log(p.max(axis=1)).mean()),
        Suspect("the mean probability of the right class, without a logarithm",
                lambda: p[np.arange(n), targets].mean()),
        Suspect("the logarithm of the mean; the mean of the logarithms is asked for",
                lambda: -np.log(p[np.arange(n), targets].mean())),
        Suspect("a logarithm to another base than e", lambda: loss / np.log(10)),
        Suspect("a logarithm to another base than e", lambda: loss / np.log(2)),
        Suspect("the losses are not averaged over the batch",
                lambda: cross_entropy_forward(scores, targets, reduction="none")[0]),
        *epsilons,
    )  # fmt: skip
    return Case(call, inputs, loss, suspects)


def _guarded(right: np.ndarray, epsilon: float) -> tuple[Suspect, Suspect]:
    """Return what an epsilon makes of the loss, given the right classes' probabilities."""
    cause = (
        "an epsilon keeps p away from 0, as in log(p + 1e-8) or log(np.maximum(p, 1e-8)): it "
        "changes the loss; take the logarithm of the sum of exponentials instead"
    )
    return (
        Suspect(cause, lambda: -np.log(right + epsilon).mean()),
        Suspect(cause, lambda: -np.log(np.maximum(right, epsilon)).mean()),
    )


def _gradient(given: Operands) -> Case:
    scores, targets, note = given
    call, inputs = "cross_entropy_backward(scores, targets)", {"scores": scores, "targets": targets}
    right = cross_entropy_backward(cross_entropy_forward(scores, targets)[1])
    if note:
        return Case(call, inputs, right, note=note)
    n, classes = scores.shape
    p = _probabilities(scores)
    suspects = (
        Suspect("the 1/N of the mean over the batch is missing", lambda: right * n),
        Suspect("the right class is treated like the others", lambda: p / n),
        Suspect("the right class is treated like the others, and the 1/N is missing", lambda: p),
        Suspect("divided by N and by C", lambda: right / classes),
        Suspect("the other classes act on the loss too, through the sum",
                lambda: np.where(np.arange(classes) == targets[:, None], right, 0)),
    )  # fmt: skip
    return Case(call, inputs, right, suspects)


def _probabilities(scores: np.ndarray) -> np.ndarray:
    """Return p by way of the loss, which is -log p of the class that is called the right one."""
    columns = [
        cross_entropy_forward(scores, np.full(len(scores), c), reduction="none")[0]
        for c in range(scores.shape[1])
    ]
    return np.exp(-np.stack(columns, axis=1))


INDEX = {"IndexError": "targets are class numbers, one an image: which elements do they choose?"}

SOFTMAX_LOSS = Exercise(
    "softmax-loss",
    "softmax and cross-entropy, forward and backward",
    (
        Part("softmax", 2, "softmax", each(operands, _softmax)),
        Part("loss", 3, "cross_entropy", each(operands, _loss), hints=INDEX),
        Part("gradient", 4, "cross_entropy_backward", each(operands, _gradient), hints=INDEX),
    ),
)

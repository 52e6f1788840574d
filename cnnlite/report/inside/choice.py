"""Which images a page looks into: hard ones, easy ones, and one of each class."""

from __future__ import annotations

import numpy as np

from cnnlite.report.answers import Answers
from cnnlite.report.inside.difficulty import easiest, hardest

__all__ = ["MOST", "chosen"]

MOST = 12
"""Images, at most."""
IMAGE_BYTES = 1_200_000
"""Of all of them."""


def chosen(answers: Answers, number: int = MOST) -> list[int]:
    """Return the positions of some images: a third the hardest, a third the easiest, a third of
    the classes that are not among them yet.

    Args:
        answers: what the network said.
        number: how many, at most; fewer of large images.
    """
    size = max(1, answers.images[:1].nbytes)
    number = min(number, max(1, IMAGE_BYTES // size), len(answers.labels))
    third = -(-number // 3)
    found = dict.fromkeys(hardest(answers.labels, answers.probabilities, third).tolist())
    found |= dict.fromkeys(easiest(answers.labels, answers.probabilities, third).tolist())
    classes = {int(answers.labels[image]) for image in found}
    for image, label in enumerate(answers.labels.tolist()):
        if label not in classes:
            classes.add(label)
            found[image] = None
    found |= dict.fromkeys(np.arange(len(answers.labels)).tolist())
    return list(found)[:number]

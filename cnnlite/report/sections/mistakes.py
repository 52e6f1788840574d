"""The mistakes that a network is most sure of."""

from __future__ import annotations

import numpy as np

from cnnlite.html import details
from cnnlite.report.document import Section
from cnnlite.report.html import paragraphs, table
from cnnlite.report.pictures import sprites
from cnnlite.report.seen import Seen

__all__ = ["mistakes"]

SHOWN = 24
GUESSES = 3


def mistakes(seen: Seen) -> Section | None:
    """Return the most confident mistakes; None where the network was not asked, or made none."""
    answers = seen.answers
    if answers is None or not len(answers.mistakes):
        return None
    chosen = answers.mistakes[:SHOWN]
    names = seen.classes
    said = [
        [(names[label], f"{answers.probabilities[image, label]:.1%}")
         for label in np.argsort(-answers.probabilities[image], kind="stable")[:GUESSES]]
        for image in chosen
    ]  # fmt: skip
    true = [names[answers.labels[image]] for image in chosen]
    count = f"{len(chosen)} of {len(answers.mistakes):,} mistakes, the surest first."
    lead = f"{count} Look for wrong labels, and for what such images have in common."
    html = paragraphs([lead], "lead")
    data: dict[str, object] = {}
    headings = ("image", "true class", "taken for", "next")
    rows = [
        (
            answers.name(image), is_, f"{guesses[0][0]}: {guesses[0][1]}",
            ", ".join(f"{name}: {chance}" for name, chance in guesses[1:]),
        )
        for image, is_, guesses in zip(chosen, true, said, strict=True)
    ]  # fmt: skip
    numbers = table("The most confident mistakes", headings, rows)
    if answers.pictures is None:
        html += numbers
    else:
        html += '<div class="pictures" id="mistake-pictures"></div>'
        html += details("The same as a table", numbers)
        data = {
            "sheet": sprites(answers.pictures[chosen]),
            "names": [answers.name(image) for image in chosen],
            "true": true,
            "said": said,
        }
    return Section("mistakes", "Most confident mistakes", html, data=data)

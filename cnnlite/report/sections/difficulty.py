"""The images that a network finds hardest and easiest."""

from __future__ import annotations

import numpy as np

from cnnlite.html import details
from cnnlite.report.document import Section
from cnnlite.report.html import paragraphs, table
from cnnlite.report.inside.difficulty import easiest, hardest, losses
from cnnlite.report.pictures import sprites
from cnnlite.report.seen import Seen

__all__ = ["difficulty"]

SHOWN = 12
LEAD = (
    "By their loss: minus the logarithm of the probability that the network gave to the true "
    "class. Look for what the hard ones lack that the easy ones have."
)


def difficulty(seen: Seen) -> Section | None:
    """Return the section; None where the network was asked of no images."""
    answers = seen.answers
    if answers is None or not len(answers.labels):
        return None
    loss = losses(answers.labels, answers.probabilities)
    groups = {"Hardest": hardest, "Easiest": easiest}
    html, data = paragraphs([LEAD], "lead"), {}
    for name, choose in groups.items():
        found = choose(answers.labels, answers.probabilities, SHOWN)
        rows = []
        for image in found.tolist():
            said = answers.predicted[image]
            taken = seen.classes[said] if said >= 0 else "nothing: its scores are not finite"
            own = answers.probabilities[image, answers.labels[image]]
            true = seen.classes[answers.labels[image]]
            rows.append((answers.name(image), true, f"{own:.1%}", taken, f"{loss[image]:.3g}"))
        headings = ("image", "true class", "its probability", "taken for", "loss")
        numbers = table(f"The {name.lower()} images", headings, rows, (headings[2], headings[4]))
        html += f"<h3>{name}</h3>"
        if answers.pictures is None:
            html += numbers
            continue
        html += f'<div class="pictures" id="difficulty-{name.lower()}"></div>'
        html += details("The same as a table", numbers)
        data[name.lower()] = {
            "sheet": sprites(answers.pictures[np.asarray(found)]),
            "lines": [[f"{row[1]} {row[2]}", _verdict(row[1], row[3])] for row in rows],
            "labels": [f"image {row[0]}: {row[1]}, taken for {row[3]}" for row in rows],
        }
    return Section("difficulty", "Hardest and easiest images", html, data=data)


def _verdict(true: str, taken: str) -> str:
    return "right" if true == taken else f"taken for {taken}"

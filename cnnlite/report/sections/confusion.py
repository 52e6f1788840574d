"""Which classes are taken for which others, and the images of each such mistake."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from cnnlite.report.answers import Answers
from cnnlite.report.confusion import Confusion
from cnnlite.report.document import Section, figure
from cnnlite.report.figures import answers as draw
from cnnlite.report.html import paragraphs, table
from cnnlite.report.pictures import sprites
from cnnlite.report.sections.card import PARTS, percent
from cnnlite.report.seen import Seen

__all__ = ["confusion"]

PER_CELL = 12
"""Pictures of a cell of the matrix, at most."""
MOST_PICTURES = 600
MOST_LARGE = 200
"""The same of pictures that are larger than `SMALL` on a side."""
SMALL = 48
MOST_IN_TABLE = 20
"""Classes whose matrix is a table too; of more, the most frequent mistakes are."""


def confusion(seen: Seen) -> Section | None:
    """Return the confusion matrix, recall and confidence; None where the network was not asked."""
    answers = seen.answers
    if answers is None:
        return None
    found = Confusion(answers.labels, answers.predicted, seen.classes)
    count, part = len(answers.labels), PARTS[answers.part]
    weights = ", by the weights of the best epoch" if seen.of_best else ""
    lead = f"{percent(found.accuracy)} of {count:,} {part} images are right{weights}."
    if found.unanswered.any():
        lead += f" {found.unanswered.sum():,} have scores that are not finite, and no answer."
    html = paragraphs([lead], "lead")
    pairs = [
        (found.class_names[pair.true], found.class_names[pair.taken_for], f"{pair.images:,}")
        for pair in found.worst_pairs(10)
    ]
    label = f"Confusion matrix of {len(seen.classes)} classes"
    if pairs:
        label += f"; the most frequent mistake is {pairs[0][0]} taken for {pairs[0][1]}"
    matrix = figure(
        "matrix",
        "Blue cells on the diagonal are right, orange ones are mistakes; click a cell to see its "
        "images.",
        label,
        _matrix(found) if len(seen.classes) <= MOST_IN_TABLE else "",
    )
    data: dict[str, object] = {}
    if answers.pictures is not None:
        matrix += _chooser(seen.classes)
        data = _pictures(answers, answers.pictures, found)
    html += f'<div class="split">{matrix}</div><div class="grid">'
    html += figure(
        "recall", "The classes at the top are found least often.",
        "Bars of the share of each class that is found", _recalls(found),
    )  # fmt: skip
    html += figure(
        "confidence", "Wrong answers at the right end are mistakes that the network is sure of.",
        "Histogram of the probability of right and of wrong answers",
    )  # fmt: skip
    if pairs:
        headings = ("true class", "taken for", "images")
        html += table("The most frequent mistakes", headings, pairs, headings[2:])
    html += "</div>"
    figures = {
        "matrix": draw.confusion(found),
        "recall": draw.recall(found),
        "confidence": draw.confidence(answers.confidence, answers.right),
    }
    return Section("confusion", "Confusion matrix", html, figures, data)


def _chooser(classes: Sequence[str]) -> str:
    names = "".join(f'<option value="{i}">{escape(n)}</option>' for i, n in enumerate(classes))
    return (
        '<div class="cell"><p class="choose">'
        f'<label>Images of <select id="cell-true">{names}</select></label> '
        f'<label>taken for <select id="cell-taken">{names}</select></label></p>'
        '<p id="cell-count" role="status"></p><div class="pictures" id="cell-pictures"></div></div>'
    )


def _pictures(answers: Answers, pictures: np.ndarray, found: Confusion) -> dict[str, object]:
    """Choose the pictures of each cell: the surest mistakes, and the least sure right answers."""
    n, confidence = len(found.class_names), answers.confidence
    order = np.argsort(np.where(answers.right, confidence, -confidence), kind="stable")
    cells: dict[tuple[int, int], list[int]] = {}
    for image in order:
        if answers.predicted[image] >= 0:
            cell = int(answers.labels[image]), int(answers.predicted[image])
            if len(cells.setdefault(cell, [])) < PER_CELL:
                cells[cell].append(int(image))
    most = MOST_PICTURES if max(pictures.shape[2:]) <= SMALL else MOST_LARGE
    # In turns, so that each cell has one before any has two; the fullest cells first.
    turns = sorted(
        ((rank, cell[0] == cell[1], -found.matrix[cell], cell, image)
         for cell, images in cells.items() for rank, image in enumerate(images)),
    )  # fmt: skip
    chosen = [image for *_, image in turns[:most]]
    place = {image: number for number, image in enumerate(chosen)}
    return {
        "classes": list(found.class_names),
        "counts": {f"{r},{c}": int(found.matrix[r, c]) for r, c in np.argwhere(found.matrix)},
        "cells": {
            f"{row},{column}": [place[i] for i in images if i in place]
            for (row, column), images in cells.items()
        },
        "captions": [f"{confidence[i]:.0%} sure" for i in chosen],
        "names": [answers.name(i) for i in chosen],
        "sheet": sprites(pictures[chosen]),
        "first": _first(found, n),
    }


def _first(found: Confusion, n: int) -> list[int]:
    """Return the cell that is shown first: the most frequent mistake."""
    pairs = found.worst_pairs(1)
    return [pairs[0].true, pairs[0].taken_for] if pairs else [0, 0]


def _matrix(found: Confusion) -> str:
    headings = ("true class \\ taken for", *found.class_names)
    rows = [
        (name, *(f"{count:,}" if count else "" for count in row))
        for name, row in zip(found.class_names, found.matrix, strict=True)
    ]
    return table("Images of each class by what they are taken for", headings, rows, headings[1:])


def _recalls(found: Confusion) -> str:
    headings = ("class", "images", "recall", "precision")
    rows = [
        (name, f"{count:,}", percent(recall), percent(precision))
        for name, count, recall, precision in zip(
            found.class_names, found.images, found.recall, found.precision, strict=True
        )
        if count
    ]
    return table("Recall and precision of each class", headings, rows, headings[1:])

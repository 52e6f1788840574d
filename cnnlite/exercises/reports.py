"""Grades as files: JSON, a table for spreadsheets, and what Gradescope reads."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from cnnlite.exercises.checking import Verdict
from cnnlite.exercises.grading import Grade

__all__ = ["as_csv", "as_json", "for_gradescope", "one_line"]


def one_line(text: object) -> str:
    """Return a text, which may be a hostile file's name, as one line for a terminal or a file."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def as_json(grades: Sequence[Grade], seed: int) -> str:
    """Return all grades: submissions in order, each with its parts and what was said of them.

    Args:
        grades: of a class.
        seed: of the numbers they were tested with.
    """
    submissions = [
        {
            "submission": grade.submitted.name,
            "file": str(grade.submitted.file or ""),
            "exercise": grade.exercise.name if grade.exercise else None,
            "points": grade.points,
            "max_points": grade.most,
            "parts_passed": grade.passed,
            "parts": [_part(verdict) for verdict in grade.verdicts],
            "imports": list(grade.imports),
            "flagged": list(grade.flagged),
            "problem": grade.problem,
        }
        for grade in grades
    ]
    return json.dumps({"seed": seed, "submissions": submissions}, indent=2) + "\n"


def _part(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.part.name,
        "points": verdict.points,
        "max_points": verdict.part.points,
        "result": verdict.word,
        "message": verdict.message,
    }


def as_csv(grades: Sequence[Grade]) -> str:
    """Return a table with a line for each submission."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        ("submission", "exercise", "parts_passed", "parts", "points", "max_points", "imports",
         "flagged", "problem")
    )  # fmt: skip
    for grade in grades:
        table.writerow(
            (
                _cell(grade.submitted.name), grade.exercise.name if grade.exercise else "",
                grade.passed, len(grade.verdicts), grade.points, grade.most,
                _cell(" ".join(grade.imports)), _cell(" ".join(grade.flagged)), _cell(grade.brief),
            )
        )  # fmt: skip
    return text.getvalue()


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    text = one_line(text)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def for_gradescope(grade: Grade) -> dict[str, Any]:
    """Return a submission's results.json, in the format of Gradescope's autograder.

    Source: Gradescope autograder documentation, "Autograder specifications", output format.
    """
    output = [grade.brief] if grade.problem else []
    if grade.imports:
        output.append(f"imports: {', '.join(grade.imports)}")
    if grade.flagged:
        output.append(f"not allowed in this exercise: {', '.join(grade.flagged)}")
    return {
        "score": grade.points,
        "output": one_line("; ".join(output)),
        "tests": [
            {
                "name": verdict.part.name,
                "score": verdict.points,
                "max_score": verdict.part.points,
                "status": "failed" if verdict.message else "passed",
                "output": verdict.message or "right",
            }
            for verdict in grade.verdicts
        ],
    }

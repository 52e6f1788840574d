"""Exercises: starting files with parts to fill in, and the check that tests them part by part."""

from importlib import resources

from cnnlite.exercises.batch_norm import BATCH_NORM
from cnnlite.exercises.checking import Verdict, check
from cnnlite.exercises.circulant import CIRCULANT
from cnnlite.exercises.convolution import CONVOLUTION
from cnnlite.exercises.dropout import DROPOUT
from cnnlite.exercises.dual import DUAL
from cnnlite.exercises.focal_loss import FOCAL_LOSS
from cnnlite.exercises.grading import Grade, Grading, Submitted, find_submissions
from cnnlite.exercises.im2col import IM2COL
from cnnlite.exercises.linear import LINEAR
from cnnlite.exercises.max_pool import MAX_POOL
from cnnlite.exercises.momentum import MOMENTUM
from cnnlite.exercises.notebook import as_notebook, notebook_name
from cnnlite.exercises.own import load_exercise, reference_part
from cnnlite.exercises.parts import Case, Exercise, Part, Suspect
from cnnlite.exercises.relu import RELU
from cnnlite.exercises.reports import as_csv, as_json, for_gradescope, one_line
from cnnlite.exercises.softmax_loss import SOFTMAX_LOSS
from cnnlite.exercises.starting import template, template_notebook
from cnnlite.exercises.submission import exercise_of
from cnnlite.exercises.tape import TAPE

__all__ = [
    "EXERCISES", "starting_file", "check", "exercise_of",
    "Verdict", "Exercise", "Part", "Case", "Suspect",
    "Grade", "Grading", "Submitted", "find_submissions",
    "as_csv", "as_json", "for_gradescope", "one_line",
    "load_exercise", "reference_part", "template",
    "as_notebook", "notebook_name", "template_notebook",
]  # fmt: skip

EXERCISES = {
    exercise.name: exercise
    for exercise in (
        *(RELU, LINEAR, CIRCULANT, SOFTMAX_LOSS, MOMENTUM, DROPOUT, DUAL, MAX_POOL),
        *(CONVOLUTION, IM2COL, BATCH_NORM, FOCAL_LOSS, TAPE),
    )
}
"""By name, the easiest first."""


def starting_file(name: str) -> str:
    """Return the text that a student begins with.

    Args:
        name: a key of EXERCISES.
    """
    path = resources.files(__name__) / "start" / f"{EXERCISES[name].file}.txt"
    return path.read_text(encoding="utf-8")

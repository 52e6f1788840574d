"""The solutions, and a way to check them without a process each."""

import warnings
from pathlib import Path
from typing import Any

from cnnlite.exercises import EXERCISES, Verdict, check, worker

SOLUTIONS = Path(__file__).parent / "solutions"


def run_here(job: dict[str, Any]) -> dict[str, Any]:
    """Do the calls in this process: for solutions that are wrong, but mean no harm."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return worker.run(job)


def verdict_on(file: Path, name: str, part: str) -> Verdict:
    (verdict,) = check(EXERCISES[name], file, part, run=run_here)
    return verdict

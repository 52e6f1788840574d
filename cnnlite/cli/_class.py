"""`cnnlite exercise check` of a class: one table, and the reports in files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnlite.cli._group import explained, fail, show_table
from cnnlite.cli.places import check_place
from cnnlite.files import replace_file

if TYPE_CHECKING:
    from cnnlite.exercises import Grade

__all__ = ["Reports", "show_class"]


class Reports:
    """The files that are asked for.

    Args:
        json, csv: None for none.
        gradescope: a file; or of several submissions a folder, if its name does not end in .json.
    """

    def __init__(self, json: Path | None, csv: Path | None, gradescope: Path | None) -> None:
        self.json, self.csv, self.gradescope = json, csv, gradescope

    def __bool__(self) -> bool:
        return bool(self._wanted())

    def _wanted(self) -> dict[str, Path]:
        all_of_them = {"json": self.json, "csv": self.csv, "gradescope": self.gradescope}
        return {name: path for name, path in all_of_them.items() if path is not None}

    def check(self) -> None:
        """End the command before any work if a report cannot be written."""
        for name, path in self._wanted().items():
            if path.suffix.lower() in (".py", ".ipynb"):
                fail(f"--{name} {path} would write over a submission; expected another name")
            if path.is_dir() and name != "gradescope":
                fail(f"--{name} {path} is a folder, expected a file")
            check_place(
                path if path.is_dir() else path.parent,
                f"--{name} may name another place", folder=True,
            )  # fmt: skip
            with explained(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, grades: Sequence[Grade], seed: int) -> None:
        """Write what is asked for."""
        from cnnlite.exercises import as_csv, as_json

        with explained(OSError):
            if self.json is not None:
                replace_file(self.json, as_json(grades, seed).encode())
            if self.csv is not None:
                replace_file(self.csv, as_csv(grades).encode())
            if self.gradescope is not None:
                self._write_gradescope(self.gradescope, grades)

    def _write_gradescope(self, path: Path, grades: Sequence[Grade]) -> None:
        from cnnlite.exercises import for_gradescope

        if path.is_dir() or (path.suffix != ".json" and len(grades) > 1):
            for grade in grades:
                # Within the folder, whatever path was given on the command line.
                name = Path(f"{grade.submitted.name}.json")
                own = path.joinpath(
                    *(part for part in name.parts if part not in ("..", name.anchor))
                )
                own.parent.mkdir(parents=True, exist_ok=True)
                replace_file(own, json.dumps(for_gradescope(grade), indent=2).encode())
            return
        results = {grade.submitted.name: for_gradescope(grade) for grade in grades}
        one = next(iter(results.values())) if len(results) == 1 else results
        replace_file(path, json.dumps(one, indent=2).encode())


def show_class(grades: Sequence[Grade]) -> None:
    """Print one table of all submissions, and how many are right."""
    from cnnlite.exercises import one_line

    several = len({grade.exercise.name for grade in grades if grade.exercise}) > 1
    rows = []
    for grade in grades:
        checked = not grade.problem
        row = [
            one_line(grade.submitted.name),
            grade.exercise.name if grade.exercise else "",
            f"{grade.passed}/{len(grade.verdicts)}" if checked else "-",
            f"{grade.points}/{grade.most}" if checked else "-",
            " ".join(grade.imports),
            one_line(grade.brief),
        ]
        rows.append(row if several else [row[0], *row[2:]])
    headings = ["submission", "exercise", "parts", "points", "imports", "what went wrong"]
    if not several:
        headings.remove("exercise")
    show_table(headings, rows, ("parts", "points"), ("imports",))
    checked_ones = [grade for grade in grades if not grade.problem]
    right = sum(grade.right for grade in checked_ones)
    line = f"{len(grades)} submissions: {right} right, {len(checked_ones) - right} not"
    rest = len(grades) - len(checked_ones)
    click.echo(f"\n{line}, {rest} not checked" if rest else f"\n{line}")

"""The results of a gradient check, and how they print."""

from dataclasses import dataclass

from cnnlite import html
from cnnlite.gradcheck.numeric import Index, Skipped


@dataclass(frozen=True)
class GradientCheck:
    """How one gradient compares with central differences."""

    name: str  # "x", or the parameter's key
    shape: tuple[int, ...]
    checked: int = 0  # entries compared
    skipped: tuple[Skipped, ...] = ()  # entries without a derivative
    worst_error: float = 0.0  # largest relative error, see `relative_error`
    worst_index: Index | None = None
    numeric: float = 0.0  # both values at the worst index
    analytic: float = 0.0
    diagnosis: str = ""  # what is probably wrong; empty where nothing is

    @property
    def passed(self) -> bool:
        """Whether every entry compared is right, and there was one (or nothing to compare)."""
        return not self.diagnosis

    def __str__(self) -> str:
        word = "ok  " if self.passed else "FAIL"
        text = f"{word} {self.name} {self.shape}: {self.checked} entries checked"
        if self.skipped:
            first = self.skipped[0]
            text += f", {len(self.skipped)} skipped (first {first.index}: {first.reason})"
        if self.worst_index is not None:
            text += (
                f", worst error {self.worst_error:.2e} at {self.worst_index} "
                f"(numeric {self.numeric:.10g}, analytic {self.analytic:.10g})"
            )
        return text + (f"\n     likely cause: {self.diagnosis}" if self.diagnosis else "")


@dataclass(frozen=True)
class GradientReport:
    """The result of a check: one entry for each gradient, and what else was found."""

    subject: str
    gradients: tuple[GradientCheck, ...]
    problems: tuple[str, ...]  # broken rules: changed arguments, missing keys, ...

    @property
    def passed(self) -> bool:
        """Whether all gradients are right and no rule is broken."""
        return not self.problems and all(g.passed for g in self.gradients)

    def __getitem__(self, name: str) -> GradientCheck:
        """Return the check of the gradient of that name."""
        return next(g for g in self.gradients if g.name == name)

    def __str__(self) -> str:
        head = f"{self.subject}: gradients {'are right' if self.passed else 'are WRONG'}"
        lines = [str(g) for g in self.gradients] + [f"FAIL {p}" for p in self.problems]
        return "\n  ".join([head, *lines])

    def _repr_html_(self) -> str:
        """Return a table of the gradients, and what else was found, for a notebook."""
        headings: tuple[str, ...] = (
            "gradient", "shape", "", "entries", "worst error", "at", "numeric", "analytic", "cause"
        )  # fmt: skip
        rows = [_row(g) for g in self.gradients]
        rows += [("", "", "WRONG", *[""] * 5, problem) for problem in self.problems]
        if not any(row[-1] for row in rows):  # nothing is wrong, and needs no cause
            headings, rows = headings[:-1], [row[:-1] for row in rows]
        caption = f"{self.subject}: gradients {'are right' if self.passed else 'are WRONG'}"
        wrong = [number for number, row in enumerate(rows) if row[2] == "WRONG"]
        return html.table(headings, rows, headings[3:5] + headings[6:8], caption, wrong)


def _row(check: GradientCheck) -> tuple[str, ...]:
    skipped = f" ({len(check.skipped)} skipped)" if check.skipped else ""
    worst = (f"{check.worst_error:.2e}", str(check.worst_index), f"{check.numeric:.10g}",
             f"{check.analytic:.10g}")  # fmt: skip
    word = "ok" if check.passed else "WRONG"
    return (
        check.name, str(check.shape), word, f"{check.checked}{skipped}",
        *(worst if check.worst_index is not None else [""] * 4), check.diagnosis,
    )  # fmt: skip


def described(error: Exception) -> str:
    """Return an exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"

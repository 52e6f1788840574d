"""What a training shows in a notebook: one output, which changes; it needs no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from cnnlite.training.history import epochs_table

if TYPE_CHECKING:
    from cnnlite.training.state import TrainingState

MOST_EPOCHS = 10  # shown below the bar
MOST_NOTES = 5
BAR = "width:100%;max-width:40em;vertical-align:middle"


class NotebookBar:
    """A bar, what was said beside it, and the last epochs.

    Args:
        solver: whose training is shown.
    """

    def __init__(self, solver: TrainingState) -> None:
        self._solver = solver
        self._beside: Sequence[str] = ()
        self._notes: list[str] = []
        self._display: Any = None
        self.show(())

    def say(self, text: str) -> None:
        """Add a line below the table."""
        self._notes = [*self._notes, text][-MOST_NOTES:]
        self.show(self._beside)

    def show(self, beside: Sequence[str]) -> None:
        """Bring the output up to date.

        Args:
            beside: what stands beside the bar.
        """
        from IPython import display

        show: Any = display.display
        self._beside = beside
        if self._display is None:
            self._display = show(self, display_id=True)
        else:
            self._display.update(self)

    def _repr_html_(self) -> str:
        solver = self._solver
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes)
        table = epochs_table(solver.history, MOST_EPOCHS) if solver.history else ""
        label = f"epoch {self._epoch} of {solver.num_epochs}"
        return (
            f'<div><progress value="{solver.step}" max="{solver.total_steps}" style="{BAR}" '
            f'aria-label="{label}"></progress><br>{escape(self._text())}</div>{table}{notes}'
        )

    def __repr__(self) -> str:
        """Return the same without HTML, for whoever shows text alone."""
        return "\n".join([self._text(), *self._notes])

    @property
    def _epoch(self) -> int:
        """The epoch that runs, or the last one."""
        return min(self._solver.epoch + 1, self._solver.num_epochs)

    def _text(self) -> str:
        return "  ".join([f"epoch {self._epoch}/{self._solver.num_epochs}", *self._beside])

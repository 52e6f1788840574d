"""What a run has kept of its epochs: images, maps and statistics, read from its folder."""

from __future__ import annotations

from pathlib import Path

from cnnlite.report.run_files import KEPT
from cnnlite.training.kept import STATISTICS, Kept, kept_files, read_kept

__all__ = ["STATISTICS", "Kept", "read_run"]


def read_run(run: str | Path) -> tuple[list[Kept], list[str]]:
    """Read what a run has kept.

    Args:
        run: the run folder.

    Returns:
        The epochs, oldest first, none for a run that has kept nothing; and a sentence for each
        file that cannot be read, which is left out.
    """
    found, notes = [], []
    for path in kept_files(Path(run) / KEPT).values():
        try:
            found.append(read_kept(path))
        except OSError as error:
            notes.append(f"{error}; that epoch is left out.")
    return found, notes

"""What a run has kept of its epochs: images, maps and statistics, read from its folder."""

from __future__ import annotations

from pathlib import Path

from cnnlite.report.run_files import KEPT
from cnnlite.training.kept import (
    IMAGES,
    MOST_BYTES,
    STATISTICS,
    Kept,
    kept_files,
    read_kept,
)  # fmt: skip

__all__ = ["STATISTICS", "Kept", "read_run"]

MOST = 256 * 2**20  # bytes of all that is read


def read_run(run: str | Path) -> tuple[list[Kept], list[str]]:
    """Read what a run has kept.

    Args:
        run: the run folder.

    Returns:
        The epochs, oldest first, none for a run that has kept nothing, evenly chosen where all
        would take too much memory, the newest among them; and a sentence for what is left out.
    """
    folder, found, notes = Path(run) / KEPT, [], []
    paths = list(kept_files(folder).values())
    images = min(MOST_BYTES, _size(folder / IMAGES))  # which are read with each epoch
    total = sum(min(MOST_BYTES, _size(path)) + images for path in paths)
    step = max(1, -(-total // MOST))
    if step > 1:
        notes.append(f"{folder} has {len(paths)} epochs, of which one in {step} is shown.")
    for path in paths[(len(paths) - 1) % step :: step]:
        try:
            found.append(read_kept(path))
        except OSError as error:
            notes.append(f"{error}; that epoch is left out.")
    return found, notes


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

"""Resident memory: how far it rises while something runs."""

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

PROC = Path("/proc/self")


class Peak(AbstractContextManager["Peak"]):
    """with Peak() as peak: ...  Then `peak.above` is the rise in bytes, None where not on Linux.

    Linux keeps the highest resident size of a process, and sets it back when 5 is written to
    clear_refs (man 5 proc).
    """

    above: int | None = None

    def __enter__(self) -> Self:
        self.before = status("VmRSS")
        if self.before is not None:
            (PROC / "clear_refs").write_text("5")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        highest = status("VmHWM")
        if self.before is not None and highest is not None:
            self.above = highest - self.before


def status(name: str) -> int | None:
    """A size from /proc/self/status in bytes."""
    try:
        lines = (PROC / "status").read_text().splitlines()
    except OSError:
        return None
    sizes = {key: value for key, _, value in (line.partition(":") for line in lines)}
    return int(sizes[name].split()[0]) * 1024

"""A sweep from a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cnnlite.report.sweep import Sweep
from cnnlite.sweep.asked import read, read_file
from cnnlite.sweep.starting import run_all

__all__ = ["run"]


def run(
    sweep: str | Path | Mapping[str, Any],
    out: str | Path,
    *,
    workers: int | None = None,
    backend: str = "loky",
    address: str | None = None,
    show: Callable[[str], None] = print,
) -> Sweep:
    """Run a sweep, or what is left of it; a notebook or a script needs no command line.

    A network of one's own, FILE.py:FUNCTION, is run: whoever calls this has named it.

    Args:
        sweep: a TOML file, or its tables `sweep`, `train`, `over` and `halving`.
        out: the sweep's folder. Where it is this sweep's already, finished trials are not repeated.
        workers: trials that are trained at once on this machine; None, as many as fit its cores.
        backend: "loky", "dask" or "ray".
        address: of a cluster of Dask's or Ray's; None starts one on this machine.
        show: is given each line for people.

    Returns:
        The sweep: its `trials`, and its `ranked()` configurations.

    Raises:
        ConfigError: the sweep cannot be; nothing was trained.
        OSError: the folder is in use, or cannot be written.
    """
    if isinstance(sweep, Mapping):
        asked = read(sweep)
    else:
        asked = read(read_file(Path(sweep)), str(sweep))
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    running = run_all(asked, folder, count=workers, backend=backend, address=address, show=show)
    return running.sweep

"""What `cnnlite train` keeps of a run's epochs, and what it needs for that."""

from pathlib import Path
from typing import TYPE_CHECKING

from cnnlite.cli.config import TrainConfig
from cnnlite.installed import is_installed
from cnnlite.report.run_files import KEPT

if TYPE_CHECKING:
    from cnnlite.training.callbacks import Callback

NEEDS = ("PIL", "plotly")
"""Of the extra `see`: without it nobody could look at what is kept."""
LEFT_OUT = "nothing is kept of the epochs: it needs plotly and Pillow (pip install 'cnnlite[see]')"


def possible() -> bool:
    """Return whether the extra is installed."""
    return all(map(is_installed, NEEDS))


def callbacks(config: TrainConfig, run: Path) -> "list[Callback]":
    """Return the callback that keeps epochs in a run folder; none where nothing is to be kept."""
    from cnnlite.training.callbacks import Keep

    if not config.keep or config.smoke or not possible():
        return []
    return [Keep(run / KEPT, config.keep)]

"""The best trial of a sweep, as a configuration that `cnnlite train` takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cnnlite.cli import runs
from cnnlite.cli.config import ConfigError, TrainConfig
from cnnlite.cli.config_file import to_toml
from cnnlite.files import replace_file
from cnnlite.report.sweep import Trial, read_sweep, score, trial_folder

__all__ = ["BEST", "best_trial", "write_best"]

BEST = "best.toml"


def best_trial(folder: Path) -> Trial:
    """Return the best trial of the best configuration of a sweep.

    The best configuration is the one with the best mean over its seeds, among those whose trials
    have all finished; of equals, the first.

    Raises:
        OSError, ConfigError: the folder is no sweep, is damaged, or nothing has finished yet.
    """
    try:
        sweep = read_sweep(folder)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    ranked = sweep.ranked()
    if not ranked:
        states = ", ".join(sorted({trial.state for trial in sweep.trials})) or "none has begun"
        raise ConfigError(f"{folder} has no configuration yet whose trials all finished ({states})")
    sign = 1 if sweep.metric.endswith("_acc") else -1
    return max(ranked[0], key=lambda trial: sign * (score(trial.values, sweep.metric) or 0.0))


def write_best(folder: Path, out: Path | None = None) -> tuple[Trial, Path]:
    """Write the configuration of the best trial, with which a training has the trial's bits.

    Args:
        folder: the sweep's.
        out: the file; None is best.toml in the folder.

    Returns:
        The trial, and the file.

    Raises:
        OSError, ConfigError: as for `best_trial`, or the file cannot be written.
    """
    trial = best_trial(folder)
    config = runs.read_config(trial_folder(folder, trial.number))
    for name in ("threads", "keep"):  # which change no bit, and are not the trial's own
        if name not in trial.options:
            config = replace(config, **{name: getattr(TrainConfig(), name)})
    path = out or folder / BEST
    head = f"# Trial {trial.number} of {folder.name}.\n".encode("ascii", "backslashreplace")
    replace_file(path, head + to_toml(config).encode())
    return trial, path

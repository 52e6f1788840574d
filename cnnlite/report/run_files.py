"""The names of the files of a run folder that reports read."""

CONFIG = "config.toml"
RECORD = "record.json"
HISTORY = "history.csv"
LOSSES = "losses.csv"
PAGE = "report.html"
KEPT = "kept"
"""The folder of what `Keep` has kept of each epoch."""

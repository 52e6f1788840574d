"""The names of the files of a run folder that reports read."""

CONFIG = "config.toml"
RECORD = "record.json"
HISTORY = "history.csv"
LOSSES = "losses.csv"
EVENTS = "events.jsonl"
"""What was done by hand while it was trained, if anything was."""

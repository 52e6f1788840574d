"""The door to checkpoints, which are in `cnnlite.training.checkpoint`."""

from cnnlite.training.checkpoint import Checkpoint, CheckpointError, load_weights, save_weights

__all__ = ["Checkpoint", "CheckpointError", "load_weights", "save_weights"]

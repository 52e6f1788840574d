"""The door to evaluation, which is in `cnnlite.training.evaluation`."""

from cnnlite.training.evaluation import accuracy, model_dtype, predictions, scores_of_batches

__all__ = ["accuracy", "model_dtype", "predictions", "scores_of_batches"]

"""What people look at after a training: history, curves, sheets, the confusion matrix."""

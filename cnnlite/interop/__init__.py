"""Networks to and from other frameworks: torch.py exchanges them with PyTorch."""

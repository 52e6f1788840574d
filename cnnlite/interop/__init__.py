"""Networks to and from other frameworks: torch.py exchanges, onnx.py exports."""

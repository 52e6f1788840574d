"""How fast cnnlite is: pytest-benchmark suites, and the comparison with PyTorch."""

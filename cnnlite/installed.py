"""Whether packages of the extras are there."""

import importlib.util

__all__ = ["is_installed"]


def is_installed(name: str) -> bool:
    """Return whether a package can be found; it is not imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # a finder that forbids it; one that stands in for it
        return False

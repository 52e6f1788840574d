"""What a live page needs, and what to do where it is not installed."""

from __future__ import annotations

from cnnlite.installed import is_installed

__all__ = ["check"]

MODULES = ("plotly", "starlette", "uvicorn", "websockets")


def check(owner: str) -> None:
    """Raise ImportError, with what to do, unless all that a live page needs is installed.

    Args:
        owner: what needs it, for the message.
    """
    missing = [name for name in MODULES if not is_installed(name)]
    if missing:
        raise ImportError(
            f"{owner}: the live page needs {' and '.join(missing)}: pip install 'cnnlite[see]'",
            name=missing[0],
        )

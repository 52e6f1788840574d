"""The line by which the course's notebook makes sure that a file can be imported."""

from collections.abc import Callable

__all__ = ["greeter"]


def greeter(file: str) -> Callable[[], None]:
    """Return a function that prints the notebook's greeting from that file."""

    def hello_do_you_copy() -> None:
        """Print the greeting that the notebook waits for."""
        print(f"Roger that from {file}!")

    return hello_do_you_copy

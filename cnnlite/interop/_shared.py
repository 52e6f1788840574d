"""What the exchanges with other frameworks share."""

import importlib
from typing import Any

__all__ = ["join", "load"]


def join(path: str, key: str) -> str:
    """Return the dotted path of the part `key` of the network at `path`."""
    return f"{path}.{key}" if path else key


def load(caller: str, name: str, package: str, *modules: str) -> Any:
    """Return a package that an extra of cnnlite installs, with those of its modules loaded.

    Args:
        caller: the function that needs it.
        name: what people call it.
        package: what it is imported as, and the extra's name.
        modules: of the package, without its name.

    Raises:
        ImportError: it is not installed; the message names the extra.
    """
    try:
        for module in modules:
            importlib.import_module(f"{package}.{module}")
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(
            f"{caller} needs {name}, which is not installed: pip install 'cnnlite[{package}]'"
        ) from error

"""The public names of a package that takes them from its files, each said once."""

from typing import Any

__all__ = ["export"]


def export(package: dict[str, Any], *more: str) -> None:
    """Set `__all__` of a package to what it and its files define, of all that it has imported.

    So each name stands in the `__all__` of its own file, and ``from FILE import *`` does the rest.
    Type checkers take names that are imported so for public.

    Args:
        package: its `globals()`.
        more: names of what does not know where it is defined: neither a class nor a function.
    """
    home = package["__name__"]
    found = (
        name
        for name, value in package.items()
        if f"{getattr(value, '__module__', '')}.".startswith(f"{home}.") and name[0] != "_"
    )
    package["__all__"] = [*found, *more]

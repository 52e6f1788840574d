"""What a forward pass kept for backward, as tables for notebooks."""

import inspect
import re
from typing import Any

import numpy as np

from cnnlite import html

__all__ = ["Caches", "cache_table", "show_caches"]

_FIELD = r"^ +{}: [^#\n]*(?:#\s*(.*))?$"


def show_caches(package: dict[str, Any]) -> None:
    """Give the NamedTuples of a package that are called ...Cache their table in notebooks.

    Args:
        package: its `globals()`.
    """
    for name, value in package.items():
        if name.endswith("Cache") and isinstance(value, type) and hasattr(value, "_fields"):
            value._repr_html_ = cache_table  # type: ignore[attr-defined]


class Caches(list[Any]):
    """The caches of layers that ran one after the other: a list, which backward takes apart."""

    def _repr_html_(self) -> str:
        return cache_table(self)


def cache_table(cache: Any) -> str:
    """Return a table of what a cache refers to: of its fields, or of its entries.

    Args:
        cache: a NamedTuple, a tuple or list, an array, or anything else.
    """
    if isinstance(cache, list) and not cache:
        return "<p>an empty cache: backward has used it</p>"
    if isinstance(cache, list):
        entries = (
            html.details(f"step {i}: {_name(c)}", cache_table(c)) for i, c in enumerate(cache)
        )
        return "".join(entries)
    named = hasattr(cache, "_asdict")
    values = cache._asdict() if named else {"": cache}
    if isinstance(cache, tuple) and not named:
        values = {str(place): value for place, value in enumerate(cache)}
    why = _comments(type(cache)) if named else {}
    rows = [(name, _told(value), why.get(name, "")) for name, value in values.items()]
    inner = "".join(
        html.details(f"{name}: {_name(value)}", cache_table(value))
        for name, value in values.items()
        if hasattr(value, "_repr_html_")
    )
    return html.table(("field", "value", "what for"), rows, caption=_name(cache)) + inner


def _name(cache: Any) -> str:
    arrays, size = _arrays(cache, set())
    kind = "nothing" if cache is None else type(cache).__name__
    if arrays:
        return f"{kind}, {size:,} bytes in {arrays} array{'s' if arrays > 1 else ''}"
    return kind if hasattr(cache, "_asdict") or cache is None else f"{kind} {cache!r:.80}"


def _arrays(value: Any, seen: set[int]) -> tuple[int, int]:
    """How many arrays a cache refers to, and their bytes; one that comes twice counts once."""
    if isinstance(value, np.ndarray):
        new = id(value) not in seen
        seen.add(id(value))
        return int(new), value.nbytes * new
    if not isinstance(value, tuple | list):
        return 0, 0
    counts = [_arrays(part, seen) for part in value]
    return sum(count for count, _ in counts), sum(size for _, size in counts)


def _told(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return _name(value) if hasattr(value, "_repr_html_") else f"{value!r:.200}"
    text = f"{value.dtype} {value.shape}"
    if value.size and value.dtype.kind in "iuf":
        text += f", {value.min():.4g} to {value.max():.4g}"
    return text


def _comments(kind: type) -> dict[str, str]:
    """The comments on a NamedTuple's fields, in its source."""
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):
        return {}
    found = {
        field: re.search(_FIELD.format(field), source, re.M)
        for field in getattr(kind, "_fields", ())
    }
    return {field: match[1] or "" for field, match in found.items() if match}

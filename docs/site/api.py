"""Pages of the API: a page for each public package, with all that its `__all__` names.

docs/lookup/api.md lists the packages.  What a docstring says is plain text here, with `code` in
backticks; only its lists, indented blocks and sections (Args, Returns, Raises, Source) are markup.
"""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parents[1]
ROW = re.compile(r"^\| \[`(?P<name>[\w.]+)`\]\([^)]*\)", re.M)
CODE = re.compile(r"(``.*?``|`.*?`)", re.S)


def packages() -> list[str]:
    """Return the packages that docs/lookup/api.md lists."""
    return ROW.findall((DOCS / "lookup" / "api.md").read_text(encoding="utf-8"))


def write_pages(app: Sphinx) -> None:
    """Write a page for each package into docs/lookup/api, which git ignores."""
    folder = DOCS / "lookup" / "api"
    folder.mkdir(exist_ok=True)
    homes: dict[int, str] = {}
    names = packages()
    for name in [*names[1:], names[0]]:  # the package itself last: its names have homes by then
        text = "\n".join(page(importlib.import_module(name), homes))
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.glob("*.rst"):
        if path.stem not in names:
            path.unlink()


def link_pages(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let the rows of docs/lookup/api.md lead to the packages' pages, and list these."""
    if docname == "lookup/api":
        source[0] = ROW.sub(r"| [`\g<name>`](api/\g<name>.rst)", source[0])
        listed = "\n".join(f"api/{name}" for name in packages())
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"


def page(module: ModuleType, homes: dict[int, str]) -> Iterator[str]:
    """Yield the lines of a package's page.

    Args:
        module: the package.
        homes: where each object is described, by its id; what is new is added.
    """
    name = module.__name__
    yield from (f"``{name}``", "=" * (len(name) + 4), "")
    yield from (*plain((inspect.getdoc(module) or "").splitlines()), "")
    elsewhere = []
    for public in module.__all__:
        value = getattr(module, public)
        known = homes.setdefault(id(value), f"{name}.{public}")
        if inspect.ismodule(value):
            elsewhere.append(f"- :doc:`{value.__name__}`" if value.__name__ in packages() else
                             f"- ``{value.__name__}``")  # fmt: skip
        elif known != f"{name}.{public}":
            role = "class" if inspect.isclass(value) else "func"
            elsewhere.append(f"- :py:{role}:`{public} <{known}>`")
        elif inspect.isclass(value):
            yield from (f".. autoclass:: {known}", "   :members:", "")
        elif callable(value):
            yield from (f".. autofunction:: {known}", "")
        else:
            yield from (f".. py:data:: {known}", "", f"   {described(value)}", "")
    if elsewhere:
        yield from ("Described elsewhere", "-" * 19, "", *elsewhere, "")


def described(value: Any) -> str:
    """Say what a constant is, without its whole value."""
    kind = f"A ``{type(value).__name__}``"
    if isinstance(value, dict):
        return f"{kind} with the keys " + ", ".join(f"``{key!r}``" for key in value) + "."
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return f"{kind} of " + ", ".join(f"``{item!r}``" for item in value) + "."
    if isinstance(value, (int, float, str)):
        return f"{kind}: ``{value!r}``."
    return f"{kind}."


def plain_docstring(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Protect what reStructuredText would take for markup; before napoleon reads the sections."""
    lines[:] = plain(lines)


def is_alias(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what Python says of a NamedTuple's fields; its docstring says more."""
    return True if (getattr(obj, "__doc__", "") or "").startswith("Alias for field") else None


def plain(lines: list[str]) -> list[str]:
    """Return a docstring's lines as reStructuredText that shows them as they are.

    An indented block after an empty line is code or a formula; under a heading of napoleon's
    (Args:) it is not.
    """
    result: list[str] = []
    block: int | None = None  # the indentation of the line before a literal block
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if block is not None and line.strip() and indent <= block:
            block = None
        if block is None and line.strip() and number > 1 and not lines[number - 1].strip():
            before = [text for text in lines[: number - 1] if text.strip()]
            last = before[-1] if before else ""
            outer = len(last) - len(last.lstrip())
            if indent > outer + 3 and not last.lstrip().startswith(("-", "*")):
                block = outer
                result += [" " * outer + "::", ""]
        result.append(line if block is not None else escaped(line))
    return result


def escaped(line: str) -> str:
    """Return a line in which nothing but code in backticks and a list's dash is markup."""
    parts = CODE.split(line)
    parts[::2] = (re.sub(r"([*|\\]|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts[::2])
    return "".join(parts)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write_pages)
    app.connect("source-read", link_pages, priority=300)
    app.connect("autodoc-skip-member", is_alias)
    app.connect("autodoc-process-docstring", plain_docstring, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

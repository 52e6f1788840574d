"""A lab as a notebook: its theory to read, its functions to call, and the lab to run."""

import inspect
import re
from importlib import import_module
from types import ModuleType
from typing import Any

from cnnlite.labs.lab import Lab, Settings
from cnnlite.notebooks import Cell, as_markdown, code, markdown, to_json

__all__ = ["as_notebook"]

_SECTION = re.compile(r"^(Args|Returns|Raises|Yields):$", re.M)
RUN = """\
## Run it

The statements are checked over random cases: another seed, other cases. `full=True` asks for the
real thing, which may take many minutes, and `data="cifar10"` for real images."""


def as_notebook(lab: Lab, settings: Settings) -> str:
    """Return the notebook of a lab.

    Args:
        lab: the lab.
        settings: with which the notebook runs it; they may be changed there.
    """
    package = import_module(lab.run.__module__)
    cells = [markdown(as_markdown(_doc(package)))]
    for name in dict.fromkeys(re.findall(r"`(\w+)`", _doc(package))):
        cells += _theory(package, name)
    given = f'data="{settings.data}", full={settings.full}, seed={settings.seed}'
    run = f"settings = labs.Settings({given})\nlabs.load('{lab.name}').run(settings)"
    return to_json([*cells, markdown(RUN), code(f"from cnnlite import labs\n\n{run}")])


def _theory(package: ModuleType, name: str) -> list[Cell]:
    """What a file of the lab says and what its functions say, and a cell that imports them."""
    module = import_module(f"{package.__name__}.{name}")
    texts = [as_markdown(_doc(module)).replace("# ", "## ", 1)]
    functions = {
        key: value for key, value in vars(module).items()
        if key[0] != "_" and getattr(value, "__module__", "") == module.__name__
        and (inspect.isfunction(value) or inspect.isclass(value))
    }  # fmt: skip
    for key, value in functions.items():
        signature = f"{key}({', '.join(inspect.signature(value).parameters)})"
        # What is indented below a line is text as it stands only after a blank line.
        doc = _SECTION.sub(r"\1:\n", _doc(value))
        text = as_markdown(f"\n{doc}").partition("\n")[2]
        texts.append(f"### `{signature}`\n\n{text}")
    listed = "\n".join(f"    {key}," for key in functions)
    imported = f"from {module.__name__} import (\n{listed}\n)"
    return [markdown("\n\n".join(texts)), code(imported)]


def _doc(value: Any) -> str:
    return inspect.getdoc(value) or ""

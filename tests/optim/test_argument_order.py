"""The order of arguments is PyTorch's: who passes them by position gets what PyTorch would do.

Once `dampening` came in as SGD's third argument, where callers passed the weight decay.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cnnlite import clip_grad_norm, clip_grad_value
from cnnlite.callbacks import ReduceLROnPlateau
from cnnlite.optim import OPTIMIZERS, schedules

ROOT = Path(__file__).parents[2]
TAKEN = ("self", "params", "parameters", "optimizer", "grads")
"""What stands first there, and is given elsewhere here or called otherwise."""


def by_position(function: Callable[..., Any]) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind in kinds and p.name not in TAKEN]


@pytest.mark.parametrize("kind", OPTIMIZERS.values(), ids=lambda kind: kind.__name__)
def test_arguments_of_optimizers_stand_where_pytorch_has_them(torch: Any, kind: Any) -> None:
    twin = getattr(torch.optim, kind.__name__)
    ours, theirs = by_position(kind), by_position(twin)
    assert ours == theirs[: len(ours)]
    named = set(inspect.signature(kind).parameters) - {"groups"}
    assert named <= set(inspect.signature(twin).parameters)
    for name in named - {"lr"}:
        default = inspect.signature(twin).parameters[name].default
        assert inspect.signature(kind).parameters[name].default == default, name


def test_arguments_of_plateau_schedules_and_clipping_too(torch: Any) -> None:
    theirs = torch.optim.lr_scheduler
    assert by_position(ReduceLROnPlateau)[:8] == by_position(theirs.ReduceLROnPlateau)[:8]
    for ours, names in (("Step", ["step_size", "gamma"]), ("MultiStep", ["milestones", "gamma"])):
        assert by_position(getattr(schedules, ours))[:2] == names
        assert by_position(getattr(theirs, f"{ours}LR"))[:2] == names
    utils = torch.nn.utils
    ours = by_position(clip_grad_norm)
    assert ours == by_position(utils.clip_grad_norm_)[: len(ours)]
    assert by_position(clip_grad_value) == by_position(utils.clip_grad_value_)[:1]


def calls(source: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name.lower() in OPTIMIZERS and "torch" not in ast.unparse(node.func):
                yield node


def sources() -> Iterator[tuple[Path, str]]:
    for folder in ("cnnlite", "examples", "benchmarks", "docs", "."):
        pattern = "*" if folder == "." else "**/*"
        for path in (ROOT / folder).glob(pattern):
            if path.suffix == ".py" and "compat" not in path.parts:  # the courses' own optimizers
                yield path, path.read_text("utf-8")
            elif path.suffix == ".md":
                for block in re.findall(r"```python\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
                    if "SGD" in block or "Adam" in block or "RMSprop" in block:
                        yield path, block


@pytest.mark.skipif(not (ROOT / "cnnlite").exists(), reason="needs a checkout")
def test_no_caller_passes_more_than_lr_and_momentum_by_position() -> None:
    found, wrong = 0, []
    for path, source in sources():
        if path.name == "compat.py":  # its SGD is CS 7643's, with other arguments
            continue
        for call in calls(source):
            found += 1
            if len(call.args) > (2 if "SGD" in ast.unparse(call.func) else 1):
                wrong.append(f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)}")
    assert found > 10
    assert not wrong, wrong

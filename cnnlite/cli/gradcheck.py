"""`cnnlite gradcheck`: is backward the derivative of forward, in every layer and loss, or yours?"""

import ast
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from traceback import extract_tb
from typing import Any

import click

from cnnlite.cli._group import describe, fail, show_table

Shape = tuple[int, ...]
IMAGES = (2, 4, 6, 6)


@click.command()
@click.argument("layer", required=False, metavar="[FILE.py:CLASS]")
@click.option("--input", "shape", help="Shape of CLASS's input, for instance 2,3,8,8.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def gradcheck(layer: str | None, shape: str | None, seed: int) -> int:
    """Compare gradients with finite differences in float64.

    Without arguments, those of every layer and loss. With FILE.py:CLASS, those of your own layer,
    or loss, whose forward takes targets: CLASS may have literal arguments, as in
    "layers.py:Scale(3)". Exit status 1 if one is wrong, 2 if CLASS cannot be loaded.
    """
    from cnnlite.gradcheck import check_layer, check_loss

    if layer is None:
        if shape is not None:
            fail("--input is for a layer of your own: gradcheck FILE.py:CLASS --input 2,3,8,8")
        return _check_all(seed)
    if shape is None:
        fail(f"{layer} needs --input, the shape of its input, for instance --input 2,3,8,8")
    (file, subject), size = _load(layer), _shape(shape)
    check = check_loss if _takes_targets(subject) else check_layer
    try:
        report = check(subject, size, seed=seed)
    except (Exception, SystemExit) as error:  # whatever the layer's author made of it
        click.echo(f"cnnlite gradcheck: {layer} raised {_what(error, file)}", err=True)
        return 1
    click.echo(report)
    return 0 if report.passed else 1


def _check_all(seed: int) -> int:
    rows: list[tuple[str, ...]] = []
    failed = []
    for name, report in _reports(seed):
        for check in report.gradients:
            index = "" if check.worst_index is None else str(tuple(map(int, check.worst_index)))
            verdict = "ok" if check.passed else "WRONG"
            rows.append((name, check.name, f"{check.worst_error:.1e}", index, verdict))
        if not report.passed:
            failed.append(report)
    headings = ("layer", "gradient", "worst error", "at index", "")
    show_table(headings, rows, ["worst error"], ["at index", "worst error"])
    for report in failed:
        click.echo(f"\n{report}")
    return 1 if failed else 0


def _reports(seed: int) -> Iterator[tuple[str, Any]]:
    from cnnlite.gradcheck import check_layer, check_loss

    for name, layer, shape in layer_cases():
        yield name, check_layer(layer, shape, seed=seed)
    for name, loss, targets in loss_cases():
        yield name, check_loss(loss, (4, 5), targets, seed=seed)


def layer_cases() -> Iterator[tuple[str, Any, Shape]]:
    """Every layer, some of them twice for their options: (name, layer, shape of its input)."""
    import cnnlite as nn

    conv = nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(1, 0), rng=0)
    yield "Conv2d", conv, IMAGES
    yield "Conv2d dilated", nn.Conv2d(4, 4, 2, padding="same", dilation=2, rng=0), IMAGES
    yield "Conv2d grouped", nn.Conv2d(4, 6, 3, groups=2, rng=0), IMAGES
    circular = nn.Conv2d(4, 3, 3, padding=1, padding_mode="circular", rng=0)
    yield "Conv2d circular", circular, IMAGES
    yield "MaxPool2d", nn.MaxPool2d(3, stride=2, padding=1), IMAGES
    yield "AvgPool2d", nn.AvgPool2d(3, stride=2, padding=1), IMAGES
    yield "AdaptiveAvgPool2d", nn.AdaptiveAvgPool2d(1), IMAGES
    yield "Linear", nn.Linear(7, 5, rng=0), (3, 7)
    yield "Flatten", nn.Flatten(), IMAGES
    yield "Identity", nn.Identity(), IMAGES
    activations = nn.ReLU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softsign, nn.GELU, nn.SiLU
    for activation in activations:
        yield activation.__name__, activation(), IMAGES
    yield "GELU tanh", nn.GELU("tanh"), IMAGES
    yield "Dropout", nn.Dropout(0.5), IMAGES
    yield "BatchNorm1d", nn.BatchNorm1d(7), (5, 7)
    yield "BatchNorm2d", nn.BatchNorm2d(4), IMAGES
    yield "LayerNorm", nn.LayerNorm((4, 6, 6)), IMAGES
    yield "GroupNorm", nn.GroupNorm(2, 4), IMAGES
    body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, rng=0), nn.BatchNorm2d(4), nn.Tanh())
    yield "Residual", nn.Residual(body), IMAGES
    yield "Sequential", nn.Sequential(nn.Flatten(), nn.Linear(144, 3, rng=0)), IMAGES


def loss_cases() -> Iterator[tuple[str, Any, Any]]:
    """Every loss, with its options: (name, loss, targets; None for random classes)."""
    import numpy as np

    import cnnlite as nn

    weight = np.linspace(0.5, 1.5, 5)
    yield "CrossEntropyLoss", nn.CrossEntropyLoss(), None
    yield "CrossEntropyLoss weighted", nn.CrossEntropyLoss(weight, label_smoothing=0.1), None
    yield "FocalLoss", nn.FocalLoss(2.0, weight), None
    yield "HingeLoss", nn.HingeLoss(), None
    yield "MSELoss", nn.MSELoss(), np.linspace(-1, 1, 20).reshape(4, 5)


def _shape(text: str) -> Shape:
    shape = re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", text) and tuple(map(int, text.split(",")))
    if not shape or 0 in shape:
        fail(f"--input {text!r} is not a shape such as 2,3,8,8")
    return shape


_CALL = re.compile(r"(?P<file>.+?):(?P<name>\w+)\s*(?P<arguments>\(.*\))?", re.S)


def _load(text: str) -> tuple[Path, Any]:
    """The file, and the layer that "FILE.py:CLASS" or "FILE.py:CLASS(literal arguments)" makes."""
    match = _CALL.fullmatch(text)
    if match is None:
        fail(f"{text!r} is not FILE.py:CLASS")
    try:
        arguments, options = _literals(match["arguments"] or "()")
    except (ValueError, SyntaxError):
        fail(f"{text!r}: arguments must be literals, such as (3, bias=False)")
    file = Path(match["file"])
    make: Callable[..., Any] = _attribute(file, match["name"])
    try:
        return file, make(*arguments, **options)
    except (Exception, SystemExit) as error:
        hint = "" if match["arguments"] else f"; arguments are given as in {text}(3, bias=False)"
        fail(f"{text!r} cannot be made: {_what(error, file)}{hint}")


def _what(error: BaseException, file: Path) -> str:
    """An exception in one line, with the last line of the user's own file that led to it."""
    frames = extract_tb(error.__traceback__)
    lines = [f.lineno for f in frames if Path(f.filename).resolve() == file.resolve()]
    place = f" ({file.name}, line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {' '.join(describe(error).split())}{place}"


def _takes_targets(subject: Any) -> bool:
    """Whether it is a loss: its forward needs a second argument, which no layer's does."""
    forward = getattr(subject, "forward", None)
    if not callable(forward):
        return False
    needed = [p for p in signature(forward).parameters.values() if p.default is p.empty]
    needed = [p for p in needed if p.kind is p.POSITIONAL_OR_KEYWORD]
    return len(needed) > 1 and needed[1].name not in ("train", "rng")


def _literals(text: str) -> tuple[list[Any], dict[str, Any]]:
    call = ast.parse(f"f{text}", mode="eval").body
    if not isinstance(call, ast.Call) or any(keyword.arg is None for keyword in call.keywords):
        raise ValueError(text)
    options = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    return [ast.literal_eval(argument) for argument in call.args], options


def _attribute(file: Path, name: str) -> Any:
    if not file.is_file():
        fail(f"{file}: no such file")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        fail(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent.resolve()))  # its neighbours, as when it is run itself
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        fail(f"{file} cannot be loaded: {_what(error, file)}")
    finally:
        sys.path.pop(0)
    if not callable(getattr(module, name, None)):
        classes = ", ".join(key for key, value in vars(module).items() if isinstance(value, type))
        fail(f"{file} has no class {name} (there are: {classes})")
    return getattr(module, name)

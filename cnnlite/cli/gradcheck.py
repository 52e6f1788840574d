"""`cnnlite gradcheck`: is backward the derivative of forward, in every layer and loss, or yours?"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cnnlite.cli._group import describe, explained, fail, show_table

Shape = tuple[int, ...]
LONGEST = 24 * 60 * 60


@click.command()
@click.argument("layer", required=False, metavar="[FILE.py:CLASS]")
@click.option("--input", "shape", help="Shape of CLASS's input, for instance 2,3,8,8.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), default=10,
    show_default=True,
    help="Time limit of loading CLASS and of each of its calls; all may take thirty times that.",
)  # fmt: skip
def gradcheck(layer: str | None, shape: str | None, seed: int, seconds: float) -> int:
    """Compare gradients with finite differences in float64.

    Without arguments, those of every layer and loss. With FILE.py:CLASS, those of your own layer,
    or loss, whose forward takes targets: CLASS may have literal arguments, as in
    "layers.py:Scale(3)". It runs in a process of its own, with limits; what it prints goes nowhere.
    Exit status 1 if one is wrong, 2 if CLASS cannot be loaded.
    """
    if layer is None:
        if shape is not None:
            fail("--input is for a layer of your own: gradcheck FILE.py:CLASS --input 2,3,8,8")
        return _check_all(seed)
    if not seconds <= LONGEST:  # NaN is no number of seconds
        fail(f"--seconds is {seconds:g}, expected at most {LONGEST}, a day")
    if shape is None:
        fail(f"{layer} needs --input, the shape of its input, for instance --input 2,3,8,8")
    return _check_one(layer, _shape(shape), seed, seconds)


_CALL = re.compile(r"(?P<file>.+?):(?P<name>\w+)\s*(?P<arguments>\(.*\))?", re.S)


def _check_one(text: str, shape: Shape, seed: int, seconds: float) -> int:
    """Check what "FILE.py:CLASS" or "FILE.py:CLASS(literal arguments)" makes.

    The layer is called in a child process; its numbers are judged here.
    """
    from cnnlite.gradcheck import check_layer, check_loss
    from cnnlite.isolated.process import Lost
    from cnnlite.isolated.remote import start

    with explained(OSError):
        child = start(seconds)
    with child:
        subject, is_loss = _load(child, text, seconds)
        try:
            report = (check_loss if is_loss else check_layer)(subject, shape, seed=seed)
        except Lost as error:
            return _not_checked(f"{text}: {error}{_hint(str(error))}")
        except Exception as error:  # whatever the layer's author made of it
            return _not_checked(f"{text} raised {_what(error)}")
        if child.lost:  # and the check took it for an error of one call
            return _not_checked(f"{text}: {child.lost}{_hint(child.lost)}")
    for line in str(report).splitlines():
        click.echo(_printable(line))
    return 0 if report.passed else 1


def _not_checked(message: str) -> int:
    click.echo(f"cnnlite gradcheck: {_printable(message)}", err=True)
    return 1


def _load(child: Any, text: str, seconds: float) -> tuple[Any, bool]:
    """The layer or loss in the child that the text stands for, and whether it is a loss."""
    from cnnlite.isolated.layers import literals
    from cnnlite.isolated.process import Lost
    from cnnlite.isolated.remote import NotMade, Raised, load
    from cnnlite.isolated.source import LANGUAGES, read_source

    match = _CALL.fullmatch(text)
    if match is None:
        fail(f"{text!r} is not FILE.py:CLASS")
    file, name, arguments = Path(match["file"]), match["name"], match["arguments"] or "()"
    try:
        literals(arguments)
    except (ValueError, SyntaxError):
        fail(f"{text!r}: arguments must be literals, such as (3, bias=False)")
    if not file.exists():
        fail(f"{file}: no such file")
    if file.suffix.lower() not in LANGUAGES:
        fail(f"{file} is not a Python file")
    with explained(OSError, ValueError):
        source = read_source(file)
    # Its neighbours first, as when it is run itself; then what this process can import.
    path = [str(file.resolve().parent), *(str(Path(place).resolve()) for place in sys.path)]
    try:
        return load(child, file, source, name, arguments, path, seconds)
    except NotMade as error:
        fail(f"{file} has no class {name} (there are: {str(error) or 'none'})")
    except Raised as error:
        if error.stage == "load":
            fail(_printable(f"{file} cannot be loaded: {_what(error)}"))
        hint = "" if match["arguments"] else f"; arguments are given as in {text}(3, bias=False)"
        fail(_printable(f"{text!r} cannot be made: {_what(error)}{hint}"))
    except (Lost, TypeError) as error:
        fail(_printable(f"{text!r} cannot be made: {_what(error)}{_hint(str(error))}"))


def _what(error: Exception) -> str:
    """An exception in one line."""
    from cnnlite.isolated.process import Lost

    text = " ".join(describe(error).split())
    return text if isinstance(error, Lost) else f"{type(error).__name__}: {text}"


def _hint(text: str) -> str:
    """Why the child may have been lost."""
    if text.startswith("not through") and "in all" not in text:
        return "; a loop that never ends, or try a smaller --input or a larger --seconds"
    if "watched over" in text:
        return "; os.kill() has no place in a layer"
    if "exit status" in text:
        return "; os._exit() or exit() has no place in a layer"
    return ""


def _printable(text: str) -> str:
    """Without what could steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


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
    from cnnlite.catalogue import LAYERS

    for entry in LAYERS.values():
        for example in entry.examples:
            if example.title:
                yield example.title, entry.make(example), example.shape


def loss_cases() -> Iterator[tuple[str, Any, Any]]:
    """Every loss, with its options: (name, loss, targets; None for random classes)."""
    import numpy as np

    import cnnlite as nn

    weight, numbers = np.linspace(0.5, 1.5, 5), np.linspace(-1, 1, 20).reshape(4, 5)
    shares = np.linspace(0.1, 0.9, 20).reshape(4, 5)
    yield "CrossEntropyLoss", nn.CrossEntropyLoss(), None
    yield "CrossEntropyLoss weighted", nn.CrossEntropyLoss(weight, label_smoothing=0.1), None
    yield "CrossEntropyLoss of probabilities", nn.CrossEntropyLoss(weight), shares
    yield "FocalLoss", nn.FocalLoss(2.0, weight), None
    yield "HingeLoss", nn.HingeLoss(), None
    yield "HingeLoss weighted", nn.HingeLoss(weight=weight), None
    yield "NLLLoss", nn.NLLLoss(weight), None
    yield "BCEWithLogitsLoss", nn.BCEWithLogitsLoss(pos_weight=weight), shares
    yield "SigmoidFocalLoss", nn.SigmoidFocalLoss(), shares
    yield "KLDivLoss", nn.KLDivLoss("batchmean"), shares
    for of_numbers in (nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(), nn.HuberLoss()):
        yield type(of_numbers).__name__, of_numbers, numbers


def _shape(text: str) -> Shape:
    shape = re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", text) and tuple(map(int, text.split(",")))
    if not shape or 0 in shape:
        fail(f"--input {text!r} is not a shape such as 2,3,8,8")
    return shape

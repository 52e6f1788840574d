"""`cnnlite autodiff`: an expression's derivatives, three ways, with every step shown."""

import math
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from cnnlite.cli._group import explained, fail, show_table
from cnnlite.cli.places import check_place


@click.command(context_settings={"ignore_unknown_options": True})  # -x*y is an expression
@click.argument("expression")
@click.option("--at", "point", required=True, help="Where: x=1,y=2. Names the inputs in order.")
@click.option(
    "--step", default=0.01, show_default=True, help="Step of the forward and central differences."
)
@click.option(
    "--output", default=1, show_default=True, type=click.IntRange(min=1),
    help="Of several expressions, the one whose backward pass is shown.",
)  # fmt: skip
@click.option("--svg", type=click.Path(path_type=Path), help="Draw the graph into this file.")
@click.option(
    "--frames", type=click.Path(path_type=Path),
    help="Draw each step of the backward pass into this folder.",
)  # fmt: skip
def autodiff(
    expression: str, point: str, step: float, output: int, svg: Path | None, frames: Path | None
) -> None:
    """Differentiate EXPRESSION: its graph, its Jacobian by five methods, its Hessian.

    "(x + y)*(y + 1)" is an expression; with commas, as in "x*y, sin(x)", it has several outputs.
    There are + - * / ** and exp ln sqrt sin cos tan tanh sigmoid abs relu sign step, pi and e.
    """
    from cnnlite import autodiff as ad
    from cnnlite.autodiff.text import backward_text, forward_text

    names, x = _point(point)
    if not 0 < step < float("inf"):
        fail(f"--step is {step:g}, expected a positive number")
    if svg is not None:
        check_place(svg, "--svg may name another place")
    if frames is not None:
        check_place(frames, "--frames may name another place", folder=True)
    with explained(ValueError):
        graph = ad.parse(expression, names)
        if output > len(graph.outputs):
            fail(f"--output is {output}, the expression has {len(graph.outputs)}")
        tape = ad.record(graph, x)
        lines = _jacobians(graph, x, step)

    click.echo(f"forward pass\n\n{forward_text(tape)}")
    click.echo(f"\nbackward pass from output {output}\n\n{backward_text(tape, output - 1)}")
    click.echo("\nJacobian (a row for each output, a column for each input)\n")
    show_table(
        ("method", "operations", "Jacobian", "off by"), lines, ["operations"], ["operations"]
    )
    click.echo(f"\nsecond derivatives of output {output}: its gradient is a graph too\n")
    click.echo(_second(graph, x, output - 1))
    with explained(OSError):
        _draw(tape, output - 1, svg, frames)


def _point(text: str) -> tuple[list[str], list[float]]:
    """The names and the numbers of "x=1,y=2"."""
    names, numbers = [], []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*=\s*(\S+)\s*", part)
        try:
            if match is None or match[1] in names:
                raise ValueError
            names.append(match[1])
            numbers.append(float(match[2]))
            if not math.isfinite(numbers[-1]):
                raise ValueError
        except ValueError:
            fail(f"--at: {part.strip()!r} is not NAME=NUMBER, or not the first of its name")
    return names, numbers


def _jacobians(graph: Any, x: list[float], step: float) -> list[tuple[str, str, str, str]]:
    """A line of the table for each way, compared with reverse mode."""
    import numpy as np

    from cnnlite import autodiff as ad

    exact = ad.jacobian(graph, x)
    lines = []
    for way in ad.WAYS:
        h = step if way.endswith("differences") else None
        name = f"{way}, h = {h:g}" if h else way
        try:
            rows = ad.jacobian(graph, x, way, h)
        except ValueError:  # at x - h, say, where there is no logarithm any more
            lines.append((name, "", "not defined so near to here", ""))
            continue
        count = partial(ad.jacobian_rows, graph, way=way, h=h)
        off = "" if way == "reverse mode" else f"{np.abs(rows - exact).max(initial=0):.1e}"
        lines.append((name, str(ad.count_operations(count, x)), _matrix(rows.tolist()), off))
    return lines


def _second(graph: Any, x: list[float], output: int) -> str:
    """The gradient's own graph, and the Hessian that it gives."""
    from cnnlite import autodiff as ad

    gradient = ad.gradient(graph, output)
    lines = [
        f"{gradient.labels[place]:4} = {gradient.formula(place)}"
        for place, node in enumerate(gradient.nodes)
        if node.operation
    ]
    parts = zip(gradient.inputs, gradient.outputs, strict=True)
    lines.append(", ".join(f"d/d{name} = {gradient.labels[place]}" for name, place in parts))
    try:
        hessian = _matrix(ad.hessian(graph, x, output).tolist())
    except ValueError as error:
        hessian = f"does not exist here: {error}"
    return "\n".join([*lines, f"\nHessian {hessian}".replace("\n ", "\n         ")])


def _matrix(rows: Sequence[Sequence[float]]) -> str:
    return "[" + ",\n ".join(f"[{', '.join(map(_entry, row))}]" for row in rows) + "]"


def _entry(x: float) -> str:
    return f"{x:.5f}" if abs(x) < 1e9 else f"{x:.5e}"


def _draw(tape: Any, output: int, svg: Path | None, folder: Path | None) -> None:
    from cnnlite.autodiff import svg as pictures
    from cnnlite.files import replace_file

    if svg is not None:
        replace_file(svg, pictures.draw(tape, output).encode())
        click.echo(f"\nthe graph is in {svg}")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(pictures.frames(tape, output)):
            replace_file(folder / f"step-{number:02}.svg", picture.encode())
        click.echo(f"\n{number + 1} pictures are in {folder}")

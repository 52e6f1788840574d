"""The starting file of an exercise of one's own, and the template of such an exercise."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from textwrap import indent

from cnnlite.exercises.parts import Part
from cnnlite.notebooks import blocks, code, markdown, to_json

__all__ = ["starting_text", "template", "template_notebook"]

HEAD = '''\
# cnnlite exercise: {name}
"""{doc}
"""

import numpy as np
'''

TEMPLATE = '''\
# Keep this file to yourself: it has the answers.
#
#     cnnlite exercise {file}                             writes the starting file
#     cnnlite exercise check FILE --exercise {file}       checks a student's file
#     cnnlite exercise check DIR --exercise {file} -j 2   checks a class
"""The moving average of a signal.

The title above and this text stand at the head of the starting file.
"""

import numpy as np

from cnnlite.exercises import reference_part

name = "{name}"
allowed = ("numpy",)  # what students may import besides Python's own


# The right functions. Name, arguments and docstring go into the starting file, the rest does not.
def moving_average(x, width):
    """Return y (len(x) - width + 1,): the mean of each window of x, of that width."""
    return np.convolve(x, np.ones(width) / width, "valid")


def moving_average_backward(dy, x, width):
    """Return dx, like x: the gradient of a loss, given dy, that with respect to y."""
    return np.convolve(dy, np.ones(width) / width, "full")


# The calls that test a part: another seed, other numbers. Arrays and numbers only.
def windows(rng):
    for count, width in ((6, 2), (9, 3), (5, 5)):
        yield {{"x": rng.standard_normal(count), "width": width}}


def gradients(rng):
    for inputs in windows(rng):
        count = len(inputs["x"]) - inputs["width"] + 1
        yield {{"dy": rng.standard_normal(count), **inputs}}


parts = [
    reference_part(
        moving_average,
        windows,
        name="forward",
        points=2,
        tolerance=1e-7,  # relative to the largest number
        mistakes={{
            "the sum of the window, not its mean":
                lambda x, width: np.convolve(x, np.ones(width), "valid"),
            "windows that reach beyond the signal":
                lambda x, width: np.convolve(x, np.ones(width) / width, "full"),
        }},
    ),
    reference_part(
        moving_average_backward,
        gradients,
        name="backward",
        points=3,
        mistakes={{
            "the 1 / width is missing":
                lambda dy, x, width: np.convolve(dy, np.ones(width), "full"),
        }},
    ),
]
'''


def template(name: str, file: str) -> str:
    """Return an author's file to begin with: a small exercise that works.

    Args:
        name: of the exercise, as the command line takes it.
        file: its own name.
    """
    return TEMPLATE.format(name=name, file=file)


def template_notebook(name: str, file: str) -> str:
    """Return the same as a notebook."""
    doc, (head, *parts) = blocks(template(name, file))
    told = "\n".join(line[1:].removeprefix(" ") for line in head.splitlines())
    return to_json([markdown(told), code(f'"""{doc}\n"""'), *map(code, parts)])


def starting_text(name: str, doc: str, tree: ast.Module, parts: Sequence[Part]) -> str:
    """Return a starting file: of each reference the arguments and the docstring, and what to do.

    Args:
        name: of the exercise.
        doc: for the head of the file.
        tree: the author's file.
        parts: of the exercise.

    Raises:
        ValueError: a part's function is not in the file, or has a default that is no plain value.
    """
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    texts = []
    for function in dict.fromkeys(part.function for part in parts):
        if function not in functions:
            raise ValueError(f"part {parts[0].name}: the file has no function {function}")
        own = [part for part in parts if part.function == function]
        texts.append(_function(functions[function], own))
    text = doc.strip()
    if "Part" not in text:
        text += "\n\nFill in the parts."
    head = HEAD.format(name=name, doc=text.replace("\\", "\\\\").replace('"""', "'''"))
    return "\n\n".join([head, *texts])


def _function(node: ast.FunctionDef, parts: Sequence[Part]) -> str:
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    for argument in (*plain, arguments.vararg, arguments.kwarg):
        if argument is not None:
            argument.annotation = None  # what it names may not be there
    for default in (*arguments.defaults, *filter(None, arguments.kw_defaults)):
        try:
            ast.literal_eval(default)
        except ValueError:
            told = ast.unparse(default)
            raise ValueError(
                f"part {parts[0].name}: {node.name} has the default {told}, expected a plain value"
            ) from None
    lines = [f"def {node.name}({ast.unparse(arguments)}):"]
    doc = ast.get_docstring(node)
    if doc:
        quoted = doc.replace("\\", "\\\\").replace('"""', "'''")
        ended = f"{quoted}\n" if "\n" in quoted or quoted.endswith('"') else quoted
        lines.append(indent(f'"""{ended}"""', "    "))
    for part in parts:
        lines.append(f"    # Part {part.name}.")
        name = part.of[part.take] if part.take is not None else "result"
        lines.append(f"    {name} = None")
    of = parts[0].of
    missing = [
        name for name in of if name not in {p.of[p.take] for p in parts if p.take is not None}
    ]
    lines += [f"    {name} = None" for name in missing]
    lines.append(f"    return {', '.join(of) if of else 'result'}\n")
    return "\n".join(lines)

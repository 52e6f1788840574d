"""One HTML file from a list of sections, with all that it needs in it: no request leaves it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnlite.html import details
from cnnlite.report.palette import DARK, VARIABLES

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Section", "array", "as_json", "figure", "payload", "policy", "render", "slider"]

NOTHING = "'none'"
STYLES = ("style.css", "inside.css")
SCRIPTS = (
    "page.js", "layers.js", "confusion.js", "maps.js", "run.js", "inside.js", "attention.js",
    "learning.js", "sweep.js",
)  # fmt: skip
"""What runs in a page after plotly, in this order; files of `page/`."""


class Section(NamedTuple):
    """A part of a page.

    Attributes:
        id: its name in addresses and scripts, lower-case letters, digits and hyphens.
        title: its heading, plain text.
        html: what stands under the heading: complete, everything from a run escaped.
        figures: by id, those that `html` has a place for (see `figure`).
        data: what its script is given: plain values, and arrays as `array` makes them.
    """

    id: str
    title: str
    html: str
    figures: Mapping[str, go.Figure] = {}
    data: Mapping[str, Any] = {}


def figure(id: str, caption: str, label: str, table: str = "") -> str:
    """Return the HTML of the place where a figure of a section is drawn.

    Args:
        id: the figure's, among the section's figures.
        caption: one sentence that says what to look for, plain text.
        label: what the figure shows, for whoever does not see it, plain text.
        table: the same as an HTML table, which is folded away.
    """
    text = f'<figure><div class="figure" data-figure="{html.escape(id)}" role="group"'
    text += f' aria-label="{html.escape(label)}"></div>'
    text += f"<figcaption>{html.escape(caption)}</figcaption>"
    if table:
        text += details("The numbers as a table", table)
    return f"{text}</figure>"


def slider(epochs: Sequence[int]) -> str:
    """Return the HTML of a slider over epochs.

    All sliders of a page move together. A script hears of it by the event `cnnlite:epoch` of the
    document, whose `detail` is the position in `epochs`.
    """
    last = len(epochs) - 1
    listed = ",".join(map(str, epochs))
    return (
        f'<label class="slider">Epoch <output>{epochs[-1]}</output>'
        f'<input type="range" min="0" max="{last}" value="{last}" data-epochs="{listed}"></label>'
    )


def array(values: np.ndarray) -> dict[str, Any]:
    """Return an array for a section's data; `cnnlite.array` gives a typed array of it."""
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    text = base64.b64encode(values.tobytes()).decode()
    return {"dtype": values.dtype.name, "shape": list(values.shape), "base64": text}


def as_json(value: Any) -> str:
    """Return JSON that may stand in a page, whatever strings there are in it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def payload(section: Section) -> dict[str, Any]:
    """Return a section as plain values, as `cnnlite.update` in a page takes it."""
    figures = {id: json.loads(figure.to_json()) for id, figure in section.figures.items()}
    return {**section._asdict(), "figures": figures, "data": dict(section.data)}


def render(
    sections: Iterable[Section],
    title: str,
    scripts: Sequence[str] = (),
    connect: str = NOTHING,
    styles: Sequence[str] = (),
) -> str:
    """Return a page as HTML.

    Args:
        sections: in their order.
        title: the page's heading, plain text.
        scripts: the texts of further scripts, which run after those of every page.
        connect: what the page's scripts may connect to, as in a Content-Security-Policy.
        styles: the texts of further style sheets.

    Raises:
        ImportError: plotly is not installed.
    """
    sections = list(sections)
    programs = _programs(scripts)
    filled = {
        "policy": policy(scripts, connect),
        "title": html.escape(title),
        "colors": _colors(),
        "style": "\n".join([*map(_read, STYLES), *styles]),
        "links": "".join(map(_link, sections)),
        "sections": "\n".join(map(_section, sections)),
        "data": as_json(
            {"dark": DARK, "sections": [payload(section) | {"html": ""} for section in sections]}
        ),
        "scripts": "\n".join(f"<script>{program}</script>" for program in programs),
    }
    first, *rest = _read("template.html").split("{{")
    page = [first]
    for part in rest:
        name, text = part.split("}}", 1)
        page += [filled[name], text]
    whole = "".join(page)
    return whole.encode("utf-8", "backslashreplace").decode()  # names of files may be any bytes


def policy(scripts: Sequence[str] = (), connect: str = NOTHING) -> str:
    """Return the Content-Security-Policy of a page that `render` makes of the same arguments."""
    allowed = " ".join(map(_digest, _programs(scripts)))
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        f"img-src data: blob:; connect-src {connect}; base-uri 'none'; form-action 'none'"
    )


def _programs(scripts: Sequence[str]) -> list[str]:
    from plotly.offline import get_plotlyjs

    return [get_plotlyjs(), *map(_read, SCRIPTS), *scripts]


def _link(section: Section) -> str:
    return f'<li><a href="#{section.id}">{html.escape(section.title)}</a></li>'


def _section(section: Section) -> str:
    return (
        f'<section id="{section.id}" aria-labelledby="{section.id}-title">'
        f'<h2 id="{section.id}-title">{html.escape(section.title)}</h2>'
        f'<div class="body">{section.html}</div></section>'
    )


def _colors() -> str:
    """Return the palette as variables of the style sheet."""
    light = "".join(f"--{name}:{color};" for name, color in VARIABLES.items())
    dark = "".join(f"--{name}:{DARK.get(color, color)};" for name, color in VARIABLES.items())
    return (
        f":root{{{light}}}@media (prefers-color-scheme:dark){{"
        f':root:not([data-theme="light"]){{{dark}}}}}:root[data-theme="dark"]{{{dark}}}'
    )


@cache
def _digest(program: str) -> str:
    digest = hashlib.sha256(program.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _read(name: str) -> str:
    return (files("cnnlite.report.page") / name).read_text(encoding="utf-8")

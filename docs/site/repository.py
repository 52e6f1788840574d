"""Links from pages to files of the repository: on the site they lead to copies of these files.

A page links to `../../cnnlite/solver.py` as a code host understands it.  Here the file becomes a
page of the site, with its lines coloured; README, CONTRIBUTING and CHANGELOG become pages like the
others, in the folder `project`.
"""

import html
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TOP = {
    "README.md": "docs/project/readme.markdown",
    "CONTRIBUTING.md": "docs/project/contributing.markdown",
    "CHANGELOG.md": "docs/project/changelog.markdown",
}
LINK = re.compile(r"(?<=\]\()(?P<link>[^)\s]+)(?=\))")
FENCED = re.compile(r"(^```.*?^```\n)", re.S | re.M)
SHOWN = {".py", ".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h", ".md", ".toml", ".in"}


def write_top_pages(app: Sphinx) -> None:
    """Copy the files at the top of the repository to where Sphinx finds pages."""
    for name, page in TOP.items():
        path = ROOT / page
        path.parent.mkdir(exist_ok=True)
        text = rewritten((ROOT / name).read_text(encoding="utf-8"), Path(name).parent, path.parent)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def rewrite_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Make links to files outside of docs/ links of the scheme `repository:`."""
    page = Path(app.env.doc2path(docname))
    if page.suffix == ".md":
        source[0] = rewritten(source[0], page.parent.relative_to(ROOT), page.parent)


def rewritten(text: str, home: Path, new_home: Path) -> str:
    """Return Markdown whose links, relative to `home`, are right in a page of `new_home`."""

    def new_link(match: re.Match[str]) -> str:
        link, _, anchor = match["link"].partition("#")
        if not link or ":" in link:
            return match["link"]
        target = os.path.normpath(home / link)
        path = ROOT / TOP.get(target, target)
        if path == DOCS:
            path = DOCS / "index.md"
        if path.is_relative_to(DOCS) and path.suffix in (
            ".md",
            ".markdown",
            ".rst",
            ".png",
            ".svg",
        ):
            return os.path.relpath(path, new_home) + (f"#{anchor}" if anchor else "")
        return f"repository:{target}"

    parts = FENCED.split(text)
    parts[::2] = (LINK.sub(new_link, part) for part in parts[::2])
    return "".join(parts)


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Turn `repository:` into the address of the copy, and note that it is wanted."""
    for node in doctree.findall(nodes.reference):
        target = node.get("refuri", "").removeprefix("repository:")
        if target != node.get("refuri", ""):
            node["refuri"] = app.builder.get_relative_uri(docname, f"source/{target}")
            node["internal"] = True


def source_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each file and folder that pages link to, and for each folder's files."""
    if app.builder.format != "html":
        return
    found = {
        os.path.normpath(path.parent.relative_to(ROOT) / match["link"].partition("#")[0])
        for path in [*DOCS.rglob("*.md"), *(ROOT / name for name in TOP)]
        for part in FENCED.split(path.read_text(encoding="utf-8"))[::2]
        for match in LINK.finditer(part)
        if ":" not in match["link"] and not match["link"].startswith("#")
    }
    wanted = {ROOT / name for name in found - TOP.keys()}
    wanted = {path for path in wanted if not path.is_relative_to(DOCS) or path.suffix == ".py"}
    for path in sorted(wanted | {file for folder in wanted for file in shown_files(folder)}):
        name = path.relative_to(ROOT).as_posix()
        body = listing(path) if path.is_dir() else coloured(path)
        context = {"title": name, "body": f"<h1><code>{html.escape(name)}</code></h1>\n{body}"}
        yield f"source/{name}", context, "page.html"


def shown_files(folder: Path) -> list[Path]:
    """Return the files of a folder that have pages; none of a file."""
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in files if path.suffix in SHOWN)


def listing(folder: Path) -> str:
    """Return links to the files of a folder."""
    names = [html.escape(path.name) for path in shown_files(folder)]
    links = [f'<li><a href="{folder.name}/{name}.html">{name}</a></li>' for name in names]
    return "<ul>\n" + "\n".join(links) + "\n</ul>"


def coloured(path: Path) -> str:
    """Return the lines of a file, coloured and numbered."""
    try:
        lexer = get_lexer_for_filename(path.name)
    except ClassNotFound:
        lexer = TextLexer()
    text = path.read_text(encoding="utf-8")
    lines = highlight(text, lexer, HtmlFormatter(linenos="inline", nowrap=False))
    return lines.replace("<pre>", '<pre tabindex="0">')


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write_top_pages)
    app.connect("source-read", rewrite_page, priority=400)
    app.connect("doctree-resolved", resolve)
    app.connect("html-collect-pages", source_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

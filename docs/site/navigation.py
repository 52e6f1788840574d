"""The site's navigation is what the index pages list.

A heading of docs/index.md is a part of the navigation, and each item of a list under it that
begins with a link to a page is a page of that part.  So there is no list besides the one that a
reader sees.
"""

import re

from sphinx.application import Sphinx

HEADING = re.compile(r"^## +(?P<title>.+)$", re.M)
ITEM = re.compile(r"^(?:[-*]|\d+\.|\|) *\[[^\]]*\]\((?P<link>[^)#:]+)\.(?:md|markdown)\)", re.M)


def add_navigation(app: Sphinx, docname: str, source: list[str]) -> None:
    """Append a hidden table of contents for each part of an index page."""
    if docname.rpartition("/")[2] != "index":
        return
    parts = HEADING.split(source[0])
    for title, text in [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]:
        links = ITEM.findall(text)
        if links:
            caption = f":caption: {title}\n" if docname == "index" and title else ""
            listed = "\n".join(links)
            source[0] += f"\n\n```{{toctree}}\n:hidden:\n{caption}\n{listed}\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", add_navigation, priority=500)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

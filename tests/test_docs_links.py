"""Every link of every page leads to a file that is there, and to a heading that is there."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCED = re.compile(r"^(```|~~~).*?^\1", re.S | re.M)
LINK = re.compile(r"(?<!\\)\]\((?P<link>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *#*$", re.M)


def page_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def plain(page: Path) -> str:
    """Return a page without its code blocks and code in backticks."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "code", text)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts and the site make them."""
    seen: Counter[str] = Counter()
    found = set()
    for match in HEADING.finditer(FENCED.sub("", page.read_text(encoding="utf-8"))):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match["title"])
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    lost = []
    for match in LINK.finditer(plain(page)):
        link, _, anchor = match["link"].partition("#")
        target = (page.parent / link).resolve() if link else page
        if "://" in link or link.startswith("mailto:"):
            continue
        if not target.exists() or not target.is_relative_to(ROOT):
            lost.append(f"{match['link']}: there is no such file")
        elif anchor and anchor not in anchors(target):
            lost.append(f"{match['link']}: there is no such heading")
    assert not lost


def test_every_page_is_listed() -> None:
    """In docs/index.md, or in an index page or a table of a page that it lists."""
    index = ROOT / "docs" / "index.md"
    reached, waiting = {index}, [index]
    while waiting:
        page = waiting.pop()
        for match in LINK.finditer(page.read_text(encoding="utf-8")):
            target = (page.parent / match["link"].partition("#")[0]).resolve()
            if page.name == "index.md" and target.suffix == ".md" and target not in reached:
                reached.add(target)
                waiting.append(target)
    assert set(ROOT.glob("docs/**/*.md")) <= reached


def test_every_figure_is_shown() -> None:
    """docs/images holds no picture that no page shows, and README's are there."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    unused = [path.name for path in ROOT.glob("docs/images/**/*.*") if path.name not in text]
    assert not unused

"""Build the site into build/site, offline, and look at what was built.

python -m docs.site            a warning is an error
python -m docs.site photos     photographs of every page, in two widths, light and dark

Every link and anchor in the built pages must lead somewhere, and no page may ask another host for
anything.
"""

import argparse
import subprocess
import sys
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "site"
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}


class Links(HTMLParser):
    """Collects a page's anchors, its links, and what a browser loads with it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name == "id":
                self.anchors.add(value)
            elif value and (tag, name) in LOADED:
                self.loads.append(value)
            elif value and (tag, name) == ("a", "href"):
                self.links.append(value)


def build() -> None:
    """Run Sphinx; what it would only warn of is an error."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-E",
        "-W",
        "--keep-going",
        "-q",
        "-j",
        "2",
        "-b",
        "html",
    ]
    status = subprocess.run([*command, str(ROOT / "docs"), str(SITE)], cwd=ROOT).returncode
    if status:
        sys.exit(status)


def faults(site: Path) -> dict[str, list[str]]:
    """Return what is wrong with the built pages, by page."""
    pages = {path: Links(path) for path in sorted(site.rglob("*.html"))}
    found = defaultdict(list)
    for path, page in pages.items():
        for link in page.links + page.loads:
            url = urlsplit(link)
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            if url.scheme or url.netloc:
                if link in page.loads:
                    found[str(path.relative_to(site))].append(f"loads {link}")
            elif not target.exists():
                found[str(path.relative_to(site))].append(f"{link}: no such file")
            elif url.fragment and target in pages and link in page.links:
                lost = unquote(url.fragment) not in pages[target].anchors
                found[str(path.relative_to(site))] += [f"{link}: no such anchor"] * lost
    return {page: lines for page, lines in found.items() if lines}


def main() -> None:
    """Build and check, or photograph what was built."""
    parser = argparse.ArgumentParser(prog="python -m docs.site")
    parser.add_argument("what", nargs="?", choices=("build", "photos"), default="build")
    if parser.parse_args().what == "photos":
        from docs.site.photographs import photograph_site

        photograph_site(SITE, ROOT / "build" / "photographs")
        return
    build()
    wrong = faults(SITE)
    for page, lines in wrong.items():
        print(page, *lines, sep="\n    ")
    if wrong:
        sys.exit(1)
    print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE.relative_to(ROOT)}: index.html")


if __name__ == "__main__":
    main()

"""The site: what its extensions make of pages, what its check finds; slow: that it is built."""

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("latex2mathml")

from docs.site import api, navigation, repository
from docs.site.__main__ import SITE, build, faults

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


class TestLinksToTheRepository:
    def test_pages_stay_and_files_become_copies(self) -> None:
        text = (
            "[a](../use/data.md#pictures) [b](../../cnnlite/solver.py) [c](#here) [d](https://x.y)"
        )
        assert repository.rewritten(text, Path("docs/learn"), DOCS / "learn") == (
            "[a](../use/data.md#pictures) [b](repository:cnnlite/solver.py) [c](#here) "
            "[d](https://x.y)"
        )

    def test_the_readme_moves_into_the_site(self) -> None:
        text = "![p](docs/images/training.png) [c](CONTRIBUTING.md) [e](examples)"
        assert repository.rewritten(text, Path(), DOCS / "project") == (
            "![p](../images/training.png) [c](contributing.markdown) [e](repository:examples)"
        )

    def test_code_is_left_alone(self) -> None:
        text = "```python\nx[0](../../setup.py)\n```\n"
        assert repository.rewritten(text, Path("docs"), DOCS) == text


class TestNavigation:
    def test_the_lists_of_an_index_are_its_navigation(self) -> None:
        source = [
            "# T\n\n## Learn\n\n- [A](learn/a.md): see [b](learn/b.md).\n\n## Use\n\n1. [C](c.md)\n"
        ]
        navigation.add_navigation(None, "index", source)  # type: ignore[arg-type]
        tables = source[0].split("```{toctree}")[1:]
        assert [table.split()[:4] for table in tables] == [
            [":hidden:", ":caption:", "Learn", "learn/a"],
            [":hidden:", ":caption:", "Use", "c"],
        ]

    def test_other_pages_have_none(self) -> None:
        source = ["- [A](a.md)\n"]
        navigation.add_navigation(None, "learn/a", source)  # type: ignore[arg-type]
        assert source == ["- [A](a.md)\n"]


class TestDocstrings:
    def test_what_would_be_markup_is_text(self) -> None:
        assert api.escaped("y = x / (1 + |x|), *layers, buffer_, `a*b`") == (
            r"y = x / (1 + \|x\|), \*layers, buffer\_, `a*b`"
        )

    def test_indented_blocks_are_code(self) -> None:
        lines = ["Do it.", "", "So:", "", "    y = a * b", "", "Args:", "    x: (N, *C).", ""]
        literal = ["::", "", "    y = a * b", "", "Args:", r"    x: (N, \*C).", ""]
        assert api.plain(lines) == ["Do it.", "", "So:", "", *literal]

    def test_each_package_of_the_page_says_what_is_public(self) -> None:
        for name in api.packages():
            module = importlib.import_module(name)
            assert set(module.__all__) <= set(dir(module)), name


class TestCheck:
    def test_it_finds_what_is_lost_and_what_is_asked_for(self, tmp_path: Path) -> None:
        (tmp_path / "good.html").write_text('<h1 id="a">A</h1><a href="bad.html">b</a>')
        (tmp_path / "bad.html").write_text(
            '<a href="good.html#b"></a><a href="gone.html"></a><a href="https://x.y"></a>'
            '<script src="https://cdn.example/x.js"></script><img src="gone.png">'
        )
        assert faults(tmp_path) == {
            "bad.html": [
                "good.html#b: no such anchor",
                "gone.html: no such file",
                "loads https://cdn.example/x.js",
                "gone.png: no such file",
            ]
        }


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("furo") is None, reason="needs the extra docs")
def test_the_site_is_built_and_asks_for_nothing() -> None:
    """Every warning of Sphinx is an error; every link and anchor leads somewhere."""
    build()
    assert faults(SITE) == {}


@pytest.mark.slow
@pytest.mark.browser
def test_a_browser_shows_pages_in_silence(browser: Any, tmp_path: Path) -> None:
    """No request, no complaint, nothing wider than the window, and every picture is drawn."""
    from docs.site.photographs import photograph

    if not (SITE / "index.html").exists():
        build()
    for name in ("index", "learn/winograd", "lookup/errors", "lookup/api/cnnlite.layers"):
        for dark in (False, True):
            seen = photograph(browser, SITE / f"{name}.html", tmp_path / "page", dark=dark)
            assert not seen.faults(), name

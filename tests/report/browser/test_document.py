"""A page of two sections in a browser: figures are drawn, nothing is asked for."""

from pathlib import Path

import plotly.graph_objects as go

from cnnlite.report.document import Section, figure, render
from tests.browser import Watched


def test_a_figure_is_drawn_and_no_request_leaves_the_page(page: Watched, tmp_path: Path) -> None:
    line = go.Figure(go.Scatter(y=[1, 3, 2]))
    section = Section("one", "One <b>", figure("line", "Look.", "A line."), {"line": line})
    file = tmp_path / "page.html"
    file.write_text(render([section], "</script><script>alert(1)"), encoding="utf-8")
    page.page.goto(file.as_uri())
    page.page.wait_for_selector(".figure[data-drawn] .scatterlayer path.js-line")
    assert page.errors == []
    assert page.requests == []
    assert page.page.title() == "</script><script>alert(1)"

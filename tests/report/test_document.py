"""A page is one file: what it runs is allowed by its digest, what it shows is escaped."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from cnnlite.report.document import Section, array, as_json, figure, payload, render, slider
from cnnlite.report.html import table


def test_every_script_that_runs_is_allowed_by_its_digest_and_nothing_else() -> None:
    page = render([Section("one", "One", "<p>text</p>")], "title", scripts=["cnnlite.extra = 1;"])
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert scripts[-1] == "cnnlite.extra = 1;"
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    allowed = re.search(r"script-src ([^;]+);", policy)
    assert allowed is not None
    assert allowed[1].split() == [f"'sha256-{digest}'" for digest in digests]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert not re.search(r"<[^>]+\son\w+=", page.partition("<script")[0])


def test_titles_and_data_cannot_end_their_element() -> None:
    bad = "</script><img src=x onerror=alert(1)>\u2028&"
    page = render([Section("one", bad, "", data={"name": bad})], bad)
    assert "<img src=x" not in page
    text = re.search(r'id="cnnlite-data">(.*?)</script>', page, re.S)
    assert text is not None
    assert json.loads(text[1])["sections"][0]["data"]["name"] == bad


def test_a_page_is_the_same_each_time() -> None:
    section = Section("one", "One", "")
    assert render([section], "x") == render([section], "x")


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, ">f8"])
def test_an_array_comes_back_as_it_was(dtype: str) -> None:
    values = np.arange(6).reshape(2, 3).astype(dtype)
    data = array(values)
    back = np.frombuffer(base64.b64decode(data["base64"]), data["dtype"]).reshape(data["shape"])
    np.testing.assert_array_equal(back, values)


def test_numbers_that_json_has_not_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        as_json({"x": float("nan")})


def test_figures_of_a_section_are_plain_values() -> None:
    import plotly.graph_objects as go

    section = Section("one", "One", "", {"f": go.Figure(go.Scatter(y=[1.0, float("nan")]))})
    assert "NaN" not in as_json(payload(section))


def test_captions_labels_and_cells_are_escaped() -> None:
    html = figure("f", "<b>", '"x"', "<table></table>") + table("<c>", ["<h>"], [["<d>"]])
    assert "<b>" not in html
    assert 'aria-label="&quot;x&quot;"' in html
    assert not re.search("<[chd]>", html)


def test_a_slider_lists_its_epochs() -> None:
    assert 'max="2"' in slider([1, 5, 10])
    assert 'data-epochs="1,5,10"' in slider([1, 5, 10])


def test_names_that_are_no_utf8_can_be_written() -> None:
    """A folder called b"\\xff" gave its live page no bytes, but an error of the server."""
    section = Section("one", "a\udcff", "<p>b\udcff</p>", data={"name": "c\udcff"})
    page = render([section], "d\udcff").encode().decode()
    assert '<h2 id="one-title">a\\udcff</h2>' in page
    assert "d\\udcff" in page

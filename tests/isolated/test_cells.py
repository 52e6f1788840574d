"""The code of a notebook: what is Python, what is not, and what is no notebook."""

import json
from pathlib import Path
from typing import Any

import pytest

from cnnlite.isolated.cells import code_of, cut, place
from cnnlite.isolated.source import programs, read_source


def notebook(*sources: Any, **changes: Any) -> bytes:
    cells = [{"cell_type": "code", "source": source, "metadata": {}} for source in sources]
    whole = {"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}, **changes}
    return json.dumps(whole).encode()


def python_of(text: str) -> str:
    (cell,) = cut(code_of(notebook(text), "x.ipynb"))
    return cell.text.removesuffix("\n")


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("if True:\n    %time f(x)\n    y = 1", "if True:\n    pass\n    y = 1"),
        ("!pip install 'half a string", "pass"),
        ("!ls \\\n  -l\nx = 1", "pass\n\nx = 1"),
        ("files = !ls", "pass"),
        ("x, y = %time f()", "pass"),
        ("?f", "pass"),
        ("f?", "pass"),
        ("np.array??", "pass"),
        ("get_ipython().run_line_magic('time', '')", "pass"),
        ("%%time\nx = 1", "\nx = 1"),
        ("\n%%bash\nrm -rf /", ""),
        ("%%writefile relu.py\nx = 1", ""),
        # Python, though its lines begin like magics:
        ("x = (7\n     % 4)", "x = (7\n     % 4)"),
        ("x = 7 \\\n% 4", "x = 7 \\\n% 4"),
        ('text = """\n%time\n!ls\nwhat?\n"""', 'text = """\n%time\n!ls\nwhat?\n"""'),
        ("text = '''it's\n% no magic'''", "text = '''it's\n% no magic'''"),
        ("x = [\n  '[',  # ]\n% 2]", "x = [\n  '[',  # ]\n% 2]"),
        ('x = "# no comment" + (\n"a"\n% ())', 'x = "# no comment" + (\n"a"\n% ())'),
        (r'x = "\"" + "\\"' "\n%time", r'x = "\"" + "\\"' "\npass"),
        ("x = 1  # ends in \\\n%time", "x = 1  # ends in \\\npass"),
        ("ok = a != b\nt = x if ok else y", "ok = a != b\nt = x if ok else y"),
        ("a = b == c", "a = b == c"),
        # What is not closed ends with the cell, or with the line:
        ("x = 'open\n%time", "x = 'open\npass"),
        ("a\r\n%b\rc", "a\npass\nc"),
    ],
)
def test_only_what_python_does_not_understand_is_left_out(text: str, python: str) -> None:
    assert python_of(text) == python


def test_lines_keep_their_cells_and_numbers() -> None:
    content = notebook(["import os\n", "\n", "x = 1"], "%time\n", "y = 2\nz = 3")
    cells = json.loads(content)
    cells["cells"].insert(1, {"cell_type": "markdown", "source": "y = 4", "metadata": {}})
    code = code_of(json.dumps(cells).encode(), "x.ipynb")
    assert [cell.number for cell in cut(code)] == [1, 2, 3]
    assert "y = 4" not in code
    lines = code.split("\n")
    assert place(code, lines.index("x = 1") + 1) == (1, 3)
    assert place(code, lines.index("z = 3") + 1) == (3, 2)


def test_a_cell_cannot_pretend_to_be_two() -> None:
    code = code_of(notebook("x = '''\n# %% cell 7\n'''", "y = 1"), "x.ipynb")
    assert [cell.number for cell in cut(code)] == [1, 2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is not JSON"),
        (b"# cnnlite exercise: relu\n", "it is not JSON"),
        (b"[" * 200_000, "it is not JSON"),
        (b"\xff\xfe\x00\xd8", "it is not JSON"),
        (b"[]", "expected an object with nbformat and cells"),
        (b'{"cells": []}', "expected an object with nbformat and cells"),
        (b'{"nbformat": 4}', "it has no list of cells"),
        (notebook(cells={"a": 1}), "it has no list of cells"),
        (notebook(), "has no cell with code"),
        (notebook(nbformat=3, worksheets=[{"cells": []}]), "has nbformat 3, expected 4"),
        (notebook(nbformat="four" * 99), "has nbformat fourfourfour"),
        (notebook("x", 7), "cell 2 of 2 has no cell_type or no source"),
        (notebook(["x", 7]), "cell 1 of 1 has no cell_type or no source"),
        (notebook(cells=["x"]), "cell 1 of 1 has no cell_type or no source"),
        (notebook(cells=[{"cell_type": 3, "source": "x"}]), "cell 1 of 1 has no cell_type"),
    ],
)
def test_what_is_no_notebook_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "mine.ipynb"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"mine\.ipynb") as raised:
        read_source(file)
    assert said in str(raised.value)
    assert len(str(raised.value)) < 400


def test_too_large_a_notebook_is_told_to_clear_its_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "large.ipynb"
    monkeypatch.setattr("cnnlite.isolated.source.LARGEST_NOTEBOOK", 2**21)
    file.write_bytes(notebook("x = 1") + b" " * 2**21)
    with pytest.raises(ValueError, match="megabytes; clear its outputs"):
        read_source(file)
    file.write_bytes(notebook("#" * (2**20 + 1)))
    with pytest.raises(ValueError, match="more than a megabyte of code"):
        read_source(file)


def test_half_a_pair_of_utf_16_is_no_reason_to_fail(tmp_path: Path) -> None:
    file = tmp_path / "odd.ipynb"
    file.write_bytes(b"\xef\xbb\xbf" + notebook('x = "\ud800"'))
    assert programs(file) == [b'x = "\\ud800"\n']

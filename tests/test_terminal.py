"""Text on its way out: narrow terminals, encodings that lack letters, readers that leave."""

from __future__ import annotations

import errno
import io
import os

import pytest

from cnnlite.terminal import Output, OutputEnded, console, display_width, fitting, table, width_of

HEADINGS = ("layer", "rung", "forward", "error")
ROWS = [
    ("3x3 64-64 @16", "winograd", "123 (45%)", "1e-07"),
    ("3x3/2 16-32 @32", "im2col", "1.23 (4%)", "2e-07"),
]


class Pipe(io.StringIO):
    """A stream whose writes fail with an error of this number after so many."""

    def __init__(self, number: int, good: int = 0) -> None:
        super().__init__()
        self.number, self.good = number, good

    def write(self, text: str) -> int:
        self.good -= 1
        if self.good < 0:
            raise OSError(self.number, os.strerror(self.number))
        return super().write(text)


class TestTable:
    def test_numbers_stand_to_the_right(self) -> None:
        assert table(HEADINGS, ROWS, ("forward", "error")).splitlines() == [
            "layer            rung        forward  error",
            "3x3 64-64 @16    winograd  123 (45%)  1e-07",
            "3x3/2 16-32 @32  im2col    1.23 (4%)  2e-07",
        ]

    @pytest.mark.parametrize("width", range(5, 60))
    def test_no_number_is_ever_broken_and_lines_fit(self, width: int) -> None:
        text = table(HEADINGS, ROWS, ("forward", "error"), ("error", "forward"), width)
        words = {word for line in text.splitlines() for word in line.split()}
        numbers = {word for row in ROWS for cell in row[2:] for word in cell.split()}
        pieces = {
            word for word in words if word[:1].isdigit() and "x" not in word and "-" not in word
        }
        assert pieces <= numbers
        if width >= 18:
            assert max(map(len, text.splitlines())) <= width

    def test_text_is_folded_more_before_a_line_is_too_long(self) -> None:
        """Of 40 columns the mistakes of evaluate needed 41, and their numbers were torn off."""
        heads = ("image", "true class", "taken for", "probability")
        row = ("circle/p024.png", "triangles", "rectangles", "60.5%")
        lines = table(heads, [row], ["probability"], width=40).splitlines()
        assert max(map(len, lines)) <= 40
        assert [line[-5:] for line in lines if line.endswith("%")] == ["60.5%"]

    def test_columns_go_in_the_order_given(self) -> None:
        lines = [
            table(HEADINGS, ROWS, (), ("error", "forward"), width).splitlines()[0].split()
            for width in (60, 40, 28)
        ]
        assert lines == [list(HEADINGS), list(HEADINGS[:3]), list(HEADINGS[:2])]

    def test_the_widest_text_is_folded_between_words(self) -> None:
        text = table(("statement", "holds"), [("one two three four five", "yes")], width=20)
        assert text.splitlines() == [
            "statement      holds", "one two three  yes", "four five",
        ]  # fmt: skip

    def test_cells_of_several_lines(self) -> None:
        assert table(("a", "b"), [("[[1,\n  2]]", "x")]).splitlines() == [
            "a      b",
            "[[1,   x",
            "  2]]",
        ]

    def test_without_headings_there_is_no_first_line(self) -> None:
        assert table(("", " "), [("python", "3.11")]) == "python  3.11"

    def test_wide_letters_take_two_columns(self) -> None:
        assert display_width("猫 cat") == 6
        first, second = table(("", " "), [("猫", "1"), ("cat", "2")]).splitlines()
        assert (first, second) == ("猫   1", "cat  2")

    def test_nothing_to_show(self) -> None:
        assert table(("a", "b"), []) == "a  b"
        assert fitting([3, 4], [1], None) == [0, 1]


class TestWidth:
    def test_columns_in_the_environment_win(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "44")
        assert width_of(io.StringIO()) == 44
        assert console(io.StringIO()).width == 44

    @pytest.mark.parametrize("columns", ["", "0", "many", "-3", "²"])
    def test_what_is_no_width_is_ignored(
        self, monkeypatch: pytest.MonkeyPatch, columns: str
    ) -> None:
        monkeypatch.setenv("COLUMNS", columns)
        assert width_of(io.StringIO()) is None

    def test_no_terminal_no_width(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("COLUMNS", raising=False)
        assert width_of(None) is None
        assert width_of(Output(None)) is None


class TestOutput:
    def test_a_patient_one_notes_the_first_fault_and_takes_the_rest(self) -> None:
        pipe = Pipe(errno.EPIPE, good=1)
        out = Output(pipe)
        for text in ("one\n", "two\n", "three\n"):
            assert out.write(text) == len(text)
        out.flush()
        assert out.reader_left
        assert pipe.getvalue() == "one\n"

    def test_an_impatient_one_ends_the_command(self) -> None:
        out = Output(Pipe(errno.ENOSPC), patient=False)
        with pytest.raises(OutputEnded):
            out.write("one\n")
        assert not out.reader_left
        assert out.fault is not None
        assert out.fault.errno == errno.ENOSPC
        out.write("what is said afterwards goes nowhere\n")

    def test_a_closed_stream_takes_everything(self) -> None:
        out = Output(None)
        assert out.write("one\n") == 4
        out.flush()
        assert out.fault is None
        assert not out.isatty()

    @pytest.mark.parametrize(
        ("encoding", "text", "shown"),
        [
            ("ascii", "3 × 3 …", "3 x 3 ~"),
            ("ascii", "für", "f\\xfcr"),
            ("latin-1", "für 猫", "für \\u732b"),
            ("utf-8", "a\udcff.png", "a\\udcff.png"),
            ("utf-8", "für 猫", "für 猫"),
        ],
    )
    def test_letters_that_the_encoding_lacks_are_escaped(
        self, encoding: str, text: str, shown: str
    ) -> None:
        content = io.BytesIO()
        out = Output(io.TextIOWrapper(content, encoding=encoding))
        out.write(text)
        out.flush()
        assert content.getvalue().decode(encoding) == shown

    def test_prose_is_folded_between_words_with_its_indent(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "24")
        stream = io.StringIO()
        out = Output(stream, fold=True)
        out.write("accuracy 96.50% over 2,000 images\n  of runs/001-a_very_long_name_of_a_folder\n")
        assert stream.getvalue().splitlines() == [
            "accuracy 96.50% over",
            "  2,000 images",
            "  of",
            "    runs/001-a_very_long_name_of_a_folder",
        ]

    def test_what_moves_the_cursor_is_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "10")
        stream = io.StringIO()
        bar = "\x1b[2K" + "=" * 30 + " 50%"
        Output(stream, fold=True).write(bar)
        assert stream.getvalue() == bar

    def test_bytes_are_no_text(self) -> None:
        with pytest.raises(TypeError, match="expected str, got bytes"):
            Output(io.StringIO()).write(b"x")  # type: ignore[arg-type]
